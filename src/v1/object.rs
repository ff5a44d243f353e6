//! What the protocol says of groups, datasets, links and arrays.

use std::borrow::Cow;

use super::element::Element;
use super::value::Value;

/// Most dimensions that HDF5 has.
const MOST_DIMENSIONS: usize = 32;

/// What a link of a group leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object<'a> {
    /// A group.
    Group(Group<'a>),
    /// A dataset.
    Dataset(Dataset<'a>),
    /// Not followed: the path in the link.
    SoftLink(&'a [u8]),
    /// What the protocol, or this program, cannot express; says what it is.
    Unsupported(String),
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// Its attributes.
    pub attributes: Vec<Attribute<'a>>,
    /// The names of its links, with what they lead to unless that has yet to be asked.
    pub members: Vec<(&'a [u8], Option<Object<'a>>)>,
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value, or why there is none.
    pub value: Result<Array<'a>, String>,
}

/// A dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset<'a> {
    /// Its attributes.
    pub attributes: Vec<Attribute<'a>>,
    /// Type of its elements.
    pub element: Element,
    /// Its extent.
    pub shape: Vec<u64>,
    /// All its elements, if they came along.
    pub data: Option<Array<'a>>,
}

/// Elements with their shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array<'a> {
    /// Type of the elements.
    pub element: Element,
    /// The extent; empty for a scalar.
    pub shape: Vec<u64>,
    /// The elements.
    pub content: Content<'a>,
}

/// The elements of an array, in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// Packed, as many bytes as the shape has room for.
    Packed(Cow<'a, [u8]>),
    /// One after the other, as many as the shape has room for.
    Sequences(Sequences<'a>),
}

/// Elements of variable length: texts, or packed elements.
pub type Sequences<'a> = Vec<Cow<'a, [u8]>>;

/// How many elements a shape has room for.
fn count(shape: &[u64]) -> u64 {
    shape
        .iter()
        .fold(1, |count: u64, &dimension| count.saturating_mul(dimension))
}

fn shape(value: &Value<'_>) -> Result<Vec<u64>, String> {
    let shape = value
        .get("shape")
        .and_then(Value::numbers)
        .ok_or("no shape that can be understood")?;
    if shape.len() > MOST_DIMENSIONS || shape.iter().any(|&dimension| dimension > i64::MAX as u64) {
        return Err("a shape that HDF5 does not know".to_owned());
    }
    Ok(shape)
}

fn element(value: &Value<'_>) -> Result<Element, String> {
    let part = |key| value.get(key).ok_or_else(|| format!("no {key}"));
    Element::read(part("type")?, part("kind")?)
}

impl<'a> Object<'a> {
    /// Reads what a member's value says; an unknown one is an object too.
    pub(super) fn read(value: &Value<'a>) -> Self {
        Self::known(value).unwrap_or_else(Self::Unsupported)
    }

    fn known(value: &Value<'a>) -> Result<Self, String> {
        let kind = value.get("hdf5_object").and_then(Value::text);
        match kind.ok_or("something that is no object")? {
            "group" => Ok(Self::Group(Group::read(value)?)),
            "dataset" => Ok(Self::Dataset(Dataset::read(value)?)),
            "soft_link" => {
                let target = value.get("target").and_then(Value::bytes);
                target
                    .map(Self::SoftLink)
                    .ok_or("a link without target".to_owned())
            }
            "unknown" => Err("an object of a kind that this protocol does not have".to_owned()),
            other => Err(format!("an object of the unknown kind {other:?}")),
        }
    }
}

impl<'a> Group<'a> {
    fn read(value: &Value<'a>) -> Result<Self, String> {
        let members = value.get("members").and_then(Value::entries);
        let members = members.ok_or("a group without members")?;
        Ok(Self {
            attributes: attributes(value)?,
            members: members
                .map(|(name, member)| match member {
                    Value::Nil => (name, None),
                    member => (name, Some(Object::read(member))),
                })
                .collect(),
        })
    }
}

impl<'a> Dataset<'a> {
    fn read(value: &Value<'a>) -> Result<Self, String> {
        let shape = shape(value)?;
        let mut element = element(value)?;
        let mut data = None;
        if let Some(found) = value.get("data").map(Array::read) {
            match found {
                Ok(array) if array.shape == shape => {
                    // A description alone does not tell sequences of compounds from compounds.
                    if !matches!(array.element, Element::VariableText) || count(&shape) > 0 {
                        element = array.element.clone();
                    }
                    data = Some(array);
                }
                Ok(_) => return Err("a dataset with data of another shape".to_owned()),
                Err(why) => log::warn!("the data of a dataset are left out: {why}"),
            }
        }
        Ok(Self {
            attributes: attributes(value)?,
            element,
            shape,
            data,
        })
    }
}

fn attributes<'a>(value: &Value<'a>) -> Result<Vec<Attribute<'a>>, String> {
    let attributes = value.get("attributes").and_then(Value::entries);
    Ok(attributes
        .ok_or("an object without attributes")?
        .map(|(name, value)| Attribute {
            name,
            value: Array::read(value),
        })
        .collect())
}

