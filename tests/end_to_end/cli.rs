//! The command-line tool, as it is typed.

mod aliases;
mod get;
mod hostile;
mod login;
mod manual;
mod refresh;
mod terminal;
mod writing;

use std::os::unix::fs::PermissionsExt;

use crate::harness::corpus;
use crate::harness::{Plugin, Program, Server, built, hdfstream, tool};

fn scene() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import os, write_files\n\
         os.mkdir('folder')\n\
         for name in ('b.h5', 'a b.h5', 'folder/c.h5'): write_files.small(name)\n\
         open('notes.txt', 'w').write('hello')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    (directory, server)
}

#[test]
fn the_version_is_the_workspace_version() {
    let version = hdfstream().arg("--version").output();
    assert_eq!(version, format!("hdfstream {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn mistakes_in_the_command_end_with_status_2() {
    for arguments in [
        &["no-such-command"][..],
        &["ls"],
        &["run"],
        &["stub", "https://h/x"],
        &["stub", "--prune", "https://h/x", "x"],
        &["get"],
        &["put", "x"],
        &["mv", "x"],
        &["recover", "send"],
        &["recover", "drop", "--all", "x"],
        &["alias", "add", "x"],
        &["login"],
        &["login", "--days", "0", "x"],
        &["completions", "no-such-shell"],
        &[],
    ] {
        let outcome = hdfstream().args(arguments).run();
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        assert!(
            outcome.stdout.is_empty() && !outcome.stderr.is_empty(),
            "{outcome}"
        );
    }
}

#[test]
fn ls_lists_directories_and_files() {
    let (_directory, server) = scene();
    let ls = |path: &str| hdfstream().arg("ls").arg(server.url(path)).output();
    assert_eq!(
        hdfstream().arg("ls").arg(server.base()).output(),
        "a b.h5\nb.h5\nfolder/\nnotes.txt\n"
    );
    assert_eq!(ls("folder"), "c.h5\n");
    assert_eq!(ls("folder/"), "c.h5\n");
    assert_eq!(ls("b.h5"), "b.h5\n");
    assert_eq!(ls("a%20b.h5"), "a b.h5\n");
}

#[test]
fn ls_long_shows_kinds_sizes_and_times() {
    let (directory, server) = scene();
    let size = std::fs::metadata(directory.path().join("b.h5"))
        .expect("the file")
        .len()
        .to_string();
    let listing = hdfstream().args(["ls", "-l"]).arg(server.base()).output();
    let lines: Vec<Vec<_>> = listing
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let kinds: Vec<_> = lines.iter().map(|words| words[0]).collect();
    assert_eq!(kinds, ["hdf5", "hdf5", "directory", "file"], "{listing}");
    assert_eq!(lines[1][1], size, "{listing}");
    assert_eq!(lines[3][1], "5", "{listing}");
    assert!(lines[1][2].starts_with("20"), "{listing}");
}

#[test]
fn ls_goes_below_and_speaks_json() {
    let (_directory, server) = scene();
    assert_eq!(
        hdfstream().args(["ls", "-R"]).arg(server.base()).output(),
        "a b.h5\nb.h5\nfolder/\nfolder/c.h5\nnotes.txt\n"
    );
    let text = hdfstream()
        .args(["ls", "-R", "--json"])
        .arg(server.base())
        .output();
    let listing: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let entries = listing.as_array().expect("an array");
    assert_eq!(entries.len(), 5, "{text}");
    assert_eq!(entries[0]["url"], server.url("a%20b.h5"), "{text}");
    let inner = &entries[3];
    assert_eq!(
        (&inner["name"], &inner["path"]),
        (&"c.h5".into(), &"folder/c.h5".into())
    );
    assert_eq!(
        (&inner["kind"], &entries[2]["kind"]),
        (&"hdf5".into(), &"directory".into())
    );
    assert_eq!(entries[4]["size"], 5, "{text}");
    assert!(
        entries[4]["modified"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z')),
        "{text}"
    );
    let one = hdfstream()
        .args(["ls", "-l", "--human"])
        .arg(server.url("notes.txt"))
        .output();
    assert!(one.contains("5 B"), "{one}");
}

#[test]
fn the_cache_is_shown_and_cleared_and_nothing_else_is() {
    let (directory, server) = scene();
    // A base that is not found at the first attempt is remembered.
    let cache = directory.path().join("cache");
    std::fs::create_dir(&cache).expect("a directory");
    std::fs::write(cache.join("mine.txt"), "mine").expect("a file");
    let tool = || hdfstream().env("HDFSTREAM_CACHE_DIR", &cache);
    std::fs::write(cache.join("servers.json"), "{}").expect("a file");
    tool().arg("ls").arg(server.base()).output();
    let shown = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let before = shown(&tool().args(["cache", "--json"]).output());
    assert_eq!(
        (&before["files"], &before["folder"]),
        (&1.into(), &cache.display().to_string().into())
    );
    let text = tool().args(["cache", "clear"]).output();
    assert!(text.contains("deleted 1 file"), "{text}");
    assert_eq!(shown(&tool().args(["cache", "--json"]).output())["files"], 0);
    assert!(cache.join("mine.txt").exists());
    assert!(hdfstream().arg("cache").output().contains("off"));
}

#[test]
fn ls_says_what_is_wrong() {
    let (_directory, server) = scene();
    for (name, word) in [
        (server.url("absent"), "no such file or directory"),
        ("not-a-url".to_owned(), "not a remote name"),
        ("http://no-such-host.invalid/x".to_owned(), "no-such-host.invalid"),
    ] {
        let outcome = hdfstream().arg("ls").arg(&name).run();
        assert_eq!(outcome.status.code(), Some(1), "{outcome}");
        assert!(
            outcome.stderr.starts_with("hdfstream: ") && outcome.stderr.contains(word),
            "{outcome}"
        );
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    }
}

#[test]
fn a_directory_with_many_files_is_listed_whole() {
    let (directory, server) = scene();
    for number in 0..2500 {
        std::fs::write(directory.path().join(format!("folder/many{number:04}")), "x").expect("a file");
    }
    let listing = hdfstream().arg("ls").arg(server.url("folder")).output();
    assert_eq!(listing.lines().count(), 2501);
    assert!(listing.ends_with("many2499\n"));
}

#[test]
fn run_switches_the_plugin_on() {
    let (_directory, server) = scene();
    let h5ls = built::tools().join("hdf5-1.14/bin/h5ls");
    let outcome = hdfstream()
        .args(["run", "--"])
        .arg(h5ls)
        .arg("-v")
        .arg(server.url("b.h5"))
        .env_remove("HDF5_PLUGIN_PATH")
        .run()
        .success();
    assert!(outcome.stdout.contains("Dataset {1000/1000}"), "{outcome}");
}

#[test]
fn run_keeps_the_program_its_arguments_and_its_status() {
    let outcome = hdfstream()
        .args([
            "run",
            "--",
            "sh",
            "-c",
            r#"echo "$HDF5_VOL_CONNECTOR|$HDF5_PLUGIN_PATH|$1|$OTHER"; exit 7"#,
            "x",
            "a  b",
        ])
        .env("HDF5_PLUGIN_PATH", "/my/filters")
        .env("OTHER", "kept")
        .run();
    assert_eq!(outcome.status.code(), Some(7), "{outcome}");
    let words: Vec<_> = outcome.stdout.trim_end().split('|').collect();
    let (plugin, rest) = words[1].split_once(':').expect("two folders");
    assert_eq!(
        (words[0], rest, words[2], words[3]),
        ("hdfstream", "/my/filters", "a  b", "kept")
    );
    assert!(
        std::path::Path::new(plugin).join("libhdfstream_vol.so").exists(),
        "{plugin}"
    );
}

#[test]
fn run_says_when_there_is_no_such_program() {
    let outcome = hdfstream().args(["run", "--", "no-such-program"]).run();
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(outcome.stderr.contains("no-such-program"), "{outcome}");
}

#[test]
fn env_prints_lines_for_a_shell() {
    let (_directory, server) = scene();
    let outcome = Program::new("/bin/sh")
        .args(["-c", r#"eval "$("$1" env)" && exec "$2" "$3""#, "sh"])
        .arg(built::command())
        .arg(built::tools().join("hdf5-1.14/bin/h5ls"))
        .arg(server.url("b.h5"))
        .env("HDF5_PLUGIN_PATH", "/it's my $HOME/filters")
        .run()
        .success();
    assert!(outcome.stdout.contains("Dataset {1000}"), "{outcome}");
}

#[test]
fn a_missing_plugin_is_named() {
    let folder = tempfile::tempdir().expect("a directory");
    let outcome = hdfstream()
        .args(["run", "--", "true"])
        .env("HDFSTREAM_PLUGIN_DIR", folder.path())
        .run();
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    for word in [
        "libhdfstream_vol.so",
        "HDFSTREAM_PLUGIN_DIR",
        &folder.path().display().to_string(),
    ] {
        assert!(outcome.stderr.contains(word), "{outcome}");
    }
}

#[test]
fn stub_does_not_overwrite_and_says_so() {
    let (directory, server) = scene();
    let path = directory.path().join("mine.h5");
    std::fs::write(&path, "mine").expect("a file");
    let outcome = hdfstream().arg("stub").arg(server.url("b.h5")).arg(&path).run();
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(outcome.stderr.contains("--force"), "{outcome}");
    assert_eq!(std::fs::read(&path).expect("the file"), b"mine");
    hdfstream()
        .args(["stub", "--force"])
        .arg(server.url("b.h5"))
        .arg(&path)
        .run()
        .success();
    assert_eq!(
        std::fs::metadata(&path).expect("the stub").permissions().mode() & 0o111,
        0
    );
    let shown = tool("h5ls").arg(&path).plugin(Plugin::On).output();
    assert!(shown.contains("Dataset {1000}"), "{shown}");
}

#[test]
fn stub_checks_that_the_file_is_there() {
    let (directory, server) = scene();
    let path = directory.path().join("stub.h5");
    let outcome = hdfstream()
        .arg("stub")
        .arg(server.url("absent.h5"))
        .arg(&path)
        .run();
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(!path.exists());
}
