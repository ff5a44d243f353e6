//! Superblocks as HDF5 2.0.0 left them on the disk, while a file was open for writing and after it was closed.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// Open and closed, of versions 0, 2 and 3, without and with a user block.
const PAIRS: [(&str, &str); 6] = [
    (
        "894844460d0a1a0a000000000008080004001000010000000000000000000000ffffffffffffffff1008000000000000",
        "894844460d0a1a0a000000000008080004001000000000000000000000000000ffffffffffffffff1008000000000000",
    ),
    (
        "894844460d0a1a0a000000000008080004001000010000000002000000000000ffffffffffffffff100a000000000000",
        "894844460d0a1a0a000000000008080004001000000000000002000000000000ffffffffffffffff100a000000000000",
    ),
    (
        "894844460d0a1a0a020808010000000000000000ffffffffffffffff100800000000000030000000000000004fa2b654",
        "894844460d0a1a0a020808000000000000000000ffffffffffffffff100800000000000030000000000000009157a512",
    ),
    (
        "894844460d0a1a0a020808010004000000000000ffffffffffffffff100c0000000000003000000000000000976a6744",
        "894844460d0a1a0a020808000004000000000000ffffffffffffffff100c00000000000030000000000000009d950ebd",
    ),
    (
        "894844460d0a1a0a030808010000000000000000ffffffffffffffff10080000000000003000000000000000c16cada1",
        "894844460d0a1a0a030808000000000000000000ffffffffffffffff10080000000000003000000000000000e35e9c76",
    ),
    (
        "894844460d0a1a0a030808010008000000000000ffffffffffffffff1010000000000000300000000000000025923ef3",
        "894844460d0a1a0a030808000008000000000000ffffffffffffffff10100000000000003000000000000000d1f2f129",
    ),
];

#[test]
fn the_marks_of_an_open_file_become_those_of_a_closed_one() {
    for (open, closed) in PAIRS {
        let (open, closed) = (bytes(open), bytes(closed));
        let length = length(&open[..10]).unwrap();
        let mut cleared = open.clone();
        assert!(unmark(&mut cleared[..length]));
        assert_eq!(cleared, closed);
        assert!(!unmark(&mut cleared[..length]), "there are none any more");
        assert_eq!(cleared, closed);
        // The mark of SWMR alone, where there is one.
        if open[8] == 3 {
            let mut swmr = open.clone();
            swmr[11] = 0b100;
            let sum = lookup3(&swmr[..44]).to_le_bytes();
            swmr[44..].copy_from_slice(&sum);
            assert!(unmark(&mut swmr));
            assert_eq!(swmr, closed);
        }
    }
}

#[test]
fn what_only_looks_like_a_superblock_stays_as_it_is() {
    let real = bytes(PAIRS[4].0);
    for (at, value) in [(8, 4), (9, 3), (11, 9), (0, 0), (30, 1), (47, 0)] {
        let mut changed = real.clone();
        changed[at] = value;
        let before = changed.clone();
        assert!(!unmark(&mut changed), "byte {at}");
        assert_eq!(changed, before);
    }
    assert!(!unmark(&mut real.clone()[..40]));
    assert!(!unmark(&mut []));
    assert_eq!(length(&real[..9]), None);
}

#[test]
fn lookup3_is_that_of_its_author() {
    // From the driver in lookup3.c, which hashes these with the initial value 0.
    assert_eq!(lookup3(b""), 0xdead_beef);
    assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
}

#[test]
fn the_places_are_those_where_hdf5_looks() {
    assert_eq!(places(0).count(), 0);
    assert_eq!(places(1).collect::<Vec<_>>(), [0]);
    assert_eq!(places(2049).collect::<Vec<_>>(), [0, 512, 1024, 2048]);
    assert!(places(u64::MAX).count() < 60);
}
