//! Wall clocks that are set while a file is written.

use std::io::Write;

use jiff::Timestamp;

use super::{SHORT_LEASES, Scene};
use crate::harness::{Clock, Program, Server};

/// Writes for longer than a lease lasts before and after each jump; most of it goes ahead in parts. Python's own way to
/// sleep fails by a clock of faketime's.
const WRITE_THROUGH_JUMPS: &str = r#"
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds)
begun = time.time(), time.monotonic()
def ahead(): return round((time.time() - begun[0] - time.monotonic() + begun[1]) / 3600)
f = h5py.File(name, "w")
f["x"] = numpy.arange(1 << 20)
step("staged")
print(ahead())
time.sleep(6)
f.flush()
f["y"] = numpy.arange(1 << 20)
step("flushed")
print(ahead())
time.sleep(6)
print(*other("h5py.File(a, 'r+')", name, LD_PRELOAD="").split()[:2])
f.flush()
f["z"] = numpy.arange(1 << 20)
f.close()
"#;

/// Whether all that was written is there.
const CHECK: &str = r#"
with h5py.File(name) as f: print(*((item, bool((f[item][:] == numpy.arange(1 << 20)).all())) for item in f))
"#;

impl Scene {
    fn by_clock(clock: &Clock) -> Self {
        let options = ["--writable", SHORT_LEASES[0], SHORT_LEASES[1]];
        Self::served_by(|root| Server::by_clock(root, &options, clock))
    }

    /// Writes while `clock` jumps forth and back; returns what the program thought of its own clock.
    #[track_caller]
    fn write_while(&self, clock: &Clock, program: &Program) -> String {
        let program = program.clone().env("HDFSTREAM_WRITE_MEMORY", "1M");
        let running = self.start(&program, "staged");
        clock.jump("+6h");
        self.go("staged");
        self.reached("flushed");
        clock.jump("-6h");
        self.go("flushed");
        let outcome = running.wait().success();
        clock.jump("+0");
        let check = self.run(CHECK);
        assert_eq!(check.stdout, "('x', True) ('y', True) ('z', True)\n", "{check}");
        self.serves_just(&["file.h5"]);
        outcome.stdout
    }

    /// Waits until the server's log shows that its clock is so many hours ahead.
    #[track_caller]
    fn reached_by_clock(&self, hours: i64) {
        super::wait_until("the jump", || {
            // Something to be logged.
            drop(
                std::net::TcpStream::connect(self.server.address()).map(|mut stream| {
                    stream.write_all(b"GET /hdfstream/v2 HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
                }),
            );
            let log = self.server.log();
            let last = log
                .lines()
                .rev()
                .find_map(|line| line.split(' ').next()?.parse().ok());
            last.is_some_and(|last: Timestamp| {
                let ahead = last.duration_since(Timestamp::now()).as_secs_f64();
                (ahead / 3600.0).round() as i64 == hours
            })
        });
    }
}

/// A writer keeps its file when the clock of the server is set meanwhile, by hours and in either direction.
#[test]
fn a_server_whose_clock_is_set_keeps_its_writers() {
    let clock = Clock::new();
    let scene = Scene::by_clock(&clock);
    let seen = scene.write_while(&clock, &scene.program(WRITE_THROUGH_JUMPS));
    assert_eq!(seen, "0\n0\nBlockingIOError 11\n");
    clock.jump("-6h");
    scene.reached_by_clock(-6);
}

/// A writer keeps its file when the clock of its own machine is set meanwhile.
#[test]
fn a_writer_whose_clock_is_set_keeps_its_file() {
    let clock = Clock::new();
    let scene = Scene::with(&SHORT_LEASES);
    let program = clock
        .variables()
        .into_iter()
        .fold(scene.program(WRITE_THROUGH_JUMPS), |program, (name, value)| {
            program.env(name, value)
        });
    let seen = scene.write_while(&clock, &program);
    assert_eq!(seen, "6\n-6\nBlockingIOError 11\n");
}

/// The lock of a writer that died ends after the time of a lease when the server's clock was set back meanwhile, and not before
/// when it was set forward.
#[test]
fn the_lock_of_a_dead_writer_ends_whatever_the_clock_says() {
    let clock = Clock::new();
    let scene = Scene::by_clock(&clock);
    let writer = scene.program("f = h5py.File(name, 'w')\nf['x'] = 1\nf.flush()\nf['y'] = 1\nstep('open')");
    let running = scene.start(&writer, "open");
    clock.jump("+6h");
    scene.reached_by_clock(6);
    let attempt = "print(*other(\"h5py.File(a, 'r+').close(); print('opened')\", name).split()[:2])";
    assert_eq!(scene.run(attempt).stdout, "BlockingIOError 11\n");
    running.signal("KILL");
    running.wait();
    clock.jump("-6h");
    scene.reached_by_clock(-6);
    scene.run("wait_for(lambda: other(\"h5py.File(a, 'r+').close(); print('opened')\", name) == 'opened')");
    assert_eq!(scene.names("file.h5"), "x");
    scene.serves_just(&["file.h5"]);
}
