//! The wheel in a clean virtual environment: what pip installs, finds and removes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::wheel;
use crate::harness::host::interpreter;
use crate::harness::{Program, Server, assert_same, built, corpus};

/// A virtual environment and a home of its own, as a new user has them: no variable is set.
pub(super) struct Environment {
    directory: tempfile::TempDir,
}

impl Environment {
    /// Without our wheel. It has no pip of its own, which takes seconds to install.
    pub(super) fn new() -> Self {
        Self::with(&["--without-pip"])
    }

    /// As `python3 -m venv` makes it.
    pub(super) fn with_pip() -> Self {
        Self::with(&[])
    }

    fn with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("home")).expect("a home");
        let environment = Self { directory };
        let folder = environment.path("venv");
        environment
            .clean(interpreter())
            .args(["-m", "venv"])
            .args(options)
            .arg(&folder)
            .run()
            .success();
        environment
    }

    /// With it.
    pub(super) fn with_wheel() -> Self {
        let environment = Self::new();
        environment.install_wheel();
        environment
    }

    fn install_wheel(&self) {
        self.pip()
            .args(["install", "--no-index", "--no-deps"])
            .arg(wheel())
            .run()
            .success();
    }

    /// The pip of the tests' tools, at work here.
    fn pip(&self) -> Program {
        self.clean(interpreter())
            .args(["-m", "pip", "--python"])
            .arg(self.path("venv/bin/python"))
    }

    /// Lets it import h5py, PyTables and netCDF4 as if they were installed.
    pub(super) fn with_hdf5_packages(self) -> Self {
        let file = site_packages(&self.path("venv")).join("packages.pth");
        std::fs::write(file, tools_packages().into_os_string().into_encoded_bytes()).expect("a file");
        self
    }

    /// Something below the folder that holds `venv` and `home`.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program with nothing in its environment but what a login sets.
    pub(super) fn clean(&self, executable: impl Into<PathBuf>) -> Program {
        let mut program = Program::new(executable)
            .env("HOME", self.path("home"))
            .directory(self.path("home"));
        for name in [
            "HDF5_PLUGIN_PATH",
            "HDFSTREAM_CACHE_DIR",
            "PYTHONFAULTHANDLER",
            "PYTHONNOUSERSITE",
            "PYTHONWARNINGS",
        ] {
            program = program.env_remove(name);
        }
        program
    }

    /// A program of the virtual environment.
    pub(super) fn program(&self, name: &str) -> Program {
        self.clean(self.path("venv/bin").join(name))
    }

    /// Its Python.
    pub(super) fn python(&self) -> Program {
        self.program("python")
    }
}

/// Where an environment's packages are.
pub(super) fn site_packages(environment: &Path) -> PathBuf {
    let lib = environment.join("lib");
    let entries = std::fs::read_dir(&lib).unwrap_or_else(|error| panic!("{}: {error}", lib.display()));
    let folder = entries
        .flatten()
        .map(|entry| entry.path().join("site-packages"))
        .find(|folder| folder.is_dir());
    folder.expect("a virtual environment")
}

/// Where those of the tests' tools are.
pub(super) fn tools_packages() -> PathBuf {
    site_packages(&built::tools().join("python"))
}

/// All files below a folder, without what Python compiled.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        found.insert(folder.clone());
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.file_name() == "__pycache__" {
                continue;
            }
            if entry.file_type().expect("a file's type").is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path());
            }
        }
    }
    found
}

/// A script as users have them, a copy of the readers of the other tests.
fn script(environment: &Environment) -> PathBuf {
    let programs = built::checkout().join("tests/end_to_end/programs");
    for file in ["read_h5py.py", "shown.py"] {
        std::fs::copy(programs.join(file), environment.path("home").join(file)).expect("a copy");
    }
    environment.path("home").join("read_h5py.py")
}

