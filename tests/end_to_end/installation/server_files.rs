//! The files for administrators: the example configuration and the container file.

use crate::harness::{Program, built};

fn packaging(name: &str) -> String {
    let path = built::checkout().join("packaging").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The example with every key in force: those are the comments without a space after the mark.
fn example_in_force() -> String {
    let example = packaging("server.toml");
    let line = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with(' ') => key.to_owned(),
        _ => line.to_owned(),
    };
    example.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn the_server_accepts_every_key_of_the_example() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("server.toml");
    let start = |text: &str| {
        std::fs::write(&path, text).expect("the configuration");
        Program::new(built::server())
            .arg("--config")
            .arg(&path)
            .run()
            .failure()
    };
    // It fails at the files that are not on this machine, which it looks for when all keys are understood.
    let outcome = start(&example_in_force());
    assert!(
        outcome.stderr.contains("/srv/hdf5")
            || outcome.stderr.contains("/etc/hdfstream/")
            || outcome.stderr.contains("/var/lib/hdfstream/"),
        "{outcome}"
    );
    assert!(!outcome.stderr.contains("is wrong"), "{outcome}");
    let outcome = start(&(example_in_force().replace("max-requests", "max-request")));
    assert!(outcome.stderr.contains("is wrong"), "{outcome}");
}

#[test]
fn the_example_has_every_option() {
    let help = Program::new(built::server()).arg("--help").output();
    let example = example_in_force();
    let options: Vec<_> = help
        .lines()
        .filter_map(|line| {
            line.trim_start()
                .trim_start_matches("-h, ")
                .trim_start_matches("-V, ")
                .strip_prefix("--")
        })
        .filter_map(|line| line.split([' ', '[', '=']).next())
        // Those that make no sense in the file.
        .filter(|option| !["config", "help", "version"].contains(option))
        .collect();
    assert!(options.len() > 5, "{help}");
    for option in options {
        assert!(
            example
                .lines()
                .any(|line| line.starts_with(&format!("{option} = "))),
            "packaging/server.toml has no {option}"
        );
    }
}

#[test]
fn what_the_container_file_names_is_there() {
    let file = packaging("Containerfile");
    let commands = file.replace("\\\n", " ");
    let mut paths = 0;
    for word in commands
        .split_whitespace()
        .filter(|word| word.starts_with("packaging/"))
    {
        assert!(built::checkout().join(word).exists(), "there is no {word}");
        paths += 1;
    }
    assert!(paths >= 1, "{file}");
    // Its last line is a command that the server takes.
    let arguments = commands
        .lines()
        .find_map(|line| line.strip_prefix("CMD "))
        .expect("a command");
    let arguments: Vec<String> = serde_json::from_str(arguments).expect("a list");
    let arguments = arguments.iter().map(|argument| match argument.as_str() {
        "/data" => "/nonexistent",
        other => other,
    });
    let outcome = Program::new(built::server()).args(arguments).run().failure();
    assert!(outcome.stderr.contains("/nonexistent"), "{outcome}");
}
