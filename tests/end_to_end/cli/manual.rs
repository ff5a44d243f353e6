//! What packages install beside the tool: pages that `man` shows and completions that shells load.

use crate::harness::{Program, built, hdfstream};

#[test]
fn every_command_has_a_manual_page_without_mistakes() {
    let folder = tempfile::tempdir().expect("a directory");
    hdfstream().arg("man").arg(folder.path()).run().success();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).expect("the pages") {
        let path = entry.expect("a page").path();
        let outcome = Program::new("/usr/bin/groff")
            .args(["-man", "-Tutf8", "-P-cbou", "-ww"])
            .arg(&path)
            .run()
            .success();
        assert_eq!(outcome.stderr, "", "{outcome}");
        assert!(outcome.stdout.contains("NAME"), "{outcome}");
        names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
    }
    let help = hdfstream().arg("--help").output();
    let commands = help.split("Commands:").nth(1).expect("the commands");
    let commands = commands.lines().skip(1).take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        let page = format!("hdfstream-{command}.1");
        assert!(
            command == "help" || names.contains(&page),
            "{page} is not among {names:?}"
        );
    }
    assert!(names.contains(&"hdfstream.1".to_owned()));
}

#[test]
fn bash_completes_commands_and_options() {
    let script = r#"
        eval "$("$1" completions bash)"
        COMP_WORDS=(hdfstream "$2") COMP_CWORD=1
        function_name=$(complete -p hdfstream | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function_name" hdfstream "$2" hdfstream
        echo "${COMPREPLY[@]}"
    "#;
    let outcome = Program::new("/bin/bash")
        .args(["--norc", "-c", script, "bash"])
        .arg(built::command())
        .arg("lo")
        .run()
        .success();
    assert_eq!(outcome.stdout.trim(), "login logout", "{outcome}");
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = hdfstream().args(["completions", shell]).output();
        assert!(
            script.contains("hdfstream") && script.contains("logout"),
            "{shell}"
        );
    }
}
