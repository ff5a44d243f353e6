//! What to do with the bytes of an answer as they arrive: collect a message, or put raw bytes in place.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::protocol::MAX_REPLY_BYTES;

/// Receives an answer. `begin` is called once for each attempt.
pub(crate) trait Reply: Send {
    /// Body of the request for what is still missing.
    fn request(&self) -> Result<Bytes, String>;
    /// Whether the server is expected to come back when it cannot be reached, and how much longer than others its
    /// answer may take. `None` for requests that are given up as soon as nobody seems to be there.
    fn patience(&self) -> Option<Duration> {
        None
    }
    /// The answer will have `length` bytes. An error says why it cannot be right.
    fn begin(&mut self, length: Option<u64>) -> Result<(), String>;
    /// More of it is here.
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), String>;
    /// It has ended. An error says that it ended too early.
    fn end(&mut self) -> Result<(), String>;
}

/// Collects a msgpack message.
pub(crate) struct Collect {
    request: Bytes,
    patience: Option<Duration>,
    bytes: Vec<u8>,
    announced: Option<u64>,
}

impl Collect {
    pub(crate) fn new(request: Vec<u8>) -> Self {
        Self::patient(request.into(), None)
    }

    /// With a [`Reply::patience`].
    pub(crate) fn patient(request: Bytes, patience: Option<Duration>) -> Self {
        Self {
            request,
            patience,
            bytes: Vec::new(),
            announced: None,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Reply for Collect {
    fn request(&self) -> Result<Bytes, String> {
        Ok(self.request.clone())
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn begin(&mut self, length: Option<u64>) -> Result<(), String> {
        self.bytes.clear();
        self.announced = length;
        match length {
            Some(length) if length > MAX_REPLY_BYTES as u64 => {
                Err(format!("{length} bytes, more than any answer has"))
            }
            // Announced is not received: large buffers grow with what arrives.
            Some(length) => {
                self.bytes.reserve((length as usize).min(4 << 20));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.bytes.len() + bytes.len() > MAX_REPLY_BYTES {
            return Err(format!("more than {MAX_REPLY_BYTES} bytes"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let got = self.bytes.len() as u64;
        match self.announced {
            Some(length) if length != got => Err(format!("{got} of {length} bytes")),
            _ => Ok(()),
        }
    }
}

/// Takes a number of bytes.
pub(crate) trait Sink: Send {
    /// How many more it takes.
    fn room(&self) -> usize;
    /// Takes bytes, no more than there is room for.
    fn put(&mut self, bytes: &[u8]);
    /// All are here.
    fn filled(self);
}

impl Sink for &mut [u8] {
    fn room(&self) -> usize {
        self.len()
    }

    fn put(&mut self, bytes: &[u8]) {
        let (here, later) = std::mem::take(self).split_at_mut(bytes.len());
        here.copy_from_slice(bytes);
        *self = later;
    }

    fn filled(self) {}
}

/// Where the next bytes of an answer go.
#[derive(Debug)]
pub(crate) enum Piece<S> {
    /// Here.
    Fill(S),
    /// Nowhere: that many bytes lie between wanted ones.
    Skip(usize),
}

/// Encodes the request for all bytes but the first `done`.
pub(crate) type Request<'a> = Box<dyn Fn(u64) -> Result<Vec<u8>, String> + Send + 'a>;

/// Puts raw bytes in place. After a cut only the rest is asked for.
pub(crate) struct Scatter<'a, S = &'a mut [u8]> {
    request: Request<'a>,
    pieces: VecDeque<Piece<S>>,
    done: u64,
    left: u64,
}

impl<'a, S: Sink> Scatter<'a, S> {
    pub(crate) fn new(pieces: Vec<Piece<S>>, request: Request<'a>) -> Self {
        let left = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Fill(sink) => sink.room() as u64,
                Piece::Skip(length) => *length as u64,
            })
            .sum();
        Self {
            request,
            pieces: pieces.into(),
            done: 0,
            left,
        }
    }
}

impl<S: Sink> Reply for Scatter<'_, S> {
    fn request(&self) -> Result<Bytes, String> {
        (self.request)(self.done).map(Bytes::from)
    }

    fn begin(&mut self, length: Option<u64>) -> Result<(), String> {
        match length {
            Some(length) if length != self.left => {
                Err(format!("{length} bytes where {} were asked for", self.left))
            }
            _ => Ok(()),
        }
    }

    fn chunk(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 > self.left {
            return Err("more bytes than were asked for".to_owned());
        }
        self.done += bytes.len() as u64;
        self.left -= bytes.len() as u64;
        while !bytes.is_empty() {
            let Some(piece) = self.pieces.pop_front() else {
                return Err("more bytes than were asked for".to_owned());
            };
            match piece {
                Piece::Fill(mut sink) => {
                    let (now, later) = bytes.split_at(sink.room().min(bytes.len()));
                    sink.put(now);
                    bytes = later;
                    match sink.room() {
                        0 => sink.filled(),
                        _ => self.pieces.push_front(Piece::Fill(sink)),
                    }
                }
                Piece::Skip(length) => {
                    let now = length.min(bytes.len());
                    bytes = &bytes[now..];
                    if length > now {
                        self.pieces.push_front(Piece::Skip(length - now));
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match self.left {
            0 => Ok(()),
            left => Err(format!("{left} bytes are missing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_where_they_belong_whatever_the_chunks() {
        for step in 1..12 {
            let (mut first, mut second) = ([0u8; 4], [0u8; 3]);
            let pieces = vec![
                Piece::Fill(&mut first[..]),
                Piece::Skip(3),
                Piece::Fill(&mut second[..]),
            ];
            let mut scatter = Scatter::new(pieces, Box::new(|done| Ok(vec![done as u8])));
            scatter.begin(Some(10)).unwrap();
            let bytes: Vec<u8> = (1..=10).collect();
            for chunk in bytes.chunks(step) {
                assert!(scatter.end().is_err());
                scatter.chunk(chunk).unwrap();
            }
            scatter.end().unwrap();
            assert!(scatter.chunk(&[1]).is_err());
            assert_eq!(scatter.request().unwrap()[..], [10]);
            drop(scatter);
            assert_eq!((first, second), ([1, 2, 3, 4], [8, 9, 10]));
        }
    }

    #[test]
    fn announced_lengths_are_checked_before_anything_is_kept() {
        let mut buffer = [0u8; 4];
        let mut scatter = Scatter::new(vec![Piece::Fill(&mut buffer[..])], Box::new(|_| Ok(Vec::new())));
        assert!(scatter.begin(Some(5)).is_err());
        let mut collect = Collect::new(Vec::new());
        assert!(collect.begin(Some(u64::MAX)).is_err());
        collect.begin(Some(3)).unwrap();
        collect.chunk(b"ab").unwrap();
        assert!(collect.end().is_err());
    }
}
