//! What a request asks for: the same parameters in the query of a GET and in the body of a POST.

mod body;
mod slices;

use axum::http::{HeaderMap, StatusCode, header};
use hdfstream::protocol::MSGPACK;
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use super::selection::Blocks;
use crate::worker::question::Scope;

/// Longest path and longest name of an object, in bytes.
pub(super) const MAX_NAME: usize = 4096;

/// The parameters of a request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parameters {
    /// Name of an object in the file.
    pub(super) object: Option<String>,
    max_depth: i64,
    data_size_limit: Option<i64>,
    /// Which part of a dataset.
    pub(super) slice: Option<Blocks>,
}

/// What a request may leave out.
const DATA_SIZE_LIMIT: i64 = i32::MAX as i64;

impl Parameters {
    /// From the query of a URL, still percent-encoded. Unknown names are ignored, the first of equal ones
    /// counts.
    pub(super) fn of_query(query: Option<&str>) -> Result<Self, Refusal> {
        let mut found = Self::default();
        let mut seen = [false; 4];
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(number) = body::NAMES.iter().position(|known| *known == decoded(name)) else {
                continue;
            };
            if std::mem::replace(&mut seen[number], true) {
                continue;
            }
            let name = body::NAMES[number];
            let value = decoded(value);
            let integer = || {
                let parsed = value.parse::<i32>().map(i64::from);
                parsed.map_err(|_| Refusal::bad(format!("Unable to interpret {name} parameter as integer")))
            };
            match name {
                "object" => found.object = Some(value),
                "max_depth" => found.max_depth = integer()?,
                "data_size_limit" => found.data_size_limit = Some(integer()?),
                _ => found.slice = Some(slices::of_text(&value)?),
            }
        }
        found.checked()
    }

    /// From the body of a POST.
    pub(super) fn of_body(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let media = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
        if media != Some(MSGPACK.as_bytes()) {
            let text = format!("Content-Type must be {MSGPACK}");
            return Err(Refusal::Said(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        body::decode(body)?.checked()
    }

    fn checked(self) -> Result<Self, Refusal> {
        if self.max_depth < 0 {
            return Err(Refusal::bad("max_depth must not be negative"));
        }
        if self.data_size_limit.is_some_and(|limit| limit < 0) {
            return Err(Refusal::bad("data_size_limit must not be negative"));
        }
        match &self.object {
            Some(name) if name.len() > MAX_NAME => Err(Refusal::bad("Object name is too long")),
            Some(name) if name.chars().any(|letter| letter < ' ') => {
                Err(Refusal::bad("Object name contains invalid characters"))
            }
            None if self.slice.is_some() => Err(Refusal::bad("Slice specified without object name")),
            _ => Ok(self),
        }
    }

    /// Levels below a directory or group.
    pub(super) fn max_depth(&self) -> u32 {
        u32::try_from(self.max_depth).unwrap_or(u32::MAX)
    }

    /// How much of a group is wanted.
    pub(super) fn scope(&self) -> Scope {
        let limit = self.data_size_limit.unwrap_or(DATA_SIZE_LIMIT);
        Scope {
            max_depth: self.max_depth(),
            data_size_limit: u64::try_from(limit).unwrap_or(0),
        }
    }
}

/// A name or value of a query as it was meant.
fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use axum::response::IntoResponse;
    use proptest::prelude::*;

    fn post(body: &[u8]) -> Result<Parameters, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MSGPACK));
        Parameters::of_body(&headers, body)
    }

    fn status(result: Result<Parameters, Refusal>) -> u16 {
        match result {
            Ok(_) => 200,
            Err(refusal) => refusal.into_response().status().as_u16(),
        }
    }

    /// `(key, value)` as msgpack; values are msgpack already.
    fn map(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = vec![0x80 | entries.len() as u8];
        for (key, value) in entries {
            body.push(0xa0 | key.len() as u8);
            body.extend(key.as_bytes());
            body.extend(*value);
        }
        body
    }

    #[test]
    fn queries_are_read() {
        let found = Parameters::of_query(Some(
            "object=%2fa+b&max_depth=3&data_size_limit=7&x=y&object=c&slice=1:3",
        ));
        let found = found.unwrap();
        assert_eq!(found.object.as_deref(), Some("/a b"));
        assert_eq!(
            found.scope(),
            Scope {
                max_depth: 3,
                data_size_limit: 7
            }
        );
        assert_eq!(found.slice.unwrap().rows, [(1, 2)]);
        let none = Parameters::of_query(None).unwrap();
        assert_eq!(
            none.scope(),
            Scope {
                max_depth: 0,
                data_size_limit: 2_147_483_647
            }
        );
        for bad in [
            "max_depth=x",
            "max_depth=-1",
            "max_depth= 1",
            "max_depth=2147483648",
            "data_size_limit=-1",
            "data_size_limit=2147483648",
            "slice=0:1",
            "object=a&slice=2:1",
            "object=%0a",
            "object=a&slice=x",
        ] {
            assert_eq!(status(Parameters::of_query(Some(bad))), 400, "{bad}");
        }
    }

    #[test]
    fn bodies_are_read() {
        assert_eq!(post(&[0x80]).unwrap(), Parameters::default());
        let found = post(&map(&[
            ("object", b"\xa2/x"),
            ("slice", &[0x92, 0x92, 0xcd, 1, 0xf4, 1, 0x92, 0, 3]),
            ("max_depth", &[2]),
            ("data_size_limit", &[0xcf, 0, 0, 1, 0, 0, 0, 0, 0]),
        ]));
        let found = found.unwrap();
        assert_eq!(found.object.as_deref(), Some("/x"));
        assert_eq!(found.scope().data_size_limit, 1 << 40);
        let blocks = found.slice.unwrap();
        assert_eq!((blocks.rows, blocks.rest), (vec![(500, 1)], vec![(0, 3)]));
        // A name may be bytes; what comes after the map does not matter.
        assert!(post(b"\x81\xa6object\xc4\x01a\xff").unwrap().object.is_some());
    }

    #[test]
    fn malformed_bodies_are_refused() {
        let five = map(&[
            ("a", b"\x01"),
            ("b", b"\x01"),
            ("c", b"\x01"),
            ("d", b"\x01"),
            ("e", b"\x01"),
        ]);
        for body in [
            &b""[..],
            b"\x81",
            b"\xc0",
            b"\x90",
            b"\x81\x01\x01",
            b"\x81\xa6object\xc0",
            b"\x81\xa6object\x01",
            b"\x82\xa6object\xa1a\xa6object\xa1a",
            b"\x81\xa1x\x01",
            b"\x81\xa9max_depth\xff",
            b"\x81\xa9max_depth\xce\x80\x00\x00\x00",
            b"\x81\xa5slice\x90",
            b"\xdf\xff\xff\xff\xff",
            &five,
        ] {
            assert_eq!(status(post(body)), 400, "{body:x?}");
        }
        let text = |body: &[u8]| match post(body) {
            Err(Refusal::Said(_, text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text(b"\x81\xa1x\x01"), "Unrecognized parameter: x");
        assert_eq!(
            text(b"\x82\xa6object\xa1a\xa6object\xa1a"),
            "Duplicate parameter: object"
        );
        assert_eq!(text(&five), "Too many parameters in msgpack request");
        assert_eq!(status(Parameters::of_body(&HeaderMap::new(), b"\x80")), 415);
    }

    fn with_slice(slice: &[u8]) -> Result<Parameters, Refusal> {
        post(&map(&[("object", b"\xa1x"), ("slice", slice)]))
    }

    #[test]
    fn slices_of_both_kinds() {
        let rows = |slice: &[u8]| {
            let blocks = with_slice(slice).unwrap().slice.unwrap();
            (blocks.rows, blocks.rest, blocks.scalar)
        };
        // [[[10,20],[5,10]],[0,3]], [[[5,17,99],1],[1,1]], [[[5],[1]],[1]] and [].
        let both = b"\x92\x92\x92\x0a\x14\x92\x05\x0a\x92\x00\x03";
        assert_eq!(rows(both), (vec![(10, 5), (20, 10)], vec![(0, 3)], false));
        let points = b"\x92\x92\x93\x05\x11\x63\x01\x92\x01\x01";
        assert_eq!(
            rows(points),
            (vec![(5, 1), (17, 1), (99, 1)], vec![(1, 1)], false)
        );
        assert_eq!(
            rows(b"\x92\x92\x91\x05\x91\x01\x92\x91\x01\x91\x02"),
            (vec![(5, 1)], vec![(1, 2)], false)
        );
        assert_eq!(rows(b"\x90"), (vec![], vec![], true));
        assert_eq!(
            rows(b"\xaa0:2,3;5,3 "),
            (vec![(0, 2), (5, 1)], vec![(3, 1)], false)
        );
        assert_eq!(rows(b"\xa0"), (vec![], vec![], true));
        // Blocks that touch become one, empty ones vanish.
        assert_eq!(rows(b"\xab0:2;2:3;4:4"), (vec![(0, 3)], vec![], false));
        for bad in [
            &b"\x91\x91\x01"[..],
            b"\x91\x93\x01\x01\x01",
            b"\x91\x92\x92\x01\x02\x93\x01\x01\x01",
            b"\x91\x92\x90\x90",
            b"\x91\x01",
            b"\x91\x92\xa1a\x01",
            b"\x92\x92\x00\x01\x92\x92\x00\x01\x01",
            b"\xa31:a",
            b"\xa2-1",
            b"\xa32:1",
            b"\xa71,0;2,1",
            b"\xa41,;2",
            b"\x99\x92\x00\x01\x92\x00\x01\x92\x00\x01",
        ] {
            assert_eq!(status(with_slice(bad)), 400, "{bad:x?}");
        }
        for wrong in [
            &b"\x91\x92\xff\x01"[..],
            b"\x91\x92\x01\xff",
            b"\x91\x92\x92\x05\x01\x01",
            b"\x91\x92\x92\x05\x06\x02",
        ] {
            assert_eq!(status(with_slice(wrong)), 404, "{wrong:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = post(&bytes);
            let _ = with_slice(&bytes);
        }

        #[test]
        fn any_query_is_read_or_refused(query in "((object|slice|max_depth|data_size_limit)=[0-9:,; a%-]{0,20}&?){0,5}") {
            let _ = Parameters::of_query(Some(&query));
        }

        #[test]
        fn both_kinds_of_slices_say_the_same(
            blocks in prop::collection::vec((0u64..5, 0u64..5), 1..20),
            rest in prop::collection::vec((0u64..9, 0u64..9), 0..7),
        ) {
            let mut at = 0;
            let blocks: Vec<(u64, u64)> = blocks.into_iter().map(|(gap, count)| {
                let start = at + gap;
                at = start + count;
                (start, count)
            }).collect();
            let range = |&(start, count): &(u64, u64)| format!("{start}:{}", start + count);
            let text: Vec<String> = blocks.iter().map(|block| {
                let all: Vec<String> = std::iter::once(block).chain(&rest).map(range).collect();
                all.join(",")
            }).collect();
            let from_text = slices::of_text(&text.join(";")).unwrap();
            let (starts, counts): (Vec<u64>, Vec<u64>) = blocks.into_iter().unzip();
            let mut array = crate::worker::msgpack::Writer::default();
            array.array(1 + rest.len()).array(2).uints(&starts).uints(&counts);
            for (start, count) in &rest {
                array.uints(&[*start, *count]);
            }
            let from_array = with_slice(&array.into_bytes()).unwrap().slice.unwrap();
            prop_assert_eq!(from_text, from_array);
        }
    }
}
