//! Which system calls bring the bytes of a list of runs: neighbouring pieces share one read.

use std::io;

use hdfstream::protocol::Run;

/// Pieces less than this apart are read together with what lies between them: copying a page costs as
/// much as another system call.
const GAP: u64 = 4 << 10;
/// Largest block read to pick pieces from.
const COVER: u64 = 256 << 10;
/// After reading this much, what was gathered is sent, so that sparse reads make steady progress.
const TOUCH: u64 = 8 << 20;
/// What a read counts at least: on a disk it may cost milliseconds.
const READ: u64 = 32 << 10;

/// Something with bytes at offsets; a file outside of tests.
pub(crate) trait Source {
    /// Fills `buffer` with the bytes from `offset` on.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// The bytes of a list of runs, in order, followed by zeros; taken in portions.
#[derive(Debug)]
pub(crate) struct Gather {
    runs: Vec<Run>,
    at: Position,
    zeros: u64,
    remaining: u64,
    scratch: Vec<u8>,
}

/// The next byte: of which run, of which of its pieces, how far into it.
#[derive(Debug, Clone, Copy, Default)]
struct Position {
    run: usize,
    piece: u64,
    done: u64,
}

impl Position {
    /// The rest of the present piece, as offset and length.
    fn piece(&self, runs: &[Run]) -> Option<(u64, u64)> {
        let run = runs.get(self.run)?;
        // Runs were checked: nothing of them overflows.
        let offset = run.offset + run.stride * self.piece + self.done;
        Some((offset, run.length - self.done))
    }

    /// Moves on by `taken` bytes, at most to the end of the present piece.
    fn advance(&mut self, runs: &[Run], taken: u64) {
        self.done += taken;
        if let Some(run) = runs.get(self.run)
            && self.done == run.length
        {
            self.done = 0;
            self.piece += 1;
            if self.piece == run.count {
                self.piece = 0;
                self.run += 1;
            }
        }
    }
}

/// Pieces to be read as one: `size` bytes at `offset`, of which `bytes` are wanted.
struct Block {
    offset: u64,
    size: u64,
    bytes: u64,
    next: Position,
}

impl Gather {
    /// `runs` must have been checked against the file and bring `bytes` bytes; `zeros` follow.
    pub(crate) fn new(runs: Vec<Run>, bytes: u64, zeros: u64) -> Self {
        Self {
            runs,
            at: Position::default(),
            zeros,
            remaining: bytes + zeros,
            scratch: Vec::new(),
        }
    }

    /// Bytes still to come.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Fills `out` from its beginning and returns how far; less than all of it when nothing remains or
    /// much had to be read for it. Blocks.
    pub(crate) fn fill(&mut self, source: &impl Source, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0usize;
        let mut touched = 0u64;
        while filled < out.len() && touched < TOUCH {
            let rest = &mut out[filled..];
            let Some(block) = self.block(rest.len() as u64) else {
                let zeros = self.zeros.min(rest.len() as u64);
                rest[..zeros as usize].fill(0);
                self.zeros -= zeros;
                filled += zeros as usize;
                break;
            };
            let wanted = &mut rest[..block.bytes as usize];
            if block.size == block.bytes {
                source.read_at(wanted, block.offset)?;
            } else {
                self.scratch.resize(COVER as usize, 0);
                let cover = &mut self.scratch[..block.size as usize];
                source.read_at(cover, block.offset)?;
                pick(&self.runs, self.at, cover, block.offset, wanted);
            }
            self.at = block.next;
            filled += wanted.len();
            touched += block.size.max(READ);
        }
        self.remaining -= filled as u64;
        Ok(filled)
    }

    /// Like [`Self::fill`], but on failure everything remains as it was.
    pub(crate) fn try_fill(&mut self, source: &impl Source, out: &mut [u8]) -> io::Result<usize> {
        let (at, zeros) = (self.at, self.zeros);
        self.fill(source, out).inspect_err(|_| {
            self.at = at;
            self.zeros = zeros;
        })
    }

    /// The longest row of pieces from here that one read serves, at most `room` bytes of them.
    fn block(&self, room: u64) -> Option<Block> {
        let mut next = self.at;
        let (offset, length) = next.piece(&self.runs)?;
        let mut bytes = length.min(room);
        let mut end = offset + bytes;
        next.advance(&self.runs, bytes);
        while bytes < room
            && let Some((start, length)) = next.piece(&self.runs)
        {
            let taken = length.min(room - bytes);
            let dense = start == end && bytes == end - offset;
            let near = start >= end && start - end <= GAP && start + taken - offset <= COVER;
            if !dense && !near {
                break;
            }
            end = start + taken;
            bytes += taken;
            next.advance(&self.runs, taken);
        }
        Some(Block {
            offset,
            size: end - offset,
            bytes,
            next,
        })
    }
}

/// Copies the pieces from `at` on out of `cover`, the file's bytes from `base` on, until `out` is full.
fn pick(runs: &[Run], mut at: Position, cover: &[u8], base: u64, mut out: &mut [u8]) {
    while !out.is_empty()
        && let Some((offset, length)) = at.piece(runs)
    {
        let taken = (length as usize).min(out.len());
        let start = (offset - base) as usize;
        let (now, later) = out.split_at_mut(taken);
        now.copy_from_slice(&cover[start..start + taken]);
        out = later;
        at.advance(runs, taken as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    struct Counted<'a> {
        bytes: &'a [u8],
        reads: Cell<usize>,
    }

    impl Source for Counted<'_> {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            self.reads.set(self.reads.get() + 1);
            let offset = offset as usize;
            buffer.copy_from_slice(&self.bytes[offset..offset + buffer.len()]);
            Ok(())
        }
    }

