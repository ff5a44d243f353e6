//! The `Range` header.

use axum::http::{HeaderMap, header};

/// Which bytes a client wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole file.
    All,
    /// So many bytes (second, not zero) from an offset (first) on.
    Part(u64, u64),
    /// None that exist.
    Beyond,
}

/// Reads the header. What is not one range of bytes is ignored, as HTTP allows: the client then gets the
/// whole file and sees so by the status.
pub(super) fn wanted(headers: &HeaderMap, size: u64) -> Wanted {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Wanted::All;
    };
    value
        .to_str()
        .ok()
        .and_then(|text| parse(text, size))
        .unwrap_or(Wanted::All)
}

fn parse(text: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (begin, end) = if first.is_empty() {
        let suffix = number(last)?;
        (size.saturating_sub(suffix), size)
    } else {
        let begin = number(first)?;
        let end = if last.is_empty() {
            size
        } else {
            let last = number(last)?;
            if last < begin {
                return None;
            }
            last.saturating_add(1).min(size)
        };
        (begin, end)
    };
    Some(match end.checked_sub(begin) {
        None | Some(0) => Wanted::Beyond,
        Some(length) => Wanted::Part(begin, length),
    })
}

/// Digits only; too large a number is the largest one, which is beyond every file.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_understood() {
        for (text, wanted) in [
            ("bytes=0-0", Some(Wanted::Part(0, 1))),
            ("bytes=2-", Some(Wanted::Part(2, 8))),
            ("bytes=-3", Some(Wanted::Part(7, 3))),
            ("Bytes=-30", Some(Wanted::Part(0, 10))),
            ("bytes=5-99999999999999999999999", Some(Wanted::Part(5, 5))),
            ("bytes=10-", Some(Wanted::Beyond)),
            ("bytes=99999999999999999999999-", Some(Wanted::Beyond)),
            ("bytes=-0", Some(Wanted::Beyond)),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("bytes=-", None),
            ("lines=1-2", None),
            ("bytes", None),
        ] {
            assert_eq!(parse(text, 10), wanted, "{text}");
        }
        assert_eq!(parse("bytes=0-", 0), Some(Wanted::Beyond));
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(text in "bytes=[0-9]{0,21}-[0-9]{0,21}", size: u64) {
            if let Some(Wanted::Part(begin, length)) = parse(&text, size) {
                prop_assert!(length > 0 && begin.checked_add(length).unwrap() <= size);
            }
        }
    }
}
