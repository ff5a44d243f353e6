use proptest::prelude::*;

use super::*;

/// As HDF5 writes: each filter in its order, but those of the mask.
fn encode(steps: &[Step], mask: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    for (number, step) in steps.iter().enumerate() {
        if mask >> number & 1 == 1 {
            continue;
        }
        bytes = match *step {
            Step::Deflate => {
                let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
                let mut compressed = vec![0; compressor.zlib_compress_bound(bytes.len())];
                let length = compressor.zlib_compress(&bytes, &mut compressed).unwrap();
                compressed.truncate(length);
                compressed
            }
            Step::Shuffle(size) => shuffled(size, &bytes),
            Step::Fletcher32 => {
                let sum = fletcher32::sum(&bytes);
                [bytes, sum.to_le_bytes().to_vec()].concat()
            }
            Step::Lzf => literally(&bytes),
            Step::Lz4 => in_blocks(&bytes),
            Step::Zstd => zstd::bulk::compress(&bytes, 1).unwrap(),
        };
    }
    bytes
}

fn shuffled(size: usize, bytes: &[u8]) -> Vec<u8> {
    let elements = bytes.len().checked_div(size).unwrap_or_default();
    if size <= 1 || elements <= 1 {
        return bytes.to_vec();
    }
    let mut shuffled = Vec::new();
    for which in 0..size {
        shuffled.extend((0..elements).map(|element| bytes[element * size + which]));
    }
    shuffled.extend(&bytes[elements * size..]);
    shuffled
}

/// LZF that compresses nothing.
fn literally(bytes: &[u8]) -> Vec<u8> {
    let runs = bytes.chunks(32);
    runs.flat_map(|run| [&[run.len() as u8 - 1], run].concat())
        .collect()
}

/// LZ4 as HDF5's filter has it, in blocks of a thousand bytes.
fn in_blocks(bytes: &[u8]) -> Vec<u8> {
    const BLOCK: u32 = 1000;
    let mut stored = [&(bytes.len() as u64).to_be_bytes()[..], &BLOCK.to_be_bytes()].concat();
    for block in bytes.chunks(BLOCK as usize) {
        let compressed = lz4_flex::block::compress(block);
        let block = if compressed.len() < block.len() {
            &compressed
        } else {
            block
        };
        stored.extend((block.len() as u32).to_be_bytes());
        stored.extend(block);
    }
    stored
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Deflate),
        (0usize..20).prop_map(Step::Shuffle),
        Just(Step::Fletcher32),
        Just(Step::Lzf),
        Just(Step::Lz4),
        Just(Step::Zstd),
    ]
}

proptest! {
    #[test]
    fn what_filters_did_is_undone(
        steps in proptest::collection::vec(step(), 0..5),
        mask in prop_oneof![Just(0u32), 0u32..32],
        data in proptest::collection::vec(any::<u8>(), 1..5000),
    ) {
        let stored = encode(&steps, mask, &data);
        let applied = steps.iter().enumerate().filter(|(number, _)| mask >> number & 1 == 0);
        let applied: Vec<Step> = applied.map(|(_, step)| *step).collect();
        let plain = |step: &&Step| matches!(step, Step::Shuffle(_) | Step::Fletcher32);
        let compressors = applied.len() - applied.iter().filter(plain).count();
        let pipeline = Pipeline { steps };
        let mut workspace = Workspace::default();
        let decoded = pipeline.decode(&stored, mask, data.len(), &mut workspace);
        // How much there is between two compressors, only the first one knew.
        prop_assert!(decoded.is_none() || decoded == Some(&data[..]));
        prop_assert_eq!(decoded.is_some(), compressors < 2);
        prop_assert!(pipeline.decode(&stored, mask, data.len() + 1, &mut workspace).is_none());
    }

    #[test]
    fn nonsense_is_refused(
        steps in proptest::collection::vec(step(), 0..4),
        stored in proptest::collection::vec(any::<u8>(), 0..300),
        size in 0usize..3000,
    ) {
        let mut workspace = Workspace::default();
        let decoded = Pipeline { steps }.decode(&stored, 0, size, &mut workspace);
        prop_assert!(decoded.is_none_or(|decoded| decoded.len() == size));
    }

    #[test]
    fn every_element_goes_where_hdf5_puts_it(case in case()) {
        let Case { file, chunk, memory, element } = case;
        let wanted: Vec<(usize, usize)> = elements(&file).into_iter().zip(elements(&memory)).collect();
        let Some(placement) = Placement::new(&file, &chunk, &memory, element) else {
            return Ok(());
        };
        let mut placed = Vec::new();
        let mut counted = 0;
        for position in combinations(&placement.touched(usize::MAX).unwrap()) {
            let before = placed.len();
            placement.copies(&position, |from, to, length| {
                assert!(length % element == 0 && from % element == 0 && to % element == 0);
                for number in 0..length / element {
                    let inside = coordinates(&chunk, from / element + number);
                    let at: Vec<u64> = (0..chunk.len()).map(|d| position[d] * chunk[d] + inside[d]).collect();
                    placed.push((linear(file.extents(), &at), to / element + number));
                }
            });
            prop_assert!(placed.len() > before);
            counted += 1;
        }
        prop_assert!(counted > 0);
        prop_assert!(placement.touched(counted).is_some() && placement.touched(counted - 1).is_none());
        placed.sort_unstable();
        prop_assert_eq!(placed, wanted);
    }
}

