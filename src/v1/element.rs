//! Types of elements, as the protocol describes them.

use super::value::Value;

/// Deepest nesting of a type.
const DEEPEST: usize = 16;
/// Largest element of fixed size, bytes; HDF5 itself knows none of 4 GiB.
const LARGEST: u64 = u32::MAX as u64 / 2;

/// Type of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// An integer of 1, 2, 4 or 8 bytes.
    Integer {
        /// Bytes.
        size: usize,
        /// Whether it may be negative.
        signed: bool,
        /// Whether the most significant byte comes first.
        big_endian: bool,
    },
    /// A number in IEEE format of 2, 4 or 8 bytes, or the 80-bit one of x86 in 16 bytes.
    Float {
        /// Bytes.
        size: usize,
        /// Whether the most significant byte comes first.
        big_endian: bool,
    },
    /// Text in so many bytes, padded with NUL.
    Text(usize),
    /// Text of any length.
    VariableText,
    /// Fields one after the other, without gaps.
    Compound(Vec<Field>),
    /// An array of so many elements in each dimension.
    Array(Box<Element>, Vec<u64>),
    /// Any number of elements.
    Sequence(Box<Element>),
}

/// A field of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: Vec<u8>,
    /// Its type.
    pub element: Element,
}

impl Element {
    /// Reads the descriptor `kind` and `form` of an array or dataset.
    pub(super) fn read(form: &Value<'_>, kind: &Value<'_>) -> Result<Self, String> {
        let element = Self::nested(form, DEEPEST)?;
        let is_plain = form.bytes().is_some();
        let element = match (kind.bytes(), is_plain) {
            // Only this tells a sequence from its elements.
            (Some(b"V"), true) => Self::Sequence(Box::new(element)),
            (Some(b"" | b"V"), _) => element,
            _ => return Err("a type of unknown kind".to_owned()),
        };
        match element.size() {
            Some(size) if size > LARGEST => Err(format!("elements of {size} bytes")),
            _ => Ok(element),
        }
    }

    fn nested(form: &Value<'_>, depth: usize) -> Result<Self, String> {
        let depth = depth.checked_sub(1).ok_or("a type nested too deeply")?;
        if let Some(text) = form.text() {
            return Self::plain(text).ok_or_else(|| format!("the unknown type {text:?}"));
        }
        let unknown = || "a type that cannot be understood".to_owned();
        match form.list().ok_or_else(unknown)? {
            [] => Err(unknown()),
            [element, dimensions] if dimensions.numbers().is_some() && element.list() != Some(&[]) => {
                Self::array(
                    Self::nested(element, depth)?,
                    &dimensions.numbers().ok_or_else(unknown)?,
                )
            }
            fields => {
                let fields: Result<Vec<_>, String> =
                    fields.iter().map(|field| Field::read(field, depth)).collect();
                Ok(Self::Compound(fields?))
            }
        }
    }

    fn plain(text: &str) -> Option<Self> {
        if text == "str" {
            return Some(Self::VariableText);
        }
        let (order, text) = match text.as_bytes() {
            [b'<' | b'|' | b'>', ..] => text.split_at(1),
            _ => ("", text),
        };
        let (class, size) = text.split_at_checked(1)?;
        let size: usize = size.parse().ok()?;
        let big_endian = order == ">";
        match (class, size) {
            ("i" | "u", 1 | 2 | 4 | 8) => Some(Self::Integer {
                size,
                signed: class == "i",
                big_endian: big_endian && size > 1,
            }),
            ("b", 1) => Some(Self::Integer {
                size,
                signed: true,
                big_endian: false,
            }),
            ("f", 2 | 4 | 8) => Some(Self::Float { size, big_endian }),
            ("f", 16) if !big_endian => Some(Self::Float { size, big_endian }),
            ("S", 1..) => Some(Self::Text(size)),
            _ => None,
        }
    }

    fn array(element: Self, dimensions: &[u64]) -> Result<Self, String> {
        let fits = |dimension: &u64| (1..=u64::from(u32::MAX)).contains(dimension);
        if dimensions.is_empty() || dimensions.len() > 32 || !dimensions.iter().all(fits) {
            return Err("an array type of no sensible shape".to_owned());
        }
        Ok(Self::Array(Box::new(element), dimensions.to_vec()))
    }

