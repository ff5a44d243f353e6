//! What docs/semantics.md promises about writing is proved: each of its sentences there stands above a test.

use crate::harness::built;

/// The lines of the section "Writing", up to the next section.
fn section() -> String {
    let text = std::fs::read_to_string(built::checkout().join("docs/semantics.md")).expect("the page");
    let (_, rest) = text.split_once("\n## Writing\n").expect("the section");
    let section = rest.split("\n## ").next().expect("text before the next section");
    section.to_owned()
}

/// Words of a text with single spaces between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every test of writing with the comment above it: `name`, words.
fn proofs() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let folder = built::checkout().join("tests/end_to_end/writing");
    for entry in std::fs::read_dir(folder).expect("the tests").flatten() {
        let path = entry.path();
        let module = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a module");
        let mut comment = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(said) = line.strip_prefix("/// ") {
                comment.push_str(said);
                comment.push(' ');
            } else if line == "#[test]" {
                let name = lines
                    .next()
                    .and_then(|line| line.strip_prefix("fn "))
                    .expect("a function");
                let name = name.split('(').next().expect("its name");
                found.push((format!("writing::{module}::{name}"), words(&comment)));
                comment.clear();
            } else {
                comment.clear();
            }
        }
    }
    found
}

#[test]
fn every_promise_is_proved_by_the_test_that_it_names() {
    let proofs = proofs();
    let section = section();
    let promises: Vec<_> = section.split("\n- ").skip(1).collect();
    assert!(promises.len() > 20, "only {} promises", promises.len());
    for promise in promises {
        let promise = promise.split("\n\n").next().expect("the item");
        let (said, test) = promise.rsplit_once("(`").expect("a test is named at the end");
        let test = test.split('`').next().expect("its name");
        let proof = proofs.iter().find(|(name, _)| name == test);
        let (_, comment) = proof.unwrap_or_else(|| panic!("there is no test {test}"));
        assert_eq!(&words(said), comment, "{test}");
    }
}
