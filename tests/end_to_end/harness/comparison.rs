//! Compares what a program says of a local file with what it says of the remote one.

use super::Outcome;

/// Panics with the first differences unless both outcomes are the same.
#[track_caller]
pub(crate) fn assert_same(local: &str, remote: &str) {
    if let Some(difference) = difference(local, remote) {
        panic!("remote differs from local\n{difference}");
    }
}

/// The first lines that differ, with their numbers; `None` when all are equal.
pub(crate) fn difference(local: &str, remote: &str) -> Option<String> {
    if local == remote {
        return None;
    }
    let (mut left, mut right) = (local.lines(), remote.lines());
    let mut shown = String::new();
    let mut found = 0;
    for number in 1.. {
        let (l, r) = (left.next(), right.next());
        if l.is_none() && r.is_none() {
            break;
        }
        if l != r {
            let line = |text: Option<&str>| text.map_or("(end)".to_owned(), clip);
            shown.push_str(&format!(
                "{number:>6} local  {}\n       remote {}\n",
                line(l),
                line(r)
            ));
            found += 1;
            if found == 5 {
                shown.push_str("       …\n");
                break;
            }
        }
    }
    if shown.is_empty() {
        shown.push_str("       only line ends differ\n");
    }
    Some(shown)
}

fn clip(line: &str) -> String {
    if line.chars().count() <= 300 {
        return line.to_owned();
    }
    let head: String = line.chars().take(300).collect();
    format!("{head} …")
}

/// All that a user sees of a run, with the file's name and the folder's replaced.
pub(crate) fn seen(outcome: &Outcome, folder: &str) -> String {
    format!(
        "{}\n---- stdout\n{}---- stderr\n{}",
        outcome.ending(),
        outcome.stdout.replace(folder, "<folder>"),
        outcome.stderr.replace(folder, "<folder>")
    )
}

/// h5dump's output without the numbers that it prints beside referenced objects (`DATASET 94363752735216
/// "/x"`): addresses of its own memory, different in every run.
pub(crate) fn without_addresses(dump: &str) -> String {
    let mut kept = String::with_capacity(dump.len());
    let mut rest = dump;
    while let Some(digit) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, number) = rest.split_at(digit);
        let length = number.len() - number.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = number.split_at(length);
        let object = ["DATASET ", "GROUP ", "DATATYPE ", "ATTRIBUTE ", "OBJECT "];
        kept.push_str(before);
        if object.iter().any(|word| before.ends_with(word)) && after.starts_with(' ') {
            kept.push('@');
        } else {
            kept.push_str(number);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}
