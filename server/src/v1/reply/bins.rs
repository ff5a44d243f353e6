//! The bytes of an array, cut into pieces that msgpack can hold.

use bytes::Bytes;

use crate::worker::msgpack::Writer;

/// Longest piece.
const LONGEST: u64 = u32::MAX as u64;

/// Puts the headers of pieces into a stream of bytes.
#[derive(Debug)]
pub(super) struct Bins {
    /// Bytes that are not announced yet.
    left: u64,
    /// Bytes that are announced and still to come.
    announced: u64,
}

impl Bins {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            left: bytes,
            announced: 0,
        }
    }

    /// Bytes on the wire for so many of an array.
    pub(super) fn framed(bytes: u64) -> u64 {
        let mut bins = Self::new(bytes);
        let mut all = bins.begin().len() as u64 + bytes;
        while bins.left > 0 {
            all += bins.announce().len() as u64;
        }
        all
    }

    /// The header of the array of pieces.
    pub(super) fn begin(&self) -> Bytes {
        let mut header = Writer::default();
        header.array(usize::try_from(self.left.div_ceil(LONGEST)).unwrap_or(usize::MAX));
        header.into_bytes().into()
    }

    /// `bytes` with the headers that come before and between them.
    pub(super) fn frame(&mut self, mut bytes: Bytes) -> Vec<Bytes> {
        let mut framed = Vec::new();
        while !bytes.is_empty() {
            if self.announced == 0 {
                let header = self.announce();
                // More than was announced altogether never comes.
                if self.announced == 0 {
                    break;
                }
                framed.push(header);
            }
            let taken = self.announced.min(bytes.len() as u64);
            framed.push(bytes.split_to(taken as usize));
            self.announced -= taken;
        }
        framed
    }

    fn announce(&mut self) -> Bytes {
        self.announced = self.left.min(LONGEST);
        self.left -= self.announced;
        let mut header = Writer::default();
        header.bin_header(u32::try_from(self.announced).unwrap_or(u32::MAX));
        header.into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: u64, step: usize) -> (u64, Vec<u64>) {
        let zeros = Bytes::from(vec![0; step]);
        let mut bins = Bins::new(bytes);
        let mut sent = bins.begin().len() as u64;
        let (mut left, mut headers) = (bytes, Vec::new());
        while left > 0 {
            let taken = left.min(step as u64);
            for part in bins.frame(zeros.slice(..taken as usize)) {
                sent += part.len() as u64;
                if part[0] != 0 {
                    headers.push(bytes - left);
                }
            }
            left -= taken;
        }
        (sent, headers)
    }

    #[test]
    fn announced_lengths_are_those_sent() {
        for bytes in [0, 1, 255, 256, 65_535, 65_536, 1 << 20] {
            assert_eq!(all(bytes, 1000).0, Bins::framed(bytes));
        }
        let (sent, headers) = all((1 << 32) + 10, 1 << 28);
        assert_eq!(sent, Bins::framed((1 << 32) + 10));
        assert_eq!(headers.len(), 2);
        assert_eq!(sent, (1 << 32) + 10 + 1 + 5 + 2);
    }
}
