//! The path part of a URL: escapes, and `..` that never climbs above the server.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a canonical URL escapes. The colon is among it, so that no component looks like a scheme, and
/// `@`, so that none looks like a user name.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

pub(super) fn encode(component: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(component, ESCAPED)
}

/// Decodes the path of a URL to components. `..` at the top stays there, as browsers have it; a `%`
/// that begins no escape is itself.
pub(super) fn decode(path: &str) -> Result<Vec<String>, &'static str> {
    let mut components = Vec::new();
    for raw in path.split('/') {
        let component = percent_decode_str(raw)
            .decode_utf8()
            .map_err(|_| "its escapes are not UTF-8 text")?;
        if component.contains('/') {
            return Err("an escaped slash (%2F) cannot be part of a file name");
        }
        if !push(&mut components, &component)? {
            components.clear();
        }
    }
    Ok(components)
}

/// Follows the literal path `target` from `components`; leaving by `..` is an error.
pub(super) fn append(components: &mut Vec<String>, target: &str) -> Result<(), &'static str> {
    for component in target.split('/') {
        if !push(components, component)? {
            return Err("its '..' lead out of the server; write the full URL of what is meant");
        }
    }
    Ok(())
}

/// Adds one component; `false` when a `..` has nothing to go back from.
fn push(components: &mut Vec<String>, component: &str) -> Result<bool, &'static str> {
    if component.contains('\0') {
        return Err("it holds a NUL character");
    }
    match component {
        "" | "." => Ok(true),
        ".." => Ok(components.pop().is_some()),
        other => {
            components.push(other.to_owned());
            Ok(true)
        }
    }
}
