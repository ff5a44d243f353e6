//! Names as requests carry them: what is a path below the root, before any file is touched.

use percent_encoding::percent_decode_str;

/// Whether `path` names something below the root: components separated by single `/`, none of them
/// empty, `.` or `..`. Backslashes and everything else are ordinary characters.
pub(crate) fn is_below_root(path: &str) -> bool {
    path.split('/').all(is_component)
}

/// Whether `component` can be the name of a file or directory.
pub(crate) fn is_component(component: &str) -> bool {
    !matches!(component, "" | "." | "..") && !component.contains(['/', '\0'])
}

/// The path below the root that stands in a URL; `None` if there can be nothing of that name. Components are decoded
/// one by one, so that an encoded slash stays within its component, where no file name has one.
pub(crate) fn decode(encoded: &str) -> Option<String> {
    let mut name = String::with_capacity(encoded.len());
    for component in encoded.split('/') {
        let component = percent_decode_str(component).decode_utf8().ok()?;
        if !is_component(&component) {
            return None;
        }
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(&component);
    }
    Some(name)
}

/// An absolute path of the server's file system without its empty and `.` components; `None` if it is
/// not absolute or has a `..`, by which a client could find out which directories exist elsewhere.
pub(crate) fn absolute(path: &str) -> Option<String> {
    let mut clean = String::with_capacity(path.len());
    for component in path.strip_prefix('/')?.split('/') {
        match component {
            "" | "." => {}
            _ if is_component(component) => {
                clean.push('/');
                clean.push_str(component);
            }
            _ => return None,
        }
    }
    Some(clean)
}

/// The path of `name`, relative to the directory of the file `origin`; `None` when it leaves the root.
/// Unlike in requests, `.` and `..` are understood, because HDF5 files hold such names.
pub(crate) fn beside(origin: &str, name: &str) -> Option<String> {
    let mut components: Vec<&str> = origin.split('/').collect();
    components.pop();
    for component in name.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop()?;
            }
            _ if is_component(component) => components.push(component),
            _ => return None,
        }
    }
    Some(components.join("/")).filter(|path| is_below_root(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_components_are_below_the_root() {
        for good in [
            "a", "a/b.h5", "a b/ü", ".hidden", "...", "a\\..\\b", "C:", "%2e%2e",
        ] {
            assert!(is_below_root(good), "{good}");
        }
        for bad in [
            "", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "a/./b", "a\0b",
        ] {
            assert!(!is_below_root(bad), "{bad}");
        }
    }

    #[test]
    fn absolute_paths_are_tidied_but_never_climb() {
        assert_eq!(absolute("/data//a/./b").as_deref(), Some("/data/a/b"));
        assert_eq!(absolute("/data/../etc"), None);
        assert_eq!(absolute("data"), None);
    }

    #[test]
    fn names_are_found_beside_their_file() {
        assert_eq!(beside("a/b.h5", "raw.bin").as_deref(), Some("a/raw.bin"));
        assert_eq!(beside("a/b.h5", "./../raw/x").as_deref(), Some("raw/x"));
        assert_eq!(beside("b.h5", "../raw"), None);
        assert_eq!(beside("b.h5", "."), None);
    }
}
