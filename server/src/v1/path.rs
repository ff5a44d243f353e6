//! Virtual paths, as URLs carry them.

use axum::http::Uri;
use percent_encoding::percent_decode_str;

use crate::store::path;

/// The path below the root, empty for the root itself; `None` if there can be nothing of that name. One slash
/// at the end does not count.
pub(super) fn below(uri: &Uri, endpoint: &str) -> Option<String> {
    let encoded = rest(uri, endpoint);
    if encoded.is_empty() {
        return Some(String::new());
    }
    path::decode(encoded)
}

/// The path as it is repeated to the client.
pub(super) fn shown(uri: &Uri, endpoint: &str) -> String {
    percent_decode_str(rest(uri, endpoint))
        .decode_utf8_lossy()
        .into_owned()
}

fn rest<'a>(uri: &'a Uri, endpoint: &str) -> &'a str {
    let path = uri.path();
    let rest = path.strip_prefix(endpoint).unwrap_or(path);
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    rest.strip_suffix('/').unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(path: &str) -> Option<String> {
        below(&format!("/msgpack{path}").parse().unwrap(), "/msgpack")
    }

    #[test]
    fn paths_are_read() {
        for root in ["", "/", "//"] {
            assert_eq!(found(root).as_deref(), Some(""), "{root}");
        }
        assert_eq!(found("/a/b%20c").as_deref(), Some("a/b c"));
        assert_eq!(found("/a/b/").as_deref(), Some("a/b"));
        for bad in ["/a//b", "/a//", "/../a", "/a/%2e%2e", "/a%2fb", "/a%00", "/%ff"] {
            assert_eq!(found(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leaves_the_root(path in "(/|[.]|%2e|%2f|a|%00){0,12}") {
            if let Some(name) = found(&format!("/{path}")) {
                prop_assert!(name.is_empty() || path::is_below_root(&name));
            }
        }
    }
}
