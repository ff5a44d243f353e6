//! Arrays that go straight to where they are wanted while they arrive.
//!
//! An array is a map whose last value is a list of byte strings. What stands before the first of them is collected
//! and read; all bytes after it are elements, except for the short headers of further strings.

use bytes::Bytes;

use super::element::Element;
use super::question::Question;
use super::rows::Rows;
use super::value::Value;
use crate::protocol;
use crate::server::reply::Reply;

/// Longest text before the elements, bytes; the protocol's own client allows 1024.
pub(super) const LONGEST_HEAD: usize = 64 << 10;
/// How an array begins: a map of six whose first key is `nd`, and that is true.
const BEGINNING: &[u8] = b"\x86\xA2nd\xC3";
/// Key of the elements.
const DATA: &[u8] = b"\xA4data";
/// Bytes that an element of variable length counts as.
pub(super) const HANDLE: u64 = 512;

/// Elements on their way into `buffer`.
pub(super) struct Incoming<'a> {
    request: Vec<u8>,
    shape: Vec<u64>,
    element: Element,
    buffer: &'a mut [u8],
    /// Bytes of the buffer that are filled.
    filled: usize,
    /// What came and is not read yet: the head, or part of a string's header.
    pending: Vec<u8>,
    /// Strings that have yet to begin; `None` while the head is read.
    strings: Option<u64>,
    /// Bytes of the present string that have yet to come.
    left: u64,
}

/// The requests for `rows`, each with its part of `buffer`.
pub(super) fn requests<'a>(
    object: &str,
    rows: &Rows,
    element: &Element,
    buffer: &'a mut [u8],
) -> Vec<Incoming<'a>> {
    let mut rest = buffer;
    let mut requests = Vec::new();
    let size = element.size().unwrap_or(HANDLE);
    for part in rows.parts(size) {
        let bytes = part.count().saturating_mul(size);
        // The buffer has room for all rows; if not, the answer's length will be found wrong.
        let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(rest.len());
        let (here, later) = rest.split_at_mut(length);
        rest = later;
        requests.push(Incoming {
            // Encoding plain numbers and a text cannot fail; an empty request would be refused.
            request: protocol::encode(&Question::slices(object, &part)).unwrap_or_default(),
            shape: part.shape(),
            element: element.clone(),
            buffer: here,
            filled: 0,
            pending: Vec::new(),
            strings: None,
            left: 0,
        });
    }
    requests
}

impl Incoming<'_> {
    /// Reads the head if it is all there.
    fn head(&mut self) -> Result<bool, String> {
        let begins = BEGINNING.len().min(self.pending.len());
        if self.pending[..begins] != BEGINNING[..begins] {
            return Err("it is no array of elements of one size".to_owned());
        }
        // The head alone is a message when its list is empty. A field of a compound may be named as the key.
        let found = self
            .pending
            .windows(DATA.len())
            .enumerate()
            .find_map(|(at, window)| {
                let end = (window == DATA).then_some(at + DATA.len())?;
                let (strings, used) = list(&self.pending[end..])?;
                let message = [&self.pending[..end], &[0x90]].concat();
                Value::parse(&message, LONGEST_HEAD).ok()?;
                Some((message, strings, end + used))
            });
        let Some((message, strings, used)) = found else {
            return match self.pending.len() > LONGEST_HEAD {
                true => Err("its head does not end".to_owned()),
                false => Ok(false),
            };
        };
        let head = Value::parse(&message, LONGEST_HEAD)?;
        let shape = head.get("shape").and_then(Value::numbers);
        let form = head.get("type").zip(head.get("kind"));
        let element = form.map(|(form, kind)| Element::read(form, kind)).transpose()?;
        let bytes = head.get("nbytes").and_then(Value::number);
        if shape.as_deref() != Some(&self.shape[..])
            || element.as_ref() != Some(&self.element)
            || bytes != Some(self.buffer.len() as u64)
        {
            return Err(format!(
                "an array of {element:?}, shape {shape:?} and {bytes:?} bytes, where {:?}, {:?} and {} belong",
                self.element,
                self.shape,
                self.buffer.len()
            ));
        }
        self.strings = Some(strings);
        self.pending.drain(..used);
        Ok(true)
    }
}

/// Reads the header of a list: how many items, and the bytes it takes. `None` when it is not all there, or no list.
pub(super) fn list(bytes: &[u8]) -> Option<(u64, usize)> {
    match bytes {
        [short @ 0x90..=0x9F, ..] => Some((u64::from(short & 15), 1)),
        [0xDC, a, b, ..] => Some((u64::from(u16::from_be_bytes([*a, *b])), 3)),
        [0xDD, a, b, c, d, ..] => Some((u64::from(u32::from_be_bytes([*a, *b, *c, *d])), 5)),
        _ => None,
    }
}

