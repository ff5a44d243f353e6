//! Texts of variable length that go where they are wanted while they arrive.

use bytes::Bytes;

use super::incoming::{HANDLE, LONGEST_HEAD, list};
use super::question::Question;
use super::rows::Rows;
use super::value::Value;
use crate::protocol::{self, MAX_REPLY_BYTES};
use crate::server::reply::Reply;

/// How they begin: a map of three whose first key is `vlen`, and that is true.
const BEGINNING: &[u8] = b"\x83\xA4vlen\xC3";
/// Key of the texts.
const DATA: &[u8] = b"\xA4data";

/// Takes a text, and its number among those that were asked for; says no when it cannot. It may come again, when an
/// answer was cut off.
pub type Place<'a> = dyn Fn(u64, &[u8]) -> bool + Sync + 'a;

/// Texts on their way to their places.
pub(super) struct Texts<'a> {
    request: Vec<u8>,
    shape: Vec<u64>,
    place: &'a Place<'a>,
    /// Number of the first text.
    first: u64,
    count: u64,
    /// Texts that have been placed; `None` while the head is read.
    placed: Option<u64>,
    /// What came and is not read yet: the head, or part of a text.
    pending: Vec<u8>,
}

/// The requests for `rows`.
pub(super) fn requests<'a>(object: &str, rows: &Rows, place: &'a Place<'a>) -> Vec<Texts<'a>> {
    let mut first = 0;
    let request = |part: Rows| {
        let count = part.count();
        let here = first;
        first += count;
        Texts {
            // Encoding plain numbers and a text cannot fail; an empty request would be refused.
            request: protocol::encode(&Question::slices(object, &part)).unwrap_or_default(),
            shape: part.shape(),
            place,
            first: here,
            count,
            placed: None,
            pending: Vec::new(),
        }
    };
    rows.parts(HANDLE).into_iter().map(request).collect()
}

/// Where the text begins and ends whose header `bytes` begin with; `None` when that is not all there.
fn extent(bytes: &[u8]) -> Result<Option<(usize, usize)>, String> {
    let (begin, length) = match *bytes {
        [short @ 0xA0..=0xBF, ..] => (1, usize::from(short & 31)),
        [0xD9 | 0xC4, a, ..] => (2, usize::from(a)),
        [0xDA | 0xC5, a, b, ..] => (3, usize::from(u16::from_be_bytes([a, b]))),
        [0xDB | 0xC6, a, b, c, d, ..] => (5, u32::from_be_bytes([a, b, c, d]) as usize),
        [] | [0xC4..=0xC6 | 0xD9..=0xDB, ..] => return Ok(None),
        // The server says late that it failed: behind what it had sent already.
        [0x81, ..] => return Err("its answer broke off".to_owned()),
        _ => return Err("elements that are no texts".to_owned()),
    };
    match length > MAX_REPLY_BYTES {
        true => Err(format!("a text of {length} bytes")),
        false => Ok(Some((begin, begin + length))),
    }
}

impl Texts<'_> {
    /// Reads the head if it is all there; how many bytes of what is pending it takes.
    fn head(&self) -> Result<Option<usize>, String> {
        let begins = BEGINNING.len().min(self.pending.len());
        if self.pending[..begins] != BEGINNING[..begins] {
            return Err("these are no elements of variable length".to_owned());
        }
        let mut windows = self.pending.windows(DATA.len());
        let end = windows
            .position(|window| window == DATA)
            .map(|at| at + DATA.len());
        let Some((end, (count, used))) = end.and_then(|end| Some((end, list(&self.pending[end..])?))) else {
            return match self.pending.len() > LONGEST_HEAD {
                true => Err("its head does not end".to_owned()),
                false => Ok(None),
            };
        };
        // The head alone is a message when its list is empty.
        let message = [&self.pending[..end], &[0x90]].concat();
        let head = Value::parse(&message, LONGEST_HEAD)?;
        let shape = head.get("shape").and_then(Value::numbers);
        if shape.as_deref() != Some(&self.shape[..]) || count != self.count {
            return Err(format!(
                "{count} elements of shape {shape:?}, where {} of {:?} belong",
                self.count, self.shape
            ));
        }
        Ok(Some(end + used))
    }

    /// Places all texts that are whole; how many bytes they take.
    fn place(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let mut used = 0;
        let mut placed = self.placed.unwrap_or_default();
        while let Some((begin, end)) = extent(&bytes[used..])?
            && let Some(text) = bytes.get(used + begin..used + end)
        {
            if placed == self.count {
                return Err("more follows its elements".to_owned());
            }
            if !(self.place)(self.first + placed, text) {
                return Err("texts for which there is no memory".to_owned());
            }
            placed += 1;
            used += end;
        }
        self.placed = Some(placed);
        Ok(used)
    }
}

