//! Text work on a settings file: the lines of one alias put in or taken out, all others left as they are.
//!
//! Understands block style as people write it, and gives up (`None`) on everything else. Whether the result says
//! what it should is for the caller to check.

use serde_json::{Value, json};

/// An alias to be added.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) url: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) use_keyring: bool,
}

impl Entry<'_> {
    /// Its lines, each with `indent` in front.
    pub(super) fn lines(&self, indent: &str) -> String {
        let mut lines = format!(
            "{indent}{}:\n{indent}  url: {}\n",
            scalar(self.name),
            scalar(self.url)
        );
        if let Some(user) = self.user {
            lines += &format!("{indent}  user: {}\n", scalar(user));
        }
        if self.use_keyring {
            lines += &format!("{indent}  use_keyring: true\n");
        }
        lines
    }

    /// What these lines say.
    pub(super) fn value(&self) -> Value {
        let mut value = json!({ "url": self.url });
        if let Some(user) = self.user {
            value["user"] = json!(user);
        }
        if self.use_keyring {
            value["use_keyring"] = json!(true);
        }
        value
    }
}

/// Text as YAML has it: as it is when that is surely a string, else in single quotes.
fn scalar(text: &str) -> String {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:%@+~=".contains(&byte);
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.bytes().all(word)
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with(':')
        && !special.iter().any(|word| text.eq_ignore_ascii_case(word));
    match plain {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// The file with the entry as the last of its aliases.
pub(super) fn add(text: &str, entry: &Entry<'_>) -> Option<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    let Some(head) = Head::find(&lines) else {
        // Text after the end of a document belongs to another.
        if lines.iter().any(|line| line.starts_with("...")) {
            return None;
        }
        lines.push(format!("aliases:\n{}", entry.lines("  ")));
        return Some(lines.concat());
    };
    match head.value.as_str() {
        "" | "~" | "null" | "{}" => {}
        // Flow style, an anchor, a reference.
        _ => return None,
    }
    let block = block(&lines, head.line);
    let indent = first_key(&lines[block.clone()]).unwrap_or_else(|| "  ".to_owned());
    lines.insert(block.end, entry.lines(&indent));
    if !head.value.is_empty() {
        lines[head.line] = head.with("");
    }
    Some(lines.concat())
}

/// The file without the alias `name`.
pub(super) fn remove(text: &str, name: &str) -> Option<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let head = Head::find(&lines)?;
    let block = block(&lines, head.line);
    let indent = first_key(&lines[block.clone()])?;
    let keys = [name.to_owned(), format!("'{name}'"), format!("\"{name}\"")];
    let is_key = |line: &String| {
        line.strip_prefix(&indent).is_some_and(|rest| {
            let after = keys.iter().find_map(|key| rest.strip_prefix(key.as_str()));
            after.is_some_and(|after| after.trim_start().starts_with(':'))
        })
    };
    let begin = block.start + lines[block.clone()].iter().position(is_key)?;
    let mut end = begin + 1;
    for (number, line) in lines.iter().enumerate().take(block.end).skip(begin + 1) {
        if is_blank(line) {
            continue;
        }
        if depth(line) <= indent.len() {
            break;
        }
        end = number + 1;
    }
    lines.drain(begin..end);
    // The Python client wants `aliases` to be there, and to hold a map.
    if first_key(&lines[block.start..block.end - (end - begin)]).is_none() {
        lines[head.line] = head.with(" {}");
    }
    Some(lines.concat())
}

/// The line `aliases:` of the file.
struct Head {
    line: usize,
    /// What stands after the colon, without a comment.
    value: String,
    /// The comment, with the space before it.
    comment: String,
}

impl Head {
    fn find(lines: &[String]) -> Option<Self> {
        lines.iter().enumerate().find_map(|(line, text)| {
            let rest = text.strip_prefix("aliases")?.trim_start().strip_prefix(':')?;
            let rest = rest.trim_end();
            let comment = rest.find(" #").unwrap_or(rest.len());
            Some(Self {
                line,
                value: rest[..comment].split_whitespace().collect(),
                comment: rest[comment..].to_owned(),
            })
        })
    }

    /// The line with another value.
    fn with(&self, value: &str) -> String {
        format!("aliases:{value}{}\n", self.comment)
    }
}

/// The lines that belong to the key in line `head`: what is indented below it, without comments and blank lines at the
/// end, which more likely belong to what follows.
fn block(lines: &[String], head: usize) -> std::ops::Range<usize> {
    let mut end = head + 1;
    for (number, line) in lines.iter().enumerate().skip(head + 1) {
        if is_blank(line) || is_comment(line) {
            continue;
        }
        if depth(line) == 0 {
            break;
        }
        end = number + 1;
    }
    head + 1..end
}

/// Indentation of the first key.
fn first_key(lines: &[String]) -> Option<String> {
    let line = lines.iter().find(|line| !is_blank(line) && !is_comment(line))?;
    Some(line[..depth(line)].to_owned())
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}