    /// Bytes of an element; `None` when they vary. More than any element has count as the most there can be.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Integer { size, .. } | Self::Float { size, .. } | Self::Text(size) => Some(*size as u64),
            Self::VariableText | Self::Sequence(_) => None,
            Self::Compound(fields) => fields
                .iter()
                .try_fold(0u64, |sum, field| Some(sum.saturating_add(field.element.size()?))),
            Self::Array(element, dimensions) => {
                let count = dimensions
                    .iter()
                    .fold(1, |count: u64, &one| count.saturating_mul(one));
                Some(element.size()?.saturating_mul(count))
            }
        }
    }
}

impl Field {
    /// `[name, type]`, or `[name, type, [dimensions]]`.
    fn read(form: &Value<'_>, depth: usize) -> Result<Self, String> {
        let unknown = || "a field that cannot be understood".to_owned();
        let (name, element, dimensions) = match form.list().ok_or_else(unknown)? {
            [name, element] => (name, element, None),
            [name, element, dimensions] => (name, element, Some(dimensions)),
            _ => return Err(unknown()),
        };
        let name = name.bytes().ok_or_else(unknown)?.to_vec();
        let element = Element::nested(element, depth)?;
        let element = match dimensions {
            None => element,
            Some(dimensions) => Element::array(element, &dimensions.numbers().ok_or_else(unknown)?)?,
        };
        Ok(Self { name, element })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &[u8], kind: &str) -> Result<Element, String> {
        let form = Value::parse(form, 100).unwrap();
        Element::read(&form, &Value::Bytes(kind.as_bytes()))
    }

    fn integer(size: usize, signed: bool, big_endian: bool) -> Element {
        Element::Integer {
            size,
            signed,
            big_endian,
        }
    }

    fn float(size: usize) -> Element {
        Element::Float {
            size,
            big_endian: false,
        }
    }

    #[test]
    fn plain_types_are_read() {
        assert_eq!(read(b"\xA3<i4", "").unwrap(), integer(4, true, false));
        assert_eq!(read(b"\xA3>u8", "").unwrap(), integer(8, false, true));
        assert_eq!(read(b"\xA3<i1", "").unwrap(), integer(1, true, false));
        assert_eq!(read(b"\xA4<f16", "").unwrap(), float(16));
        assert_eq!(read(b"\xA4S128", "").unwrap(), Element::Text(128));
        assert_eq!(read(b"\xA3str", "").unwrap(), Element::VariableText);
        for unknown in [
            &b"\xA3<i3"[..],
            b"\xA2S0",
            b"\xA3<c8",
            b"\xA0",
            b"\x05",
            b"\x90",
            b"\xA3\xC3\xA9x",
        ] {
            assert!(read(unknown, "").is_err());
        }
    }

    #[test]
    fn types_made_of_others_are_read() {
        let both = read(b"\x92\x92\xA1a\xA3<i4\x92\xA1b\xA3<f8", "V").unwrap();
        let field = |name: &str, element| Field {
            name: name.as_bytes().to_vec(),
            element,
        };
        assert_eq!(
            both,
            Element::Compound(vec![field("a", integer(4, true, false)), field("b", float(8))])
        );
        assert_eq!(both.size(), Some(12));
        let array = read(b"\x92\xA3<f8\x92\x02\x03", "V").unwrap();
        assert_eq!(array, Element::Array(Box::new(float(8)), vec![2, 3]));
        assert_eq!(array.size(), Some(48));
        let field_of_three = read(b"\x91\x93\xA1a\xA3<f8\x91\x03", "V").unwrap();
        assert_eq!(field_of_three.size(), Some(24));
        assert_eq!(
            read(b"\xA3<f8", "V").unwrap(),
            Element::Sequence(Box::new(float(8)))
        );
        assert!(read(b"\x92\xA3<f8\x91\x00", "V").is_err());
        assert!(read(b"\x92\xA3<f8\x92\xCE\xFF\xFF\xFF\xFF\xCE\xFF\xFF\xFF\xFF", "V").is_err());
    }
}
