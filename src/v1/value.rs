//! Any msgpack message as a tree that borrows from the bytes it arrived in.
//!
//! Nothing is allocated because a header announces it: lists grow with what is there, and how many values a
//! message may hold is limited.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Deepest nesting of a message: groups within groups, types within types.
const DEEPEST: usize = 100;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Nil,
    Truth(bool),
    Number(u64),
    /// Text, or bytes. Names in HDF5 files are not always UTF-8.
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// What this protocol has no use for.
    Other,
}

impl<'a> Value<'a> {
    /// Reads a message of at most `most` values; all of `bytes` must be it.
    pub(super) fn parse(bytes: &'a [u8], most: usize) -> Result<Self, String> {
        let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
        reader.set_max_depth(DEEPEST);
        let left = Cell::new(most);
        let value = Seed(&left)
            .deserialize(&mut reader)
            .map_err(|error| error.to_string())?;
        match IgnoredAny::deserialize(&mut reader) {
            Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(value),
            _ => Err("more follows its end".to_owned()),
        }
    }

    /// The value of `key` in a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries
            .iter()
            .find(|(name, _)| matches!(name, Self::Bytes(name) if *name == key.as_bytes()))
            .map(|(_, value)| value)
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The entries of a map whose keys are names.
    pub(super) fn entries(&self) -> Option<impl Iterator<Item = (&'a [u8], &Self)>> {
        let Self::Map(entries) = self else { return None };
        Some(
            entries
                .iter()
                .filter_map(|(name, value)| Some((name.bytes()?, value))),
        )
    }

    /// A list of numbers.
    pub(super) fn numbers(&self) -> Option<Vec<u64>> {
        self.list()?.iter().map(Self::number).collect()
    }
}

/// Reads a value as long as the budget lasts.
#[derive(Clone, Copy)]
struct Seed<'c>(&'c Cell<usize>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value<'de>, D::Error> {
        let left = self.0.get().checked_sub(1);
        self.0
            .set(left.ok_or_else(|| D::Error::custom("it holds too many values"))?);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a msgpack value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Nil)
    }

    fn visit_none<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Truth(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(u64::try_from(value).map_or(Value::Other, Value::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Bytes(value.as_bytes()))
    }

    fn visit_borrowed_bytes<E>(self, value: &'de [u8]) -> Result<Value<'de>, E> {
        Ok(Value::Bytes(value))
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value<'de>, D::Error> {
        IgnoredAny::deserialize(reader).map(|_| Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = items.next_key_seed(self)? {
            map.push((key, items.next_value_seed(self)?));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_announced_is_not_allocated() {
        for bytes in [
            &b"\xDD\xFF\xFF\xFF\xFF"[..],
            b"\xDF\xFF\xFF\xFF\xFF\x01",
            b"\xC6\xFF\xFF\xFF\xFF\x01",
            b"",
            b"\x91",
        ] {
            assert!(Value::parse(bytes, 1000).is_err());
        }
        assert!(Value::parse(&[0x91; 4000], 10_000).is_err());
        assert!(Value::parse(b"\x93\x01\x02\x03", 3).is_err());
        assert!(Value::parse(b"\x93\x01\x02\x03", 4).is_ok());
        assert!(Value::parse(b"\x01\x02", 10).is_err());
    }

    #[test]
    fn names_need_not_be_text() {
        let value = Value::parse(b"\x81\xA2\xFF\xFE\x05", 10).unwrap();
        let entries: Vec<_> = value.entries().unwrap().collect();
        assert_eq!(entries, [(&b"\xFF\xFE"[..], &Value::Number(5))]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Value::parse(&bytes, 1000);
        }
    }
}
