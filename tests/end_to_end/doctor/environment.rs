//! The plugin and HDF5's variables.

use super::{about, doctor, doctor_with_programs, findings, mended};
use crate::harness::{Plugin, Program, Server, built, python};

#[test]
fn all_is_well() {
    let folder = tempfile::tempdir().expect("a directory");
    crate::harness::corpus::write_with("import write_files; write_files.small('a.h5')", folder.path());
    let server = Server::over(folder.path());
    let settings = super::settings(&format!("aliases:\n  here:\n    url: {}\n", server.base()));
    let program = doctor_with_programs()
        .plugin(Plugin::On)
        .env_remove("HDFSTREAM_STATS")
        .env("HDFSTREAM_CONFIG", settings.path().join("config.yml"))
        .args(["here:a.h5", "here"]);
    let all = findings(&program);
    assert!(all.iter().all(|finding| finding.level == "ok"), "{all:#?}");
    about(&all, "HDF5_VOL_CONNECTOR").says("ok", &["hdfstream"], "");
    for module in ["h5py", "tables", "netCDF4"] {
        let interpreter = built::tools().join("python/bin/python");
        let subject = format!("{module} of {}", interpreter.display());
        about(&all, &subject).says("ok", &["HDF5 ", "libhdf5", "the plugin works"], "");
    }
    for tool in ["h5dump", "h5ls", "h5repack"] {
        about(&all, tool).says("ok", &["1.14", "libhdf5.so", "the plugin works"], "");
    }
    about(&all, &format!("server here ({})", server.base())).says("ok", &["answers in", " ms"], "");
    about(&all, "here:a.h5").says("ok", &["opens"], "");
    // The same for people: a line each, no colours.
    let outcome = program.run().success();
    assert_eq!(outcome.stdout.lines().count(), all.len(), "{outcome}");
    assert!(
        outcome.stdout.lines().all(|line| line.starts_with("ok    ")),
        "{outcome}"
    );
    assert_eq!(outcome.stderr, "", "{outcome}");
}

#[test]
fn a_connector_without_its_plugin_comes_first() {
    let folder = tempfile::tempdir().expect("a directory");
    crate::harness::corpus::write_with("import write_files; write_files.small('a.h5')", folder.path());
    let file = folder.path().join("a.h5");
    let set = |program: Program| {
        program
            .env("HDF5_VOL_CONNECTOR", "hdfstream")
            .env_remove("HDF5_PLUGIN_PATH")
    };
    for path in [None, Some("/nonexistent"), Some("/nonexistent:/tmp::")] {
        let program = match path {
            None => set(doctor()),
            Some(path) => set(doctor()).env("HDF5_PLUGIN_PATH", path),
        };
        let all = findings(&program);
        assert_eq!(all[0].subject, "HDF5_VOL_CONNECTOR", "{all:#?}");
        all[0].says("fail", &["HDF5_PLUGIN_PATH", "crash"], "env)\"");
        about(&all, "plugin").says("ok", &["libhdfstream_vol.so"], "");
        // It tells the truth, and its command mends it.
        let open = format!("import h5py; h5py.File('{}')", file.display());
        assert!(!set(python(&open)).run().status.success());
        let python = built::tools().join("python/bin/python");
        let again = format!("'{}' -c \"{open}\"", python.display());
        mended(&all[0].remedies[0], &again, set).success();
    }
    // The tools are tried without the user's mistake.
    let all = findings(&set(doctor_with_programs()));
    about(&all, "h5dump").says("ok", &["the plugin works"], "");
}

#[test]
fn no_plugin_where_it_should_be() {
    let empty = tempfile::tempdir().expect("a directory");
    let program = doctor().env("HDFSTREAM_PLUGIN_DIR", empty.path());
    let all = findings(&program);
    let folder = empty.path().display().to_string();
    about(&all, "plugin").says("fail", &[&folder], "unset HDFSTREAM_PLUGIN_DIR");
    // Then nothing can give HDF5 the plugin.
    let all = findings(&program.env("HDF5_VOL_CONNECTOR", "hdfstream"));
    all[0].says("fail", &["crash"], "unset HDF5_VOL_CONNECTOR");
}

