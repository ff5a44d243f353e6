//! What `docs/python-client.md` shows is what one sees.

use super::{client, settings};
use crate::harness::{Program, Service, built, hdfstream, python_file};
use crate::readme::{MARK, PORT, free_port, search_path, steps, typed};

/// The two parts of the page: the plugin with another server, the client with ours.
fn parts() -> (String, String) {
    let page = built::checkout().join("docs/python-client.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let (one, other) = text
        .split_once("## The Python client with our server")
        .expect("two parts");
    (one.to_owned(), other.to_owned())
}

/// Types what a part has, in `directory`, and compares with what it shows.
fn shows(part: &str, program: Program, port: &str) {
    let steps = steps(part);
    assert!(steps.len() >= 4, "{part}");
    let script: String = steps
        .iter()
        .map(|step| format!("{}\necho '{MARK}'\n", typed(&step.command)))
        .collect();
    let outcome = program
        .args(["-e", "-c"])
        .arg(script.replace(PORT, port))
        .env("PATH", search_path())
        .env_remove("HDF5_PLUGIN_PATH")
        .run()
        .success();
    let shown: Vec<_> = outcome.stdout.split(&format!("{MARK}\n")).collect();
    for (step, output) in steps.iter().zip(shown) {
        assert_eq!(output.replace(port, PORT), step.output, "$ {}", step.command);
    }
}

#[test]
fn the_plugin_with_a_server_that_you_know() {
    let (part, _) = parts();
    let directory = tempfile::tempdir().expect("a directory");
    let replay = python_file("end_to_end/programs/v1_replay.py").arg(client());
    let server = Service::start(&replay);
    let at_home = |program: Program| program.env("XDG_CONFIG_HOME", directory.path());

    let url = "https://data.example.org:8443/hdfstream";
    let add = format!("    hdfstream alias add cosma {url} --user joe\n");
    assert!(part.contains(&add), "{part}");
    let words = add.trim().replace(url, server.line());
    let said = at_home(hdfstream())
        .args(words.split_whitespace().skip(1))
        .output();
    assert!(said.starts_with("cosma is "), "{said}");
    // It is there for those who ask what is wrong.
    let found = at_home(hdfstream()).args(["doctor", "cosma:"]).run().stdout;
    assert!(found.contains("ok    server cosma"), "{found}");

    // The script that it shows.
    let cat = steps(&part)
        .into_iter()
        .find(|step| step.command == "cat first.py");
    let script = cat.expect("a script").output;
    std::fs::write(directory.path().join("first.py"), script).expect("a script");
    let bash = at_home(Program::new("/bin/bash")).directory(directory.path());
    shows(&part, bash, PORT);
}

#[test]
fn the_python_client_with_our_server() {
    let (_, part) = parts();
    let directory = tempfile::tempdir().expect("a directory");
    let bash = Program::new("/bin/bash")
        .directory(directory.path())
        .env("XDG_CONFIG_HOME", settings());
    shows(&part, bash, &free_port());
}
