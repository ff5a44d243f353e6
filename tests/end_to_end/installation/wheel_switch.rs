//! How the wheel switches the plugin on for Python: at every start, by import, by `-m`; and when not.

use super::wheel::{Environment, site_packages};
use crate::harness::{Program, assert_same};

const SHOW: &str =
    "import os; print(*(os.environ.get(name) for name in ('HDF5_VOL_CONNECTOR', 'HDF5_PLUGIN_PATH')))";

/// Python that sees the packages but runs nothing of them at its start.
fn without_start(environment: &Environment) -> Program {
    environment
        .python()
        .env("PYTHONPATH", site_packages(&environment.path("venv")))
        .arg("-S")
}

#[test]
fn what_the_user_set_stays() {
    let environment = Environment::with_wheel();
    let folder = environment.path("venv/lib/hdfstream").display().to_string();
    // Connector and path before, and after.
    for (connector, path, expected) in [
        (None, None, format!("hdfstream {folder}")),
        (None, Some("/a:/b"), format!("hdfstream {folder}:/a:/b")),
        (None, Some(""), format!("hdfstream {folder}")),
        (
            Some("hdfstream read_timeout=5"),
            Some("/a"),
            format!("hdfstream read_timeout=5 {folder}:/a"),
        ),
        (Some("native"), None, "native None".to_owned()),
        (Some("native"), Some("/a"), "native /a".to_owned()),
        (Some("hdfstreams"), None, "hdfstreams None".to_owned()),
        (Some(""), Some("/a"), " /a".to_owned()),
    ] {
        let mut python = environment.python().args(["-c", SHOW]);
        for (name, value) in [("HDF5_VOL_CONNECTOR", connector), ("HDF5_PLUGIN_PATH", path)] {
            if let Some(value) = value {
                python = python.env(name, value);
            }
        }
        let outcome = python.run().success();
        assert_eq!(
            outcome.stdout.trim_end_matches('\n'),
            expected,
            "{connector:?} {path:?}"
        );
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn a_child_finds_the_plugins_folder_once() {
    let environment = Environment::with_wheel();
    let folder = environment.path("venv/lib/hdfstream").display().to_string();
    let nested = format!("import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW:?}])");
    let shown = environment.python().args(["-c", &nested]).output();
    assert_eq!(shown, format!("hdfstream {folder}\n"));
}

#[test]
fn python_starts_quietly_whatever_is_missing() {
    let environment = Environment::with_wheel();
    let quiet = || {
        let outcome = environment
            .python()
            .args(["-W", "error", "-c", SHOW])
            .run()
            .success();
        assert_eq!(outcome.stdout, "None None\n");
        assert_eq!(outcome.stderr, "");
    };
    std::fs::remove_file(environment.path("venv/lib/hdfstream/libhdfstream_vol.so")).expect("the plugin");
    quiet();
    let packages = site_packages(&environment.path("venv"));
    std::fs::remove_file(packages.join("_hdfstream_vol.py")).expect("the module");
    quiet();
}

#[test]
fn an_import_before_hdf5_starts_is_enough() {
    let environment = Environment::with_wheel().with_hdf5_packages();
    let folder = environment.path("venv/lib/hdfstream").display().to_string();
    let outcome = without_start(&environment)
        .args(["-c", &format!("import hdfstream_vol; {SHOW}")])
        .run()
        .success();
    assert_eq!(outcome.stdout, format!("hdfstream {folder}\n"));
    assert_eq!(outcome.stderr, "");
}

#[test]
fn an_import_after_hdf5_has_started_warns() {
    let environment = Environment::with_wheel();
    let tools = super::wheel::tools_packages();
    for package in ["h5py", "tables", "netCDF4"] {
        let late = |python: Program| {
            python
                .arg("-c")
                .arg(format!(
                    "import sys; sys.path.append({tools:?}); import {package}, hdfstream_vol"
                ))
                .run()
                .success()
        };
        let outcome = late(without_start(&environment));
        assert!(
            outcome
                .stderr
                .contains("RuntimeWarning: hdfstream_vol was imported after HDF5 had started"),
            "{outcome}"
        );
        assert!(
            outcome.stderr.contains("python -m hdfstream_vol SCRIPT"),
            "{outcome}"
        );
        // Switched on at the start: nothing to warn of.
        assert_eq!(late(environment.python()).stderr, "");
    }
}

#[test]
fn dash_m_runs_what_python_runs() {
    let environment = Environment::with_wheel();
    let script = environment.path("home/script.py");
    let text =
        "import sys; print(__name__, __file__, sys.path[0], sys.argv, sys.flags.utf8_mode, sys.warnoptions)";
    std::fs::write(&script, format!("{text}\nsys.exit(len(sys.argv))\n")).expect("a script");
    let code = "import sys; print(sys.argv); sys.exit(len(sys.argv))";
    for arguments in [
        &["script.py", "-m", "one", "--two"][..],
        &["-m", "script", "-c", "x"],
        &["-c", code, "-c", "x"],
        &["-X", "utf8", "script.py"],
    ] {
        let plain = without_start(&environment)
            .args(["-W", "default"])
            .args(arguments)
            .run();
        let ours = without_start(&environment)
            .args(["-W", "default", "-m", "hdfstream_vol"])
            .args(arguments)
            .run();
        assert!(!plain.stdout.is_empty(), "{plain}");
        assert_same(&plain.stdout, &ours.stdout);
        assert_eq!(plain.ending(), ours.ending(), "{ours}");
        assert_eq!(ours.stderr, "", "{ours}");
    }
    let folder = environment.path("venv/lib/hdfstream").display().to_string();
    let shown = without_start(&environment)
        .args(["-m", "hdfstream_vol", "-c", SHOW])
        .output();
    assert_eq!(shown, format!("hdfstream {folder}\n"));
    let usage = environment.python().args(["-m", "hdfstream_vol"]).run().failure();
    assert!(
        usage.stderr.contains("usage: python -m hdfstream_vol SCRIPT"),
        "{usage}"
    );
}
