//! Conditional requests, in the order that RFC 9110 section 13.2.2 prescribes.

use std::time::SystemTime;

use axum::http::{HeaderMap, HeaderName, header};

/// Whether the request is to be carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Yes.
    Go,
    /// No: the client has the present content.
    NotModified,
    /// No: the content is not what the client expects.
    Failed,
}

/// Judges a `GET` or `HEAD` of content with the strong entity tag `tag`, quotes included.
pub(super) fn judge(headers: &HeaderMap, tag: &str, modified: SystemTime) -> Verdict {
    if headers.contains_key(header::IF_MATCH) {
        if !names(headers, &header::IF_MATCH, |listed| listed == tag) {
            return Verdict::Failed;
        }
    } else if let Some(date) = date(headers, &header::IF_UNMODIFIED_SINCE)
        && modified > date
    {
        return Verdict::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        let weakly = |listed: &str| listed.strip_prefix("W/").unwrap_or(listed) == tag;
        if names(headers, &header::IF_NONE_MATCH, weakly) {
            return Verdict::NotModified;
        }
    } else if let Some(date) = date(headers, &header::IF_MODIFIED_SINCE)
        && modified <= date
    {
        return Verdict::NotModified;
    }
    Verdict::Go
}

/// Whether `If-Range`, if there, names the present content, so that `Range` counts. A date has a
/// resolution of a second and is trusted only for files that have rested since.
pub(super) fn range_applies(headers: &HeaderMap, tag: &str, modified: SystemTime) -> bool {
    let Some(value) = headers.get(header::IF_RANGE) else {
        return true;
    };
    let Ok(text) = value.to_str() else { return false };
    if text.starts_with('"') || text.starts_with("W/") {
        return text == tag;
    }
    let rested = modified
        .elapsed()
        .is_ok_and(|age| age > std::time::Duration::from_secs(2));
    rested && httpdate::parse_http_date(text).is_ok_and(|date| date == modified)
}

/// Whether a list of entity tags is `*` or holds one that `same` accepts. Our tags hold no commas.
fn names(headers: &HeaderMap, name: &HeaderName, same: impl Fn(&str) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|listed| listed == "*" || same(listed))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}
