//! Requests that writing costs: counted, not timed.

use super::Scene;
use crate::harness::Stats;

fn count(script: &str) -> Stats {
    let scene = Scene::new();
    let stats = scene.run(script).stats();
    assert!(!scene.names("file.h5").is_empty());
    stats
}

#[track_caller]
fn at_most(limit: u64, stats: Stats) {
    assert!(stats.requests <= limit, "{limit} requests allowed: {stats:?}");
}

/// A program that writes a file and never flushes sends what it wrote when it closes it: making 2,000 small datasets with
/// attributes takes 4 requests at most, 1,000 appends as well.
#[test]
fn small_writes_travel_together() {
    at_most(
        4,
        count(
            "with h5py.File(name, 'w') as f:\n\
             \x20   for number in range(2000):\n\
             \x20       d = f.create_dataset(f'g{number % 20}/d{number}', data=numpy.arange(10))\n\
             \x20       d.attrs['number'] = number",
        ),
    );
    at_most(4, count(&format!("with h5py.File(name, 'w') as f:\n{APPENDS}")));
}

/// Appends 1,000 times to a dataset of the file `f`.
const APPENDS: &str = "\x20   d = f.create_dataset('x', (0,), 'i8', maxshape=(None,), chunks=(256,))\n\
    \x20   for number in range(1000):\n\
    \x20       d.resize((number + 1,))\n\
    \x20       d[number] = number\n";

/// A flush takes one round trip.
#[test]
fn a_flush_is_one_round_trip() {
    for flush in ["f", "d"] {
        let stats = count(&format!(
            "with h5py.File(name, 'w') as f:\n{APPENDS}\x20       {flush}.flush()\n"
        ));
        at_most(1004, stats);
        let swmr = APPENDS.replace("\x20   for", "\x20   f.swmr_mode = True\n\x20   for");
        let stats = count(&format!(
            "with h5py.File(name, 'w', libver='latest') as f:\n{swmr}\x20       {flush}.flush()\n"
        ));
        at_most(1006, stats);
    }
}
