//! What other programs are told by the same means: the way to the network, authorities, netrc, the terminal.

use std::path::PathBuf;

/// The proxy that the usual variables name for servers of a kind, with the variable's name. Small letters count
/// first, as for curl.
pub(crate) fn proxy(secure: bool) -> Option<(&'static str, String)> {
    // A web server's CGI puts a header of the request, `Proxy:`, into HTTP_PROXY.
    let cgi = std::env::var_os("REQUEST_METHOD").is_some();
    let names: &[&'static str] = match secure {
        true => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        false if cgi => &["http_proxy", "all_proxy", "ALL_PROXY"],
        false => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    names.iter().find_map(|name| Some((*name, text(name)?)))
}

/// Hosts that the usual variables want reached directly.
pub(crate) fn no_proxy() -> String {
    ["no_proxy", "NO_PROXY"]
        .iter()
        .find_map(|name| text(name))
        .unwrap_or_default()
}

/// File of further certificate authorities that Python's requests is told of.
pub(crate) fn authorities() -> Option<PathBuf> {
    text("REQUESTS_CA_BUNDLE").map(PathBuf::from)
}

/// Where logins by host are, and whether the user named that file.
pub(crate) fn netrc() -> Option<(PathBuf, bool)> {
    match text("NETRC") {
        Some(path) => Some((super::keys::path(&path), true)),
        None => Some((std::env::home_dir()?.join(".netrc"), false)),
    }
}

/// Whether the terminal is said to be one that only prints lines.
pub(crate) fn is_dumb_terminal() -> bool {
    text("TERM").is_some_and(|term| term == "dumb")
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
