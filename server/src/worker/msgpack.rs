//! Msgpack written into memory, in the shortest form throughout.

use rmp::encode;

/// What has been written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Writer(Vec<u8>);

/// Writing to memory does not fail.
fn sure<T, E>(_: Result<T, E>) {}

/// Lengths are those of things in memory, where four thousand million of them do not fit.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Writer {
    pub(crate) fn map(&mut self, entries: usize) -> &mut Self {
        sure(encode::write_map_len(&mut self.0, length(entries)));
        self
    }

    pub(crate) fn array(&mut self, entries: usize) -> &mut Self {
        sure(encode::write_array_len(&mut self.0, length(entries)));
        self
    }

    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        sure(encode::write_str(&mut self.0, text));
        self
    }

    /// As text if it is UTF-8, without which decoders refuse everything, otherwise as bytes.
    pub(crate) fn text(&mut self, text: &[u8]) -> &mut Self {
        match str::from_utf8(text) {
            Ok(text) => self.str(text),
            Err(_) => self.bin(text),
        }
    }

    pub(crate) fn bin(&mut self, bytes: &[u8]) -> &mut Self {
        sure(encode::write_bin(&mut self.0, bytes));
        self
    }

    /// The beginning of so many bytes.
    pub(crate) fn bin_header(&mut self, bytes: u32) -> &mut Self {
        sure(encode::write_bin_len(&mut self.0, bytes));
        self
    }

    pub(crate) fn uint(&mut self, number: u64) -> &mut Self {
        sure(encode::write_uint(&mut self.0, number));
        self
    }

    pub(crate) fn int(&mut self, number: i64) -> &mut Self {
        sure(encode::write_sint(&mut self.0, number));
        self
    }

    pub(crate) fn yes(&mut self) -> &mut Self {
        sure(encode::write_bool(&mut self.0, true));
        self
    }

    pub(crate) fn nil(&mut self) -> &mut Self {
        sure(encode::write_nil(&mut self.0));
        self
    }

    /// An array of numbers.
    pub(crate) fn uints(&mut self, numbers: &[u64]) -> &mut Self {
        self.array(numbers.len());
        for &number in numbers {
            self.uint(number);
        }
        self
    }

    /// Msgpack that was written before.
    pub(crate) fn raw(&mut self, encoded: &[u8]) -> &mut Self {
        self.0.extend_from_slice(encoded);
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes back all but the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