/// Selections of a dataset in chunks and of memory.
#[derive(Debug)]
struct Case {
    file: Slab,
    chunk: Vec<u64>,
    memory: Slab,
    element: usize,
}

fn axis() -> impl Strategy<Value = (Axis, u64)> {
    (
        0u64..5,
        1u64..4,
        0u64..4,
        prop_oneof![Just(1u64), 1u64..6],
        0u64..4,
    )
        .prop_map(|(start, block, gap, count, after)| {
            let axis = Axis {
                start,
                stride: block + gap,
                count,
                block,
            };
            let extent = start + (count - 1) * axis.stride + block + after;
            (axis, extent)
        })
}

/// A selection in memory with as many elements as one in the file: without gaps, or alike in each dimension.
fn memory(file: &[(Axis, u64)], spread: Vec<(u64, u64, u64)>, dense: bool) -> Slab {
    let lengths = file.iter().map(|(axis, _)| axis.length());
    if dense {
        let count = lengths.product();
        let axis = Axis {
            start: 3,
            stride: 1,
            count,
            block: 1,
        };
        return Slab::new(vec![axis], vec![count + 5]).unwrap();
    }
    let mut axes = vec![(
        Axis {
            start: 1,
            stride: 1,
            count: 1,
            block: 1,
        },
        2,
    )];
    for (length, (start, gap, after)) in lengths.zip(spread) {
        if length > 1 || gap > 0 {
            let axis = Axis {
                start,
                stride: 1 + gap,
                count: length,
                block: 1,
            };
            axes.push((axis, start + (length - 1) * axis.stride + 1 + after));
        }
    }
    let (axes, extents) = axes.into_iter().unzip();
    Slab::new(axes, extents).unwrap()
}

fn case() -> impl Strategy<Value = Case> {
    let dimension = (axis(), 1u64..9, (0u64..3, 0u64..3, 0u64..3));
    (
        proptest::collection::vec(dimension, 1..4),
        any::<bool>(),
        prop_oneof![Just(1usize), Just(4), Just(6)],
    )
        .prop_map(|(dimensions, dense, element)| {
            let mut axes = Vec::new();
            let (mut chunk, mut spread) = (Vec::new(), Vec::new());
            for (axis, extent, gaps) in dimensions {
                axes.push(axis);
                chunk.push(extent);
                spread.push(gaps);
            }
            let memory = memory(&axes, spread, dense);
            let (axes, extents) = axes.into_iter().unzip();
            Case {
                file: Slab::new(axes, extents).unwrap(),
                chunk,
                memory,
                element,
            }
        })
}

fn coordinates(extents: &[u64], element: usize) -> Vec<u64> {
    let mut rest = element as u64;
    let mut found = vec![0; extents.len()];
    for (at, extent) in found.iter_mut().zip(extents).rev() {
        *at = rest % extent;
        rest /= extent;
    }
    found
}

