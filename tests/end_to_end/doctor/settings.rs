//! The settings file, our variables, proxies.

use std::os::unix::fs::PermissionsExt;

use super::{about, doctor, findings, settings};

#[test]
fn a_malformed_settings_file_is_named_with_its_line() {
    let folder = settings("aliases: {}\nread_timeout: soon\n");
    let file = folder.path().join("config.yml");
    let program = doctor()
        .env("HDFSTREAM_CONFIG", &file)
        .arg("https://h.invalid/hdfstream/a.h5");
    let all = findings(&program);
    let shown = file.display().to_string();
    about(&all, "settings file").says("fail", &[&shown, "line 2", "read_timeout"], &shown);
    // Without settings nothing remote opens, and nothing is asked.
    about(&all, "https://h.invalid/hdfstream/a.h5").says("fail", &["settings"], "");
    let all = findings(&doctor().env("HDFSTREAM_CONFIG", "/nonexistent/config.yml"));
    about(&all, "settings file").says("fail", &["there is no such file"], "unset HDFSTREAM_CONFIG");
}

#[test]
fn a_misspelt_variable_is_named_with_the_right_one() {
    let program = doctor()
        .env("HDFSTREAM_TOKNE", "s3cret")
        .env("HDFSTREAM_WHATEVER", "s3cret")
        .env("HDFSTREAM_PLUGIN_DIR", "")
        .env("HDFSTREAM_READ_TIMEOUT", "60");
    let all = findings(&program);
    about(&all, "HDFSTREAM_TOKNE").says(
        "warn",
        &["HDFSTREAM_TOKEN is meant"],
        "export HDFSTREAM_TOKEN=\"$HDFSTREAM_TOKNE\"; unset HDFSTREAM_TOKNE",
    );
    about(&all, "HDFSTREAM_WHATEVER").says("warn", &["no effect"], "");
    assert!(
        !all.iter().any(|it| it.subject == "HDFSTREAM_READ_TIMEOUT"),
        "{all:#?}"
    );
    let all = findings(&doctor().env("HDFSTREAM_RETRIES", "many"));
    about(&all, "settings").says("fail", &["HDFSTREAM_RETRIES"], "unset HDFSTREAM_RETRIES");
}

#[test]
fn odd_settings_are_pointed_at() {
    let hidden = tempfile::tempdir().expect("a directory");
    std::fs::write(hidden.path().join("mine.h5"), "mine").expect("a file");
    let unused = tempfile::tempdir().expect("a directory");
    let folder = settings(&format!(
        "aliases:\n  one: {{url: 'http://127.0.0.1:1/hdfstream', user: joe}}\n  \
         two: {{url: 'http://127.0.0.1:1/hdfstream/', user: ann}}\n\
         mounts:\n  {}: one\n  {}: two\n  /nonexistent/mount: two\n",
        hidden.path().display(),
        unused.path().display()
    ));
    let file = folder.path().join("config.yml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("permissions");
    let all = findings(&doctor().env("HDFSTREAM_CONFIG", &file));
    let of_file: Vec<_> = all.iter().filter(|it| it.subject == "settings file").collect();
    assert_eq!(of_file.len(), 3, "{all:#?}");
    of_file[0].says("ok", &["2 aliases and 3 mounts"], "");
    of_file[1].says("warn", &["others may change", "666"], "chmod go-w");
    of_file[2].says("warn", &["one as joe", "two as ann"], "config.yml");
    let mounts: Vec<_> = all.iter().filter(|it| it.subject.starts_with("mount ")).collect();
    assert_eq!(mounts.len(), 1, "{all:#?}");
    mounts[0].says("warn", &["local files below it"], "");
    assert!(
        mounts[0].subject.contains(&hidden.path().display().to_string()),
        "{all:#?}"
    );
}

#[test]
fn no_secret_is_shown() {
    let program = doctor()
        .env("HDF5_VOL_CONNECTOR", "hdfstream token=s3cret;password=s3cret")
        .env("HDFSTREAM_TOKEN", "s3cret")
        .env("HDFSTREAM_TOKNE", "s3cret")
        .env("HTTPS_PROXY", "http://joe:s3cret@127.0.0.1:3128")
        .env("all_proxy", "joe:s3cret@proxy.invalid")
        .args([
            "http://joe:s3cret@127.0.0.1:1/hdfstream",
            "http://127.0.0.1:1/hdfstream",
        ]);
    for program in [program.clone(), program.arg("--json")] {
        let outcome = program.run().failure();
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!text.contains("s3cret"), "{outcome}");
        for shown in [
            "HTTPS_PROXY=http://***@127.0.0.1:3128",
            "all_proxy=***@proxy.invalid",
        ] {
            assert!(text.contains(shown), "{outcome}");
        }
    }
}