impl Reply for Texts<'_> {
    fn request(&self) -> Result<Bytes, String> {
        Ok(self.request.clone().into())
    }

    fn begin(&mut self, _: Option<u64>) -> Result<(), String> {
        self.placed = None;
        self.pending.clear();
        Ok(())
    }

    fn chunk(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        if self.placed.is_none() {
            self.pending.extend_from_slice(bytes);
            let Some(head) = self.head()? else {
                return Ok(());
            };
            let all = std::mem::take(&mut self.pending);
            let used = self.place(&all[head..])?;
            self.pending.extend_from_slice(&all[head + used..]);
            return Ok(());
        }
        // A text of which a part came before.
        while !self.pending.is_empty() && !bytes.is_empty() {
            let missing = match extent(&self.pending)? {
                Some((_, end)) => end - self.pending.len(),
                None => 1,
            };
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            let pending = std::mem::take(&mut self.pending);
            if self.place(&pending)? == 0 {
                self.pending = pending;
            }
        }
        let used = self.place(bytes)?;
        self.pending.extend_from_slice(&bytes[used..]);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.placed, self.pending.is_empty()) {
            (Some(placed), true) if placed == self.count => Ok(()),
            _ => Err(format!(
                "{} texts are missing",
                self.count - self.placed.unwrap_or_default()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const HEAD: &[u8] = b"\x83\xA4vlen\xC3\xA5shape\x91\x04\xA4data\x94";

    fn receive(body: &[u8], step: usize) -> Result<Vec<Vec<u8>>, String> {
        let texts = Mutex::new(vec![Vec::new(); 4]);
        let place = |number: u64, text: &[u8]| {
            texts.lock().unwrap()[number as usize] = text.to_vec();
            true
        };
        let mut requests = requests("x", &Rows::new(vec![(5, 4)], Vec::new()), &place);
        let incoming = &mut requests[0];
        incoming.begin(None)?;
        for chunk in body.chunks(step) {
            incoming.chunk(chunk)?;
        }
        incoming.end()?;
        Ok(texts.into_inner().unwrap())
    }

    fn whole() -> (Vec<u8>, Vec<Vec<u8>>) {
        let texts = [vec![b'a'; 3], Vec::new(), vec![b'b'; 40], vec![b'c'; 300]];
        let headers = [&b"\xA3"[..], b"\xA0", b"\xD9\x28", b"\xC5\x01\x2C"];
        let entries = headers.iter().zip(&texts);
        let entries = entries.flat_map(|(header, text)| [header, text.as_slice()].concat());
        (HEAD.iter().copied().chain(entries).collect(), texts.to_vec())
    }

    #[test]
    fn texts_go_where_they_belong_whatever_the_chunks() {
        let (body, texts) = whole();
        for step in 1..=body.len() {
            assert_eq!(receive(&body, step).as_ref(), Ok(&texts), "{step}");
        }
    }

    #[test]
    fn whatever_is_wrong_is_refused() {
        let (body, _) = whole();
        for step in [1, 7, 1000] {
            for end in 0..body.len() {
                assert!(receive(&body[..end], step).is_err(), "{end}");
            }
            assert!(receive(&[&body[..], b"\xA0"].concat(), step).is_err());
            let failed = [&body[..HEAD.len() + 4], b"\x81\xA5error\xA3bad"].concat();
            assert_eq!(receive(&failed, step).unwrap_err(), "its answer broke off");
            for at in 0..HEAD.len() {
                let mut changed = body.clone();
                changed[at] ^= 0xFF;
                assert!(receive(&changed, step).is_err(), "{at}");
            }
        }
    }
}
