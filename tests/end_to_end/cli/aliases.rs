//! Aliases, from the command line into the settings file and out again.

use std::fs;

use crate::harness::corpus;
use crate::harness::{Plugin, Program, Server, hdfstream, tool};

struct Scene {
    home: tempfile::TempDir,
    _served: tempfile::TempDir,
    server: Server,
}

fn scene() -> Scene {
    let served = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import os, write_files\nos.mkdir('folder')\nwrite_files.small('folder/c.h5')",
        served.path(),
    );
    Scene {
        home: tempfile::tempdir().expect("a directory"),
        server: Server::over(served.path()),
        _served: served,
    }
}

impl Scene {
    fn at_home(&self, program: Program) -> Program {
        program.env("HOME", self.home.path())
    }

    fn tool(&self) -> Program {
        self.at_home(hdfstream())
    }

    fn alias(&self) -> Program {
        self.tool().arg("alias")
    }

    fn settings(&self) -> String {
        fs::read_to_string(self.home.path().join(".config/hdfstream/config.yml")).expect("the settings")
    }
}

#[test]
fn an_alias_is_made_used_and_removed() {
    let scene = scene();
    assert_eq!(scene.alias().output(), "");
    // A URL below the base will do.
    let said = scene
        .alias()
        .args(["add", "near"])
        .arg(scene.server.url("folder"))
        .output();
    assert!(
        said.contains(scene.server.base()) && said.contains("config.yml"),
        "{said}"
    );
    assert_eq!(scene.alias().output(), format!("near  {}\n", scene.server.base()));
    let listed: serde_json::Value =
        serde_json::from_str(&scene.alias().args(["list", "--json"]).output()).expect("JSON");
    assert_eq!(listed[0]["url"], scene.server.base());

    for name in ["near", "near:", "near:/"] {
        assert_eq!(scene.tool().args(["ls", name]).output(), "folder/\n", "{name}");
    }
    assert_eq!(scene.tool().args(["ls", "near:folder"]).output(), "c.h5\n");
    let shown = scene
        .at_home(tool("h5ls"))
        .arg("near:folder/c.h5")
        .plugin(Plugin::On)
        .output();
    assert!(shown.contains("Dataset {1000}"), "{shown}");
    let outcome = scene
        .tool()
        .args(["get", "near:folder/c.h5"])
        .directory(scene.home.path())
        .run();
    assert!(outcome.success().stdout.starts_with("fetched 1 file"));

    let again = scene
        .alias()
        .args(["add", "near", "https://elsewhere/x"])
        .run()
        .failure();
    assert!(
        again.stderr.contains(scene.server.base()) || again.stderr.contains("elsewhere"),
        "{again}"
    );
    scene.alias().args(["remove", "near"]).output();
    assert_eq!(scene.settings(), "aliases: {}\n");
    let outcome = scene.alias().args(["remove", "near"]).run().failure();
    assert!(outcome.stderr.contains("no alias near"), "{outcome}");
}

#[test]
fn everything_else_in_the_settings_stays() {
    let scene = scene();
    let folder = scene.home.path().join(".config/hdfstream");
    fs::create_dir_all(&folder).expect("a directory");
    let before = "# mine\naliases:\n  far: # the far one\n    url: https://far.example.org/hdfstream\n\nretries: 5 # often\n";
    fs::write(folder.join("config.yml"), before).expect("a file");
    scene
        .alias()
        .args(["add", "--user", "joe o'neil", "--keyring", "near"])
        .arg(scene.server.base())
        .output();
    let after = scene.settings();
    let entry = format!(
        "  near:\n    url: {}\n    user: 'joe o''neil'\n    use_keyring: true\n",
        scene.server.base()
    );
    assert_eq!(after, before.replacen("\n\n", &format!("\n{entry}\n"), 1));
    scene.alias().args(["remove", "near"]).output();
    assert_eq!(scene.settings(), before);
}

#[test]
fn a_server_that_does_not_answer_is_no_alias_unless_told() {
    let scene = scene();
    let dead = "http://127.0.0.1:1/hdfstream";
    let outcome = scene.alias().args(["add", "dead", dead]).run().failure();
    assert!(
        outcome.stderr.contains("refused") && outcome.stderr.contains("--offline"),
        "{outcome}"
    );
    scene.alias().args(["add", "--offline", "dead", dead]).output();
    assert!(scene.alias().output().contains(dead));
    for name in ["https", "a/b", "a b"] {
        let outcome = scene
            .alias()
            .args(["add", "--offline", name, dead])
            .run()
            .failure();
        assert!(outcome.stderr.contains("cannot be an alias"), "{outcome}");
    }
}

#[test]
fn a_file_written_another_way_is_left_and_the_lines_are_shown() {
    let scene = scene();
    let folder = scene.home.path().join(".config/hdfstream");
    fs::create_dir_all(&folder).expect("a directory");
    let before = "{aliases: {far: {url: 'https://far.example.org/hdfstream'}}}\n";
    fs::write(folder.join("config.yml"), before).expect("a file");
    let outcome = scene
        .alias()
        .args(["add", "--offline", "near", "https://h/x"])
        .run()
        .failure();
    assert!(
        outcome.stderr.contains("  near:\n    url: https://h/x\n"),
        "{outcome}"
    );
    assert_eq!(scene.settings(), before);
    fs::write(folder.join("config.yml"), "retrys: 5\n").expect("a file");
    let outcome = scene
        .alias()
        .args(["add", "--offline", "near", "https://h/x"])
        .run()
        .failure();
    assert!(outcome.stderr.contains("retrys"), "{outcome}");
}
