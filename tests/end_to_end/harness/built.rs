//! Where Cargo put the programs under test, and where the tools are that the tests run.

use std::path::{Path, PathBuf};

/// Directory with the executables and the plugin, found from the running test, so that any target
/// directory will do.
pub(crate) fn directory() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    test.parent()
        .and_then(Path::parent)
        .expect("tests lie in a folder of the build directory")
        .to_path_buf()
}

fn built(name: &str) -> PathBuf {
    let path = directory().join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make build` first",
        path.display()
    );
    path
}

pub(crate) fn server() -> PathBuf {
    built("hdfstream-server")
}

pub(crate) fn command() -> PathBuf {
    built("hdfstream")
}

/// A folder that holds the plugin alone, as an installation does: the build directory has other shared
/// libraries, which HDF5 would offer to look at too.
pub(crate) fn plugin_directory() -> PathBuf {
    built("libhdfstream_vol.so");
    let folder = scratch().join("plugin");
    let link = folder.join("libhdfstream_vol.so");
    std::fs::create_dir_all(&folder).expect("a folder for the plugin");
    match std::os::unix::fs::symlink(directory().join("libhdfstream_vol.so"), &link) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            panic!("{}: {error}", link.display())
        }
        _ => folder,
    }
}

/// A directory for things worth keeping from one run to the next.
pub(crate) fn scratch() -> PathBuf {
    let scratch = directory().join("end_to_end");
    std::fs::create_dir_all(&scratch).expect("a directory for the tests' files");
    scratch
}

/// Root of the checkout.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `tests/tools/provision` puts what it makes.
pub(crate) fn tools() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let tools = variable("HDFSTREAM_TOOLS").unwrap_or_else(|| {
        variable("XDG_CACHE_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".cache")))
            .expect("HOME is set")
            .join("hdfstream/tools")
    });
    assert!(
        tools.join("python").exists() && tools.join("hdf5-1.14").exists(),
        "{} is incomplete: run tests/tools/provision",
        tools.display()
    );
    tools
}