#[test]
fn after_pip_install_alone_a_script_reads_a_url() {
    let environment = Environment::with_pip().with_hdf5_packages();
    environment
        .program("pip")
        .args(["install", "--no-index", "--no-deps"])
        .arg(wheel())
        .run()
        .success();
    let files = tempfile::tempdir().expect("a directory");
    corpus::write_with("import write_files; write_files.mixed('mixed.h5')", files.path());
    let server = Server::over(files.path());
    let url = server.url("mixed.h5");
    let script = script(&environment);
    let local = environment
        .python()
        .arg(&script)
        .arg(files.path().join("mixed.h5"))
        .output();
    let remote = environment.python().arg(&script).arg(&url).run().success();
    assert!(local.lines().count() > 5, "{local}");
    assert_same(&local, &remote.stdout);
    assert_eq!(remote.stderr, "");
    // The tool came along, and finds the plugin for other programs.
    let tool = environment
        .program("hdfstream")
        .args(["run", "--"])
        .arg(built::tools().join("hdf5-1.14/bin/h5ls"))
        .arg(&url)
        .run()
        .success();
    assert!(tool.stdout.contains("numbers"), "{tool}");
}

#[test]
fn pip_uninstall_leaves_nothing() {
    let environment = Environment::new();
    let before = files(&environment.path("venv"));
    environment.install_wheel();
    assert!(files(&environment.path("venv")).len() > before.len() + 10);
    let version = env!("CARGO_PKG_VERSION");
    let information =
        site_packages(&environment.path("venv")).join(format!("hdfstream_vol-{version}.dist-info"));
    let notices = std::fs::read_to_string(information.join("licenses/THIRD-PARTY-NOTICES"));
    assert!(notices.expect("licences of others").contains("rustls"));
    environment
        .python()
        .args(["-m", "hdfstream_vol", "-c", "pass"])
        .run()
        .success();
    environment
        .pip()
        .args(["uninstall", "--yes", "hdfstream-vol"])
        .run()
        .success();
    let left: Vec<_> = files(&environment.path("venv"))
        .difference(&before)
        .cloned()
        .collect();
    assert_eq!(left, [] as [PathBuf; 0]);
}

#[test]
fn it_runs_on_the_systems_that_its_name_promises() {
    let name = wheel()
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let (_, platform) = name
        .strip_suffix(".whl")
        .and_then(|name| name.rsplit_once('-'))
        .expect("a wheel's name");
    assert!(name.contains("-py3-none-manylinux_2_"), "{name}");
    // Somebody else's reading of the binaries.
    let shown = Program::new(interpreter().with_file_name("auditwheel"))
        .arg("show")
        .arg(wheel())
        .output()
        .replace('\n', " ");
    assert!(
        shown.contains(&format!(
            "consistent with the following platform tag: \"{platform}\""
        )),
        "{shown}"
    );
}

#[test]
fn a_user_may_install_it_without_an_environment() {
    let environment = Environment::new();
    let home = environment.path("home");
    let install = |how: &[&str]| {
        environment
            .clean(interpreter())
            .args([
                "-m",
                "pip",
                "install",
                "--no-index",
                "--no-deps",
                "--ignore-installed",
            ])
            .args(how)
            .arg(wheel())
            .run()
            .success();
    };
    // As `pip install --user` lays it out, which virtual environments do not allow.
    install(&["--prefix", &home.join(".local").display().to_string()]);
    let packages = site_packages(&home.join(".local"));
    let shown = environment
        .clean(interpreter())
        .env("PYTHONPATH", packages)
        .args([
            "-c",
            "import hdfstream_vol, os; print(os.environ['HDF5_PLUGIN_PATH'])",
        ])
        .output();
    assert_eq!(Path::new(shown.trim_end()), home.join(".local/lib/hdfstream"));
    // pip leaves the plugin out of target folders; that is said, and not left to HDF5.
    install(&["--target", &home.join("target").display().to_string()]);
    let outcome = environment
        .clean(interpreter())
        .env("PYTHONPATH", home.join("target"))
        .args([
            "-c",
            "import hdfstream_vol, os; print(os.environ.get('HDF5_VOL_CONNECTOR'))",
        ])
        .run()
        .success();
    assert_eq!(outcome.stdout, "None\n", "{outcome}");
    assert!(
        outcome.stderr.contains("libhdfstream_vol.so was not installed"),
        "{outcome}"
    );
}
