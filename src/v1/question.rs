//! What can be asked.

use serde::Serialize;

use super::rows::Rows;

/// Most bytes of a dataset that come along with its description. Bounds how long opening takes.
pub const INLINE: u64 = 256 << 10;

/// Levels of groups that are asked for at once.
pub const LEVELS: u32 = 5;

/// Body of a request.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Question<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_depth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_size_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<Vec<[Range; 2]>>,
}

/// Starts or counts of a dimension.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Range {
    One(u64),
    Many(Vec<u64>),
}

impl<'a> Question<'a> {
    /// What is `object`, with so many levels of groups below it, and with datasets of up to `inline` bytes?
    #[must_use]
    pub fn object(object: &'a str, levels: u32, inline: u64) -> Self {
        Self {
            object: Some(object),
            max_depth: Some(levels),
            data_size_limit: Some(inline),
            slice: None,
        }
    }

    /// Which elements are in these rows of the dataset `object`?
    pub(super) fn slices(object: &'a str, rows: &Rows) -> Self {
        let first = match rows.blocks() {
            [] => None,
            [(start, count)] => Some([Range::One(*start), Range::One(*count)]),
            blocks => {
                let starts = blocks.iter().map(|block| block.0).collect();
                let same = blocks.iter().all(|block| block.1 == blocks[0].1);
                let counts = match same {
                    true => Range::One(blocks[0].1),
                    false => Range::Many(blocks.iter().map(|block| block.1).collect()),
                };
                Some([Range::Many(starts), counts])
            }
        };
        let others = rows
            .others()
            .iter()
            .map(|&(start, count)| [Range::One(start), Range::One(count)]);
        Self {
            object: Some(object),
            slice: Some(first.into_iter().chain(others).collect()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol;

    #[test]
    fn slices_are_said_as_the_specification_has_them() {
        let say = |blocks: &[(u64, u64)], others: &[(u64, u64)]| {
            let rows = Rows::new(blocks.to_vec(), others.to_vec());
            protocol::encode(&Question::slices("/PartType1/Coordinates", &rows)).unwrap()
        };
        assert_eq!(
            say(&[(500, 1)], &[(0, 3)]),
            b"\x82\xA6object\xB6/PartType1/Coordinates\xA5slice\x92\x92\xCD\x01\xF4\x01\x92\x00\x03"
        );
        assert!(say(&[(10, 5), (20, 10)], &[]).ends_with(b"\x91\x92\x92\x0A\x14\x92\x05\x0A"));
        assert!(say(&[(5, 1), (17, 1)], &[]).ends_with(b"\x91\x92\x92\x05\x11\x01"));
        assert!(say(&[], &[]).ends_with(b"\xA5slice\x90"));
    }

    #[test]
    fn what_is_not_asked_is_not_said() {
        assert_eq!(protocol::encode(&Question::default()).unwrap(), [0x80]);
    }
}
