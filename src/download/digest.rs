//! Digests of the pieces of a file: bytes go in, and for every piece its SHA-256 comes out.

use std::io::{self, Write};

use ring::digest::{Context, SHA256};

/// Bytes in a piece; the last one of a file may have fewer. A server reads so many in a fraction of a second,
/// and from a slow disk well within the time that a client waits.
pub(crate) const PIECE: u64 = 128 << 20;

/// Collects the digests of what is written to it.
pub(crate) struct Digests {
    now: Context,
    filled: u64,
    done: Vec<[u8; 32]>,
}

impl Default for Digests {
    fn default() -> Self {
        Self {
            now: Context::new(&SHA256),
            filled: 0,
            done: Vec::new(),
        }
    }
}

impl Digests {
    /// The digests of all pieces.
    pub(crate) fn finish(mut self) -> Vec<[u8; 32]> {
        if self.filled > 0 {
            self.close();
        }
        self.done
    }

    fn close(&mut self) {
        let context = std::mem::replace(&mut self.now, Context::new(&SHA256));
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        self.done.push(digest);
        self.filled = 0;
    }
}

impl Write for Digests {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (PIECE - self.filled).min(bytes.len() as u64) as usize;
        self.now.update(&bytes[..room]);
        self.filled += room as u64;
        if self.filled == PIECE {
            self.close();
        }
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_depend_on_how_the_bytes_arrive() {
        let bytes = vec![7; 1 << 20];
        let length = PIECE as usize + (PIECE as usize / 2);
        let mut digests = Digests::default();
        let mut left = length;
        while left > 0 {
            let now = left.min(bytes.len() - 3);
            digests.write_all(&bytes[..now]).unwrap();
            left -= now;
        }
        let found = digests.finish();
        let expected = |length: usize| {
            let whole = vec![7; length];
            ring::digest::digest(&SHA256, &whole).as_ref().to_vec()
        };
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].to_vec(), expected(PIECE as usize));
        assert_eq!(found[1].to_vec(), expected(PIECE as usize / 2));
        assert!(Digests::default().finish().is_empty());
    }
}