fn linear(extents: &[u64], at: &[u64]) -> usize {
    extents
        .iter()
        .zip(at)
        .fold(0, |number, (extent, at)| number * extent + at) as usize
}

fn combinations(choices: &[Vec<u64>]) -> Vec<Vec<u64>> {
    choices.iter().fold(vec![Vec::new()], |begun, choices| {
        let longer = begun.iter().flat_map(|begun| {
            choices
                .iter()
                .map(move |choice| [&begun[..], &[*choice]].concat())
        });
        longer.collect()
    })
}

/// The selected elements in HDF5's order, by going through all of them.
fn elements(slab: &Slab) -> Vec<usize> {
    let total: u64 = slab.extents().iter().product();
    let selected = |element: &usize| {
        let at = coordinates(slab.extents(), *element);
        slab.axes.iter().zip(&at).all(|(axis, at)| {
            let end = axis.start + (axis.count - 1) * axis.stride + axis.block;
            (axis.start..end).contains(at) && (at - axis.start) % axis.stride < axis.block
        })
    };
    (0..total as usize).filter(selected).collect()
}

#[test]
fn dimensions_that_go_together_are_placed() {
    let axis = |start, stride, count, block| Axis {
        start,
        stride,
        count,
        block,
    };
    let file = Slab::new(vec![axis(2, 3, 4, 2), axis(0, 1, 5, 1)], vec![20, 9]).unwrap();
    let alike = Slab::new(
        vec![axis(1, 2, 8, 1), axis(0, 1, 1, 1), axis(4, 1, 5, 1)],
        vec![40, 2, 10],
    )
    .unwrap();
    assert!(Placement::new(&file, &[4, 4], &alike, 8).is_some());
    let other = Slab::new(vec![axis(1, 2, 5, 1), axis(4, 1, 8, 1)], vec![40, 20]).unwrap();
    assert!(Placement::new(&file, &[4, 4], &other, 8).is_none());
    let fewer = Slab::all(vec![39]).unwrap();
    assert!(Placement::new(&file, &[4, 4], &fewer, 8).is_none());
}

#[test]
fn slabs_stay_in_their_space() {
    let slab = |start, stride, count, block, extent| {
        Slab::new(
            vec![Axis {
                start,
                stride,
                count,
                block,
            }],
            vec![extent],
        )
    };
    assert!(slab(0, 1, 5, 1, 5).is_some());
    assert!(slab(1, 1, 5, 1, 5).is_none());
    assert!(slab(0, 2, 3, 3, 20).is_none(), "blocks overlap");
    assert!(slab(0, 1, 0, 1, 5).is_none());
    assert!(slab(0, u64::MAX, 3, 1, u64::MAX).is_none());
    assert!(slab(u64::MAX, 1, 1, 1, u64::MAX).is_none());
    assert_eq!(slab(3, 1, 5, 1, 9).unwrap(), slab(3, 5, 1, 5, 9).unwrap());
}

#[test]
fn lzf_repeats_what_it_is_told() {
    let mut target = [0; 13];
    // Three letters, ten more by going back three; then a length above eight.
    assert!(lzf::decompress(&[2, b'a', b'b', b'c', 7 << 5, 1, 2], &mut target));
    assert_eq!(&target, b"abcabcabcabca");
    assert!(!lzf::decompress(
        &[2, b'a', b'b', b'c', 7 << 5, 1, 3],
        &mut target
    ));
    assert!(!lzf::decompress(&[2, b'a', b'b'], &mut target));
    assert!(!lzf::decompress(&[2, b'a', b'b', b'c'], &mut target));
}

