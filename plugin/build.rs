//! Link options of the plugin.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // HDF5 unloads plugins when it is closed, but our threads and the atexit handler live on.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Nothing but the two entry points is anybody's business; libraries of the host must not bind to ours.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
}