#[test]
fn a_plugin_that_is_none_or_another() {
    let folder = tempfile::tempdir().expect("a directory");
    let plugin = folder.path().join("libhdfstream_vol.so");
    let program = doctor().env("HDFSTREAM_PLUGIN_DIR", folder.path());
    std::fs::write(&plugin, "this is no library").expect("a file");
    about(&findings(&program), "plugin").says("fail", &["no library"], "");
    std::fs::copy("/usr/bin/env", &plugin).expect("a program");
    about(&findings(&program), "plugin").says("fail", &["is not the plugin"], "");

    let mut bytes = std::fs::read(built::directory().join("libhdfstream_vol.so")).expect("the plugin");
    let mark = b"hdfstream plugin version: ";
    let at = bytes
        .windows(mark.len())
        .position(|window| window == mark)
        .expect("the version");
    bytes[at + mark.len()] = b'9';
    std::fs::write(&plugin, &bytes).expect("a plugin");
    about(&findings(&program), "plugin").says("warn", &["version 9", env!("CARGO_PKG_VERSION")], "");
    // The same when the user's path leads to it first.
    let path = std::env::join_paths([folder.path(), &built::plugin_directory()]).expect("a path");
    let all = findings(
        &doctor()
            .env("HDF5_PLUGIN_PATH", path)
            .env("HDF5_VOL_CONNECTOR", "hdfstream"),
    );
    let said: Vec<_> = all.iter().filter(|it| it.subject == "HDF5_PLUGIN_PATH").collect();
    assert_eq!(said.len(), 2, "{all:#?}");
    said[0].says("warn", &["two plugins", "version 9"], "env)\"");
    said[1].says("warn", &["does not belong to this tool"], "env)\"");
}

#[test]
fn a_plugin_that_hdf5_cannot_load() {
    // It says what it is, and is no plugin: HDF5 finds no functions in it.
    let folder = tempfile::tempdir().expect("a directory");
    let source = folder.path().join("false.c");
    let mark = format!("hdfstream plugin version: {}", env!("CARGO_PKG_VERSION"));
    std::fs::write(&source, format!("const char version[] = \"{mark}\";\n")).expect("a source file");
    Program::new("/usr/bin/cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(folder.path().join("libhdfstream_vol.so"))
        .arg(&source)
        .run()
        .success();
    let all = findings(&doctor_with_programs().env("HDFSTREAM_PLUGIN_DIR", folder.path()));
    about(&all, "h5dump").says("fail", &["the plugin is not loaded", "1.14"], "");
    let h5py = all
        .iter()
        .find(|it| it.subject.starts_with("h5py of"))
        .expect("h5py");
    h5py.says("fail", &["the plugin is not loaded", "HDF5 2."], "");
}

#[test]
fn not_switched_on() {
    let all = findings(&doctor());
    about(&all, "HDF5_VOL_CONNECTOR").says("warn", &["hdfstream run"], "env)\"");
    let all = findings(&doctor().plugin(Plugin::Discovery));
    about(&all, "HDF5_VOL_CONNECTOR").says("ok", &["HDF5_PLUGIN_PATH alone"], "");
    let all = findings(&doctor().env("HDF5_VOL_CONNECTOR", "pass_through under_vol=0"));
    about(&all, "HDF5_VOL_CONNECTOR").says("warn", &["pass_through"], "env)\"");
}

#[test]
fn variables_that_stand_in_the_way() {
    let all = findings(&doctor().plugin(Plugin::On).env("HDF5_PLUGIN_PRELOAD", "::"));
    all[0].says(
        "fail",
        &["forbids all plugins", "crash"],
        "unset HDF5_PLUGIN_PRELOAD",
    );
    let all = findings(&doctor().env("HDF5_PLUGIN_PRELOAD", "::"));
    about(&all, "HDF5_PLUGIN_PRELOAD").says("fail", &["forbids"], "unset HDF5_PLUGIN_PRELOAD");
    let all = findings(&doctor().env("HDF5_DRIVER", "ros3"));
    about(&all, "HDF5_DRIVER").says("warn", &["ros3"], "unset HDF5_DRIVER");
    let missing = doctor()
        .plugin(Plugin::On)
        .env("HDF5_PLUGIN_PATH", "/nonexistent");
    let all = findings(&missing);
    about(&all, "HDF5_PLUGIN_PATH").says("warn", &["/nonexistent"], "");
}

#[test]
fn settings_behind_the_connector() {
    let program = doctor().plugin(Plugin::On);
    for (info, word) in [
        ("read_timout=5", "there is no such setting"),
        ("read_timeout=soon", "read_timeout"),
    ] {
        let all = findings(
            &program
                .clone()
                .env("HDF5_VOL_CONNECTOR", format!("hdfstream {info}")),
        );
        about(&all, "HDF5_VOL_CONNECTOR").says("fail", &[word], "export HDF5_VOL_CONNECTOR=hdfstream");
    }
}