#[test]
fn lzf_tells_how_long_it_becomes() {
    for (encoded, decoded) in [
        (&b"\x02abc"[..], &b"abc"[..]),
        // Two behind, five in all.
        (b"\x01ab\x60\x01", b"abababa"),
        // A long one: 7 + 3 + 2.
        (b"\x00x\xE0\x03\x00", &[b'x'; 13]),
    ] {
        let mut target = vec![0; lzf::length(encoded).unwrap()];
        assert!(lzf::decompress(encoded, &mut target));
        assert_eq!(target, decoded);
    }
    for damaged in [
        &b"\x02ab"[..],
        b"\x01ab\x60",
        b"\x01ab\x60\x02",
        b"\xE0",
        b"\x00x\xE0\x03",
    ] {
        let decoded = lzf::length(damaged).map(|length| lzf::decompress(damaged, &mut vec![0; length]));
        assert_ne!(decoded, Some(true), "{damaged:?}");
    }
}

#[test]
fn unknown_filters_are_not_taken() {
    assert!(Pipeline::new([(1, &[4][..]), (2, &[8][..])]).is_some());
    assert!(Pipeline::new([(1, &[4][..]), (4, &[8][..])]).is_none());
    assert!(Pipeline::new([(2, &[][..])]).is_none());
    assert_eq!(Pipeline::new([]), Some(Pipeline { steps: Vec::new() }));
}

proptest! {
    #[test]
    fn listed_elements_go_where_they_are_wanted(
        dimensions in proptest::collection::vec((1u64..7, 1u64..9), 1..4),
        runs in proptest::collection::vec((0.0..1.0f64, 0.0..1.0f64), 1..8),
        gaps in proptest::collection::vec((1u64..30, 0u64..3), 1..20),
    ) {
        let (extents, chunk): (Vec<u64>, Vec<u64>) = dimensions.into_iter().unzip();
        let total: u64 = extents.iter().product();
        let from: Vec<(u64, u64)> = runs
            .into_iter()
            .map(|(first, length)| {
                let first = (first * total as f64) as u64;
                (first, 1 + (length * (total - first - 1) as f64) as u64)
            })
            .collect();
        let mut left: u64 = from.iter().map(|run| run.1).sum();
        let (mut to, mut at) = (Vec::new(), 0);
        for (length, gap) in gaps.into_iter().cycle() {
            let length = length.min(left);
            if length == 0 {
                break;
            }
            to.push((at + gap, length));
            at += gap + length;
            left -= length;
        }
        let single = |runs: &[(u64, u64)]| {
            let elements = runs.iter().flat_map(|run| run.0..run.0 + run.1);
            elements.map(|element| element as usize).collect::<Vec<_>>()
        };
        let mut wanted: Vec<(usize, usize)> = single(&from).into_iter().zip(single(&to)).collect();

        let moves = Move::pairs(&from, &to);
        let divided = by_chunk(&moves, &extents, &chunk, usize::MAX).unwrap();
        let mut placed = Vec::new();
        for (position, moves) in &divided {
            for run in moves {
                for number in 0..run.count {
                    let inside = coordinates(&chunk, (run.from + number) as usize);
                    let at: Vec<u64> = (0..chunk.len()).map(|d| position[d] * chunk[d] + inside[d]).collect();
                    prop_assert!(at.iter().zip(&extents).all(|(at, extent)| at < extent));
                    placed.push((linear(&extents, &at), (run.to + number) as usize));
                }
            }
        }
        placed.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(placed, wanted);
        let mut positions: Vec<_> = divided.iter().map(|of_chunk| &of_chunk.0).collect();
        positions.sort_unstable();
        positions.dedup();
        prop_assert_eq!(positions.len(), divided.len());
        prop_assert!(by_chunk(&moves, &extents, &chunk, 0).is_none());
    }
}

#[test]
fn moves_beyond_a_dataset_are_refused() {
    let moves = |from, count| [Move { from, to: 0, count }];
    assert!(by_chunk(&moves(5, 2), &[7], &[3], 9).is_some());
    assert!(by_chunk(&moves(6, 2), &[7], &[3], 9).is_none());
    assert!(by_chunk(&moves(u64::MAX, 2), &[7], &[3], 9).is_none());
    assert!(by_chunk(&moves(0, 1), &[], &[], 9).is_none());
    assert!(by_chunk(&moves(0, 1), &[u64::MAX, 3], &[1, 1], 9).is_none());
}