/// Reads the header of a byte string: its length, and the bytes it takes. `None` when it is not all there.
fn string(bytes: &[u8]) -> Result<Option<(u64, usize)>, String> {
    match bytes {
        [0xC4, a, ..] => Ok(Some((u64::from(*a), 2))),
        [0xC5, a, b, ..] => Ok(Some((u64::from(u16::from_be_bytes([*a, *b])), 3))),
        [0xC6, a, b, c, d, ..] => Ok(Some((u64::from(u32::from_be_bytes([*a, *b, *c, *d])), 5))),
        [] | [0xC4..=0xC6, ..] => Ok(None),
        _ => Err("its elements are no bytes".to_owned()),
    }
}

impl Reply for Incoming<'_> {
    fn request(&self) -> Result<Bytes, String> {
        Ok(self.request.clone().into())
    }

    fn begin(&mut self, length: Option<u64>) -> Result<(), String> {
        self.filled = 0;
        self.pending.clear();
        self.strings = None;
        self.left = 0;
        match length {
            Some(length) if length < self.buffer.len() as u64 => {
                Err(format!("{length} bytes where more were asked for"))
            }
            _ => Ok(()),
        }
    }

    fn chunk(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let now = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                let room = self.buffer.get_mut(self.filled..self.filled + now);
                room.ok_or("more elements than were asked for")?
                    .copy_from_slice(&bytes[..now]);
                self.filled += now;
                self.left -= now as u64;
                bytes = &bytes[now..];
                continue;
            }
            match self.strings {
                None => {
                    self.pending.extend_from_slice(bytes);
                    bytes = &[];
                    if !self.head()? {
                        return Ok(());
                    }
                }
                Some(0) => return Err("more follows its elements".to_owned()),
                Some(_) => {
                    self.pending.push(bytes[0]);
                    bytes = &bytes[1..];
                }
            }
            // What is pending may be headers, and elements that came with the head.
            let pending = std::mem::take(&mut self.pending);
            let mut rest = &pending[..];
            while let Some(strings) = self.strings.filter(|strings| *strings > 0)
                && let Some((length, used)) = string(rest)?
            {
                self.strings = Some(strings - 1);
                let here = usize::try_from(length)
                    .unwrap_or(usize::MAX)
                    .min(rest.len() - used);
                let room = self.buffer.get_mut(self.filled..self.filled + here);
                room.ok_or("more elements than were asked for")?
                    .copy_from_slice(&rest[used..used + here]);
                self.filled += here;
                self.left = length - here as u64;
                rest = &rest[used + here..];
                if self.left > 0 {
                    break;
                }
            }
            if self.strings == Some(0) && !rest.is_empty() {
                return Err("more follows its elements".to_owned());
            }
            self.pending = rest.to_vec();
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match self.strings {
            Some(0) if self.left == 0 && self.filled == self.buffer.len() => Ok(()),
            _ => Err(format!("{} bytes are missing", self.buffer.len() - self.filled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] =
        b"\x86\xA2nd\xC3\xA4type\xA3<f8\xA4kind\xA0\xA5shape\x92\x01\x03\xA6nbytes\x18\xA4data";

    fn receive(body: &[u8], step: usize) -> Result<Vec<u8>, String> {
        let mut buffer = [0; 24];
        let rows = Rows::new(vec![(500, 1)], vec![(0, 3)]);
        let element = Element::Float {
            size: 8,
            big_endian: false,
        };
        let mut requests = requests("x", &rows, &element, &mut buffer);
        let incoming = &mut requests[0];
        incoming.begin(None)?;
        for chunk in body.chunks(step) {
            incoming.chunk(chunk)?;
        }
        incoming.end()?;
        drop(requests);
        Ok(buffer.to_vec())
    }

    #[test]
    fn elements_go_where_they_belong_whatever_the_chunks() {
        let elements: Vec<u8> = (0..24).collect();
        let whole = [ROW, b"\x91\xC4\x18", &elements].concat();
        let cut = [
            ROW,
            b"\x92\xC4\x05",
            &elements[..5],
            b"\xC5\x00\x13",
            &elements[5..],
        ]
        .concat();
        for step in 1..=whole.len() + 5 {
            assert_eq!(receive(&whole, step).as_deref(), Ok(&elements[..]), "{step}");
            assert_eq!(receive(&cut, step).as_deref(), Ok(&elements[..]), "{step}");
        }
    }

    #[test]
    fn whatever_is_wrong_is_refused() {
        let elements = [7; 24];
        let whole = [ROW, b"\x91\xC4\x18", &elements].concat();
        for step in [1, 7, 1000] {
            for end in 0..whole.len() {
                assert!(receive(&whole[..end], step).is_err(), "{end}");
            }
            let mut longer = whole.clone();
            longer.push(0);
            assert!(receive(&longer, step).is_err());
            let failed = [&whole[..50], b"\x81\xA5error\xA3bad"].concat();
            assert!(receive(&failed, step).is_err());
            for at in 0..ROW.len() + 3 {
                let mut changed = whole.clone();
                changed[at] ^= 0xFF;
                assert!(receive(&changed, step).is_err(), "{at}");
            }
        }
    }
}
