//! Long reads show how far they are, on a terminal or when told to, and never in a program's output.

use std::time::Duration;

use crate::harness::corpus;
use crate::harness::{Outcome, Plugin, Program, Proxy, Server, python};

const FILES: &str = "
import h5py, numpy
noise = numpy.random.default_rng(5).integers(0, 2**60, 6 << 20)
with h5py.File('noise.h5', 'w') as f:
    f['contiguous'] = noise
    f.create_dataset('chunked', data=noise, chunks=(1 << 17,), compression='gzip', compression_opts=1)
";

/// Reads both datasets; what it prints does not depend on how long that takes.
const READ: &str = "
import h5py, sys
f = h5py.File(sys.argv[1])
for name in ('contiguous', 'chunked'): print(name, int(f[name][:].sum()), flush=True)
";

/// A server that is far away, so that reading takes longer than anybody waits without wondering.
struct Scene {
    _directory: tempfile::TempDir,
    _server: Server,
    proxy: Proxy,
}

fn scene() -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(FILES, directory.path());
    let server = Server::over(directory.path());
    let proxy = server.behind_proxy();
    proxy.set_one_way(Duration::from_millis(300));
    Scene {
        _directory: directory,
        _server: server,
        proxy,
    }
}

fn read(scene: &Scene) -> Program {
    python(READ).arg(scene.proxy.url("noise.h5")).plugin(Plugin::On)
}

/// Whether a bar was drawn: it tells amounts.
fn shows_amounts(text: &str) -> bool {
    text.contains("MiB/48.00 MiB") || text.contains("MiB/")
}

#[test]
fn a_bar_is_shown_when_asked_for_and_not_among_the_output() {
    let scene = scene();
    let with = |when: &str| -> Outcome { read(&scene).env("HDFSTREAM_PROGRESS", when).run().success() };
    let (always, never, auto) = (with("always"), with("never"), with("auto"));
    assert!(shows_amounts(&always.stderr), "{always}");
    // Without a terminal nothing is shown unless it is asked for.
    assert_eq!((never.stderr.as_str(), auto.stderr.as_str()), ("", ""));
    assert_eq!(always.stdout, never.stdout);
    assert_eq!(always.stdout.lines().count(), 2, "{always}");
}

#[test]
fn on_a_terminal_the_bar_comes_and_goes() {
    let scene = scene();
    let plain = read(&scene).env("HDFSTREAM_PROGRESS", "never").output();
    let script = scene._directory.path().join("read.py");
    std::fs::write(&script, READ).expect("a file");
    // `script` gives its child a terminal of its own.
    let command = format!(
        "{} {} {}",
        crate::harness::host::interpreter().display(),
        script.display(),
        scene.proxy.url("noise.h5")
    );
    let on_terminal = |when: &str| {
        let program = Program::new("/usr/bin/script").args(["-qec", &command, "/dev/null"]);
        let program = program.plugin(Plugin::On).env("TERM", "xterm");
        program
            .env("HDFSTREAM_PROGRESS", when)
            .env("HDFSTREAM_STATS", "0")
            .output()
    };
    let auto = on_terminal("auto");
    assert!(shows_amounts(&auto), "{auto:?}");
    // Each line of the program is there, whole, after the bar was cleared from its place.
    for line in plain.lines() {
        let shown = auto
            .lines()
            .find(|shown| shown.contains(line))
            .unwrap_or_default();
        let before = shown.split(line).next().unwrap_or_default();
        assert!(
            before.is_empty() || before.ends_with("\u{1b}[2K") || before.ends_with('\r'),
            "{auto:?}"
        );
    }
    assert!(!shows_amounts(&on_terminal("never")));
}