impl<'a> Array<'a> {
    pub(super) fn read(value: &Value<'a>) -> Result<Self, String> {
        if value.get("nd") == Some(&Value::Truth(true)) {
            return Self::packed(value);
        }
        if value.get("vlen") == Some(&Value::Truth(true)) {
            return Self::sequences(value);
        }
        Err("something that is no array".to_owned())
    }

    fn packed(value: &Value<'a>) -> Result<Self, String> {
        let (shape, element) = (shape(value)?, element(value)?);
        let size = element.size().ok_or("elements of varying size in one block")?;
        let pieces = value.get("data").and_then(Value::list).ok_or("no data")?;
        let pieces: Option<Vec<&[u8]>> = pieces.iter().map(Value::bytes).collect();
        let bytes = match pieces.ok_or("data that are no bytes")?.as_slice() {
            [one] => Cow::Borrowed(*one),
            many => Cow::Owned(many.concat()),
        };
        let expected = count(&shape).saturating_mul(size);
        let announced = value.get("nbytes").and_then(Value::number);
        if bytes.len() as u64 != expected || announced.is_some_and(|announced| announced != expected) {
            return Err(format!("{} bytes where {expected} belong", bytes.len()));
        }
        Ok(Self {
            element,
            shape,
            content: Content::Packed(bytes),
        })
    }

