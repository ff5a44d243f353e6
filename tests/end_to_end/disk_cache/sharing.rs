//! Many processes at once, and processes that are killed.

use super::{Scene, scene_with};
use crate::harness::python;

/// Files of about 1.2 MB each.
const SEVERAL: &str = "import write_files
for number in range(6): write_files.contiguous(f'{number}.h5', 1200000)";

/// Reads all files in an order of its own, again and again, while others do, and fails when a byte is wrong.
const READ_ALL: &str = "
import h5py, numpy, os, random, sys
local, remote, seed, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
names = [f'{number}.h5' for number in range(6)]
for _ in range(rounds):
    child = os.fork()
    if child == 0:
        chance.shuffle(names)
        for name in names:
            with h5py.File(f'{local}/{name}') as ours, h5py.File(f'{remote}/{name}') as theirs:
                begin = chance.randrange(100000)
                assert numpy.array_equal(ours['x'][begin:], theirs['x'][begin:]), name
        sys.exit(0)
    chance.random()
    assert os.waitpid(child, 0)[1] == 0
";

fn reading(scene: &Scene, seed: u64, rounds: u64) -> crate::harness::Program {
    scene
        .with_cache(python(READ_ALL))
        .arg(scene.directory.path())
        .arg(scene.server.base())
        .arg(seed.to_string())
        .arg(rounds.to_string())
}

#[test]
fn many_processes_share_a_cache_that_is_too_small_for_them() {
    let scene = scene_with(SEVERAL);
    // Half of the files fit.
    let limit = 4 << 20;
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let program = reading(&scene, seed, 3).env("HDFSTREAM_CACHE_DISK", limit.to_string());
            scope.spawn(move || program.run().success());
        }
    });
    let kept: u64 = scene
        .segments()
        .iter()
        .map(|path| path.metadata().map_or(0, |metadata| metadata.len()))
        .sum();
    assert!(kept > 0 && kept <= limit + (2 << 20), "{kept}");
    let verified = scene.report(&["verify"]);
    assert_eq!(
        verified["damaged"].as_array().map(Vec::len),
        Some(0),
        "{verified}"
    );
}

#[test]
fn a_program_that_is_killed_amid_writing_leaves_no_harm() {
    let scene = scene_with(SEVERAL);
    let killed = "
import h5py, os, signal, sys, threading, time
def read():
    for number in range(6):
        with h5py.File(f'{sys.argv[1]}/{number}.h5') as f: f['x'][:]
read()
# The cache is written now, or a moment later.
time.sleep(float(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)";
    for step in 0..8u64 {
        let wait = format!("{}", 0.085 + 0.005 * step as f64);
        let outcome = scene
            .with_cache(python(killed))
            .arg(scene.server.base())
            .arg(wait)
            .run();
        assert_eq!(outcome.ending(), "died of signal 9", "{outcome}");
        reading(&scene, step, 1).run().success();
        let verified = scene.report(&["verify"]);
        assert_eq!(
            verified["damaged"].as_array().map(Vec::len),
            Some(0),
            "{verified}"
        );
        scene.report(&["clear"]);
    }
}
