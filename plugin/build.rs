//! Link options of the plugin.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // HDF5 unloads plugins when it is closed, but our threads and the atexit handler live on.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A function of HDF5 that is linked by mistake, instead of taken from the host, fails the build.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,defs");
}