    fn naive(bytes: &[u8], runs: &[Run], zeros: u64) -> Vec<u8> {
        let mut out = Vec::new();
        for run in runs {
            for piece in 0..run.count {
                let start = (run.offset + piece * run.stride) as usize;
                out.extend_from_slice(&bytes[start..start + run.length as usize]);
            }
        }
        out.resize(out.len() + zeros as usize, 0);
        out
    }

    fn gathered(bytes: &[u8], runs: Vec<Run>, zeros: u64, portion: usize) -> (Vec<u8>, usize) {
        let total = Run::check(&runs, bytes.len() as u64).unwrap();
        let source = Counted {
            bytes,
            reads: Cell::new(0),
        };
        let mut gather = Gather::new(runs, total, zeros);
        let mut out = Vec::new();
        let mut buffer = vec![0xAA; portion];
        while gather.remaining() > 0 {
            let filled = gather.fill(&source, &mut buffer).unwrap();
            assert!(filled > 0);
            out.extend_from_slice(&buffer[..filled]);
        }
        (out, source.reads.get())
    }

    fn noise(size: usize) -> Vec<u8> {
        (0..size).map(|i| ((i * 2_654_435_761) >> 11) as u8).collect()
    }

    fn run(size: u64) -> impl Strategy<Value = Run> {
        let wide = (0..size, 1..size, 0..3 * size, 1..2_000u64);
        let narrow = (0..size, 1..16u64, 0..64u64, 1..20_000u64);
        prop_oneof![wide, narrow].prop_map(move |(offset, length, gap, count)| {
            let length = length.min(size - offset);
            let stride = length + gap;
            let count = count.min(1 + (size - offset - length) / stride);
            Run {
                offset,
                length,
                stride,
                count,
            }
        })
    }

    proptest! {
        #[test]
        fn runs_bring_what_the_naive_loop_brings(
            runs in prop::collection::vec(run(600_000), 0..6),
            zeros in 0..5_000u64,
            portion in prop_oneof![1..100usize, 1_000..400_000usize],
        ) {
            let bytes = noise(600_000);
            let expected = naive(&bytes, &runs, zeros);
            // Tiny portions of large answers would take long and show nothing more.
            let portion = portion.max(expected.len() / 1_000);
            prop_assert!(gathered(&bytes, runs, zeros, portion).0 == expected);
        }
    }

    #[test]
    fn small_pieces_share_reads() {
        let bytes = noise(1 << 20);
        let column = Run {
            offset: 12,
            length: 4,
            stride: 64,
            count: 16_000,
        };
        let (out, reads) = gathered(&bytes, vec![column], 0, 1 << 20);
        assert_eq!(out, naive(&bytes, &[column], 0));
        assert!(reads <= 5, "{reads}");
        let scattered: Vec<Run> = (0..1_000).map(|i| Run::range(i * 1_000, 8)).collect();
        let (out, reads) = gathered(&bytes, scattered.clone(), 0, 1 << 20);
        assert_eq!(out, naive(&bytes, &scattered, 0));
        assert!(reads <= 5, "{reads}");
    }

    #[test]
    fn touching_ranges_are_one_read_without_a_copy() {
        let bytes = noise(1 << 20);
        let halves = vec![Run::range(0, 1 << 19), Run::range(1 << 19, 1 << 19)];
        assert_eq!(gathered(&bytes, halves, 0, 1 << 20).1, 1);
    }

    /// Whose bytes beyond some offset are not in memory.
    struct Partly<'a>(&'a [u8], u64);

    impl Source for Partly<'_> {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            if offset + buffer.len() as u64 > self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let offset = offset as usize;
            buffer.copy_from_slice(&self.0[offset..offset + buffer.len()]);
            Ok(())
        }
    }

    #[test]
    fn what_could_not_be_read_is_read_again_from_its_beginning() {
        let bytes = noise(300_000);
        let runs = vec![
            Run::range(0, 1_000),
            Run::range(100_000, 1_000),
            Run::range(290_000, 10),
        ];
        let expected = naive(&bytes, &runs, 5);
        let total = Run::check(&runs, bytes.len() as u64).unwrap();
        let mut gather = Gather::new(runs, total, 5);
        let mut out = vec![0; 4_000];
        assert_eq!(
            gather
                .try_fill(&Partly(&bytes, 200_000), &mut out[..1_500])
                .unwrap(),
            1_500
        );
        assert!(
            gather
                .try_fill(&Partly(&bytes, 200_000), &mut out[1_500..])
                .is_err()
        );
        assert_eq!(gather.remaining(), 515);
        assert_eq!(
            gather
                .try_fill(&Partly(&bytes, 300_000), &mut out[1_500..])
                .unwrap(),
            515
        );
        assert_eq!(out[..2_015], expected);
    }
}