    fn sequences(value: &Value<'a>) -> Result<Self, String> {
        let shape = shape(value)?;
        let entries = value.get("data").and_then(Value::list).ok_or("no data")?;
        if entries.len() as u64 != count(&shape) {
            return Err(format!(
                "{} elements where {} belong",
                entries.len(),
                count(&shape)
            ));
        }
        let texts: Option<Sequences<'_>> = entries
            .iter()
            .map(|entry| entry.bytes().map(Cow::Borrowed))
            .collect();
        if let Some(texts) = texts {
            return Ok(Self {
                element: Element::VariableText,
                shape,
                content: Content::Sequences(texts),
            });
        }
        let mut inner = None;
        let mut sequences = Vec::new();
        for entry in entries {
            let entry = Self::read(entry)?;
            let Content::Packed(bytes) = entry.content else {
                return Err("sequences of sequences".to_owned());
            };
            if inner.get_or_insert_with(|| entry.element.clone()) != &entry.element {
                return Err("sequences of different types".to_owned());
            }
            sequences.push(bytes);
        }
        Ok(Self {
            element: Element::Sequence(Box::new(inner.ok_or("sequences of no type")?)),
            shape,
            content: Content::Sequences(sequences),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn array(bytes: &[u8]) -> Result<Array<'_>, String> {
        Array::read(&Value::parse(bytes, 1000).unwrap())
    }

    const ONE_ROW: &[u8] =
        b"\x86\xA2nd\xC3\xA4type\xA3<f8\xA4kind\xA0\xA5shape\x92\x01\x03\xA6nbytes\x18\xA4data\x91\xC4\x18\
        012345670123456701234567";

    #[test]
    fn worked_bytes_of_the_specification_are_understood() {
        let row = array(ONE_ROW).unwrap();
        assert_eq!(row.shape, [1, 3]);
        assert_eq!(
            row.content,
            Content::Packed(b"012345670123456701234567"[..].into())
        );
        let empty = array(
            b"\x86\xA2nd\xC3\xA4type\xA3<f4\xA4kind\xA0\xA5shape\x92\x00\x03\xA6nbytes\x00\xA4data\x90",
        );
        assert_eq!(empty.unwrap().content, Content::Packed(b""[..].into()));
        let text = array(
            b"\x86\xA2nd\xC3\xA4type\xA2S5\xA4kind\xA0\xA5shape\x90\xA6nbytes\x05\xA4data\x91\xC4\x05EAGLE",
        );
        assert_eq!(text.unwrap().element, Element::Text(5));
        let texts = array(b"\x83\xA4vlen\xC3\xA5shape\x91\x02\xA4data\x92\xA1a\xA2bc").unwrap();
        let expected: Sequences<'_> = vec![b"a"[..].into(), b"bc"[..].into()];
        assert_eq!(texts.content, Content::Sequences(expected));
        let link = b"\x82\xABhdf5_object\xA9soft_link\xA6target\xAA/PartType1";
        let link = Value::parse(link, 100).unwrap();
        assert_eq!(Object::read(&link), Object::SoftLink(b"/PartType1"));
    }

    #[test]
    fn sequences_are_understood() {
        let entry = |shape: u8, bytes: &[u8]| {
            let mut entry = b"\x86\xA2nd\xC3\xA4type\xA3<i4\xA4kind\xA0\xA5shape\x91".to_vec();
            entry.push(shape);
            entry.extend_from_slice(b"\xA6nbytes");
            entry.push(bytes.len() as u8);
            entry.extend_from_slice(b"\xA4data");
            match bytes {
                [] => entry.push(0x90),
                bytes => {
                    entry.extend_from_slice(&[0x91, 0xC4, bytes.len() as u8]);
                    entry.extend_from_slice(bytes);
                }
            }
            entry
        };
        let mut bytes = b"\x83\xA4vlen\xC3\xA5shape\x91\x02\xA4data\x92".to_vec();
        bytes.extend(entry(1, &[5, 0, 0, 0]));
        bytes.extend(entry(0, &[]));
        let found = array(&bytes).unwrap();
        let expected: Sequences<'_> = vec![b"\x05\0\0\0"[..].into(), b""[..].into()];
        assert_eq!(found.content, Content::Sequences(expected));
    }

    #[test]
    fn lengths_are_checked() {
        let mut short = ONE_ROW.to_vec();
        let at = short.windows(2).position(|pair| pair == b"\x01\x03").unwrap();
        short[at] = 2;
        assert!(array(&short).is_err());
        assert!(array(b"\x83\xA4vlen\xC3\xA5shape\x91\x03\xA4data\x92\xA1a\xA2bc").is_err());
    }

    #[test]
    fn a_member_that_is_not_understood_spoils_no_group() {
        let bytes = b"\x83\xABhdf5_object\xA5group\xAAattributes\x81\xA1a\x05\xA7members\x83\
            \xA1u\x81\xABhdf5_object\xA7unknown\xA1n\xC0\xA1x\x05";
        let value = Value::parse(bytes, 100).unwrap();
        let Object::Group(group) = Object::read(&value) else {
            panic!("no group");
        };
        assert!(group.attributes[0].value.is_err());
        assert!(matches!(group.members[0], (b"u", Some(Object::Unsupported(_)))));
        assert_eq!(group.members[1], (&b"n"[..], None));
        assert!(matches!(group.members[2].1, Some(Object::Unsupported(_))));
    }
    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut bytes = b"\x83\xABhdf5_object\xA5group\xAAattributes\x81\xA1a".to_vec();
            bytes.extend_from_slice(ONE_ROW);
            bytes.extend_from_slice(b"\xA7members\x82\xA1n\xC0\xA1d\x86\xABhdf5_object\xA7dataset\xAAattributes\x80\
                \xA4type\xA3str\xA4kind\xA0\xA5shape\x91\x02\xA4data\
                \x83\xA4vlen\xC3\xA5shape\x91\x02\xA4data\x92\xA1a\xA2bc");
            prop_assert!(Value::parse(&bytes, 1000).is_ok());
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            for end in [bytes.len(), cut.index(bytes.len())] {
                if let Ok(value) = Value::parse(&bytes[..end], 1000) {
                    let _ = (Object::read(&value), Array::read(&value));
                }
            }
        }
    }
}
