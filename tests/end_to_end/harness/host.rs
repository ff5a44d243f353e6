//! The unmodified programs: three Python wheels, each with a libhdf5 of its own, HDF5's tools, compilers.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{Program, built};

/// A Python package with a private libhdf5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// HDF5 2.0.
    H5py,
    /// HDF5 1.14.
    Tables,
    /// HDF5 2.2.
    NetCdf4,
}

impl Host {
    pub(crate) const ALL: [Self; 3] = [Self::H5py, Self::Tables, Self::NetCdf4];

    /// Name of the module.
    pub(crate) fn module(self) -> &'static str {
        match self {
            Self::H5py => "h5py",
            Self::Tables => "tables",
            Self::NetCdf4 => "netCDF4",
        }
    }

    /// A module of `programs` with `values(name)`, which yields line by line all that is in a file.
    pub(crate) fn module_that_reads(self) -> &'static str {
        match self {
            Self::H5py => "read_h5py",
            Self::Tables => "read_tables",
            Self::NetCdf4 => "read_netcdf4",
        }
    }

    /// That module as a program, which prints the file that its argument names.
    pub(crate) fn reader(self) -> Program {
        python_file(&format!("end_to_end/programs/{}.py", self.module_that_reads()))
    }
}

/// The interpreter of the tests.
pub(crate) fn interpreter() -> PathBuf {
    built::tools().join("python/bin/python")
}

/// Python with a script given as text; it finds its arguments in `sys.argv[1:]`, and may import the
/// modules of `programs`.
pub(crate) fn python(script: &str) -> Program {
    interpreter_with_programs().arg("-c").arg(script)
}

fn interpreter_with_programs() -> Program {
    Program::new(interpreter())
        .env("PYTHONPATH", built::checkout().join("tests/end_to_end/programs"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
}

/// Python with a script of this directory's `programs`, or of the corpus.
pub(crate) fn python_file(path: &str) -> Program {
    let path = built::checkout().join("tests").join(path);
    assert!(path.exists(), "{} is missing", path.display());
    interpreter_with_programs().arg(path)
}

/// One of HDF5 1.14's command-line tools.
pub(crate) fn tool(name: &str) -> Program {
    let path = built::tools().join("hdf5-1.14/bin").join(name);
    assert!(
        path.exists(),
        "{} is missing: run tests/tools/provision",
        path.display()
    );
    Program::new(path)
}

/// Folder of the filter plugins (blosc, zstd and others) that files of the corpus need.
pub(crate) fn filters() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let packages = built::tools().join("python/lib");
            let folder = std::fs::read_dir(&packages)
                .unwrap_or_else(|error| panic!("{}: {error}", packages.display()))
                .flatten()
                .map(|entry| entry.path().join("site-packages/hdf5plugin/plugins"))
                .find(|folder| folder.is_dir());
            folder.expect("the Python environment has hdf5plugin")
        })
        .clone()
}

/// A compiler, and the libraries of HDF5 that go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    C,

    Fortran,
}

/// Compiles a program against HDF5 1.14; nothing of this project is compiled in.
pub(crate) fn compile(language: Language, source: &Path) -> PathBuf {
    let (compiler, libraries): (_, &[&str]) = match language {
        Language::C => ("gcc", &["-lhdf5_hl", "-lhdf5", "-lpthread"]),
        Language::Fortran => ("gfortran", &["-lhdf5_hl_fortran", "-lhdf5_fortran", "-lhdf5"]),
    };
    let hdf5 = built::tools().join("hdf5-1.14");
    let (include, lib) = (hdf5.join("include"), hdf5.join("lib"));
    assert!(source.exists(), "{} is missing", source.display());
    let name = source
        .file_name()
        .expect("a file")
        .to_string_lossy()
        .replace('.', "_");
    // Tests run in parallel, in this process and others: each compiles in a folder of its own, and the
    // last one's program stays.
    let folder = tempfile::tempdir_in(built::scratch()).expect("a directory");
    let output = folder.path().join(&name);
    Program::new(Path::new("/usr/bin").join(compiler))
        .args(["-O1", "-w", "-I"])
        .arg(&include)
        .arg("-I")
        .arg(include.join("shared"))
        .arg(source)
        .arg("-o")
        .arg(&output)
        .arg("-L")
        .arg(&lib)
        .arg(format!("-Wl,-rpath,{}", lib.display()))
        .args(libraries)
        // Fortran's module files go to the working directory.
        .directory(folder.path())
        .run()
        .success();
    let program = built::scratch().join(name);
    std::fs::rename(&output, &program).expect("the program");
    program
}

/// The command-line tool `hdfstream`.
pub(crate) fn hdfstream() -> Program {
    Program::new(built::command())
}

/// Makes a stub of the file at `url`, or a tree of stubs of the directory.
pub(crate) fn make_stub(url: &str, path: &Path) {
    hdfstream().arg("stub").arg(url).arg(path).run().success();
}
