//! The body of a POST: one msgpack map, decoded as it comes, so that lengths are never believed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Parameters;
use super::slices::{self, Dimension, Numbers};
use crate::v1::refusal::Refusal;
use crate::v1::selection::{MAX_BLOCKS, MAX_DIMENSIONS};

/// All parameters.
pub(super) const NAMES: [&str; 4] = ["object", "max_depth", "data_size_limit", "slice"];

/// Decodes a body.
pub(super) fn decode(body: &[u8]) -> Result<Parameters, Refusal> {
    let decoded: Result<Body, _> = rmp_serde::from_slice(body);
    match decoded {
        Ok(Body(parameters)) => parameters,
        Err(error) => Err(Refusal::bad(format!("Unable to decode request: {error}"))),
    }
}

/// Parameters, or what is wrong with them.
struct Body(Result<Parameters, Refusal>);

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of parameters")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        if map.size_hint().is_some_and(|entries| entries > NAMES.len()) {
            return refuse(map, Refusal::bad("Too many parameters in msgpack request"));
        }
        let mut found = Parameters::default();
        let mut seen = [false; NAMES.len()];
        while let Some(key) = map.next_key::<String>()? {
            let wrong = match NAMES.iter().position(|known| *known == key) {
                None => Some(format!("Unrecognized parameter: {key}")),
                Some(number) => {
                    std::mem::replace(&mut seen[number], true).then(|| format!("Duplicate parameter: {key}"))
                }
            };
            if let Some(text) = wrong {
                map.next_value::<IgnoredAny>()?;
                return refuse(map, Refusal::bad(text));
            }
            match key.as_str() {
                "object" => found.object = Some(map.next_value::<Name>()?.0),
                "max_depth" => found.max_depth = i64::from(map.next_value::<i32>()?),
                "data_size_limit" => found.data_size_limit = Some(map.next_value::<i64>()?),
                _ => {
                    let slice = match map.next_value::<Slice>()? {
                        Slice::Text(text) => slices::of_text(&text),
                        Slice::Array(dimensions) => slices::of_array(dimensions),
                    };
                    match slice {
                        Ok(blocks) => found.slice = Some(blocks),
                        Err(refusal) => return refuse(map, refusal),
                    }
                }
            }
        }
        Ok(Body(Ok(found)))
    }
}

/// Reads over the rest of a map: the decoder finds fault with one that is left in the middle.
fn refuse<'de, A: MapAccess<'de>>(mut map: A, refusal: Refusal) -> Result<Body, A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(Body(Err(refusal)))
}

/// Text or bytes that are text.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name(text.to_owned()))
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Name, E> {
                let text = str::from_utf8(bytes).map_err(E::custom)?;
                Ok(Name(text.to_owned()))
            }
        }
        deserializer.deserialize_any(NameVisitor)
    }
}

enum Slice {
    Text(String),
    Array(Vec<Dimension>),
}

impl<'de> Deserialize<'de> for Slice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SliceVisitor;
        impl<'de> Visitor<'de> for SliceVisitor {
            type Value = Slice;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("slices as text or as an array")
            }
            fn visit_str<E>(self, text: &str) -> Result<Slice, E> {
                Ok(Slice::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Slice, A::Error> {
                let mut dimensions = Vec::new();
                while let Some(dimension) = seq.next_element()? {
                    // One more than is allowed tells that there are too many.
                    if dimensions.len() <= MAX_DIMENSIONS {
                        dimensions.push(dimension);
                    }
                }
                Ok(Slice::Array(dimensions))
            }
        }
        deserializer.deserialize_any(SliceVisitor)
    }
}

impl<'de> Deserialize<'de> for Dimension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DimensionVisitor;
        impl<'de> Visitor<'de> for DimensionVisitor {
            type Value = Dimension;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a pair of start and count")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Dimension, A::Error> {
                let pair = (seq.next_element()?, seq.next_element()?);
                let more: Option<IgnoredAny> = seq.next_element()?;
                match (pair, more) {
                    ((Some(start), Some(count)), None) => Ok(Dimension { start, count }),
                    _ => Err(serde::de::Error::invalid_length(0, &self)),
                }
            }
        }
        deserializer.deserialize_seq(DimensionVisitor)
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumbersVisitor;
        impl<'de> Visitor<'de> for NumbersVisitor {
            type Value = Numbers;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an integer or an array of integers")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Numbers, E> {
                Ok(Numbers::One(i64::try_from(number).unwrap_or(i64::MAX)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Numbers, E> {
                Ok(Numbers::One(number))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Numbers, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = seq.next_element::<i64>()? {
                    numbers.push(number);
                    if numbers.len() > MAX_BLOCKS {
                        return Err(serde::de::Error::custom("too many slices"));
                    }
                }
                Ok(Numbers::Many(numbers))
            }
        }
        deserializer.deserialize_any(NumbersVisitor)
    }
}
