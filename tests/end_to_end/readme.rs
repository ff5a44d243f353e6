//! The README is true: its example gives the output that it shows, and each row of its table names tests
//! that exist.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;

use crate::harness::{Plugin, Program, Server, built, host};

fn readme() -> String {
    std::fs::read_to_string(built::checkout().join("README.md")).expect("README.md")
}

/// Names of all tests here, such as `stubs::pandas_reads_its_tables`.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect_tests(&built::checkout().join("tests/end_to_end"), "", &mut found);
    found
}

/// Adds the tests of the modules in `folder`, whose names begin with `prefix`.
fn collect_tests(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder)
        .expect("a directory of modules")
        .flatten()
    {
        let path = entry.path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let module = format!("{prefix}{stem}::");
        if path.is_dir() {
            collect_tests(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a module");
            for after in text.split("#[test]\n").skip(1) {
                // Other attributes may come in between.
                let function = after.lines().find_map(|line| line.strip_prefix("fn "));
                let name = function.and_then(|rest| rest.split('(').next());
                found.insert(format!("{module}{}", name.expect("a function")));
            }
        }
    }
}

#[test]
fn every_row_of_the_table_names_tests_that_exist() {
    let tests = tests();
    let readme = readme();
    let rows: Vec<_> = readme
        .lines()
        .skip_while(|line| *line != "## What works")
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    assert!(rows.len() >= 8, "the table of what works has {} rows", rows.len());
    for row in rows {
        let last = row.trim_end_matches('|').rsplit('|').next().expect("a cell");
        let named: Vec<_> = last.split('`').filter(|word| word.contains("::")).collect();
        assert!(!named.is_empty(), "no test in: {row}");
        for name in named {
            assert!(tests.contains(name), "there is no test {name}: {row}");
        }
    }
}

#[test]
fn the_first_plot_is_made_as_it_says() {
    let folder = built::checkout().join("docs/first-plot");
    let script = std::fs::read_to_string(folder.join("plot.py")).expect("the script");
    assert!(readme().contains(&format!("```python\n{script}```")), "{script}");
    let directory = tempfile::tempdir().expect("a directory");
    let python = || Program::new(host::interpreter()).directory(directory.path());
    python().arg(folder.join("make_data.py")).run().success();
    let size = std::fs::metadata(directory.path().join("waves.h5"))
        .expect("the file")
        .len();
    assert!(
        (85_000_000..87_000_000).contains(&size),
        "the README says 86 MB, not {size}"
    );
    let server = Server::over(directory.path());
    let settings = directory.path().join("config.yml");
    std::fs::write(
        &settings,
        format!("aliases:\n  lab:\n    url: {}\n", server.base()),
    )
    .expect("a file");
    let outcome = python()
        .arg(folder.join("plot.py"))
        .plugin(Plugin::On)
        .env("HDFSTREAM_CONFIG", &settings)
        .env("MPLCONFIGDIR", directory.path())
        .run()
        .success();
    let (requests, bytes) = (outcome.stats().requests, outcome.stats().bytes_in);
    assert_eq!(
        (requests, bytes / 100_000),
        (2, 14),
        "the README says 2 requests and 1.4 MB"
    );
    let picture = std::fs::read(directory.path().join("waves.png")).expect("the picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000);
}

/// A command of the README with the output that follows it there.
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) output: String,
}

/// The steps of all blocks marked `console`.
pub(crate) fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step {
                    command: command.to_owned(),
                    output: String::new(),
                });
            } else {
                let step = steps.last_mut().expect("a block begins with a command");
                step.output.push_str(line);
                step.output.push('\n');
            }
        }
    }
    steps
}

pub(crate) const PORT: &str = "8080";
pub(crate) const MARK: &str = "---- end of a step";

/// What to give to the shell for a command. A server in the background is waited for until it has said
/// that it listens, as a person at a keyboard would.
pub(crate) fn typed(command: &str) -> String {
    match command.strip_suffix(" &") {
        Some(server) => format!("exec 3< <(exec {server}); read -r line <&3; echo \"$line\""),
        None => command.to_owned(),
    }
}

/// A port that was free just now.
pub(crate) fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port().to_string()
}

#[test]
fn the_example_gives_the_output_shown() {
    let steps = steps(&readme());
    assert!(steps.len() >= 4, "the README has {} commands", steps.len());
    let port = free_port();
    let script: String = steps
        .iter()
        .map(|step| format!("{}\necho '{MARK}'\n", typed(&step.command)))
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    let outcome = Program::new("/bin/bash")
        .args(["-e", "-c"])
        .arg(script.replace(PORT, &port))
        .env("PATH", search_path())
        .env_remove("HDF5_PLUGIN_PATH")
        .directory(directory.path())
        .run()
        .success();
    let shown: Vec<_> = outcome.stdout.split(&format!("{MARK}\n")).collect();
    for (step, output) in steps.iter().zip(shown) {
        let output = output.replace(&port, PORT);
        assert_eq!(output, step.output, "$ {}\nprints\n{output}", step.command);
    }
}

/// Where the commands are that the README uses without a path.
pub(crate) fn search_path() -> std::ffi::OsString {
    let folders = [
        built::directory(),
        host::interpreter().parent().expect("a folder").to_path_buf(),
        built::tools().join("hdf5-1.14/bin"),
    ];
    std::env::join_paths(
        folders
            .iter()
            .map(std::path::PathBuf::as_path)
            .chain([Path::new("/usr/bin"), Path::new("/bin")]),
    )
    .expect("folders without colons")
}
