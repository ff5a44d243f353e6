//! Fetching files: whole, in pieces over several attempts, and whatever they are called.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::{Fault, Program, Proxy, Server, built, hdfstream};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 64 * MIB;

/// A server with one large file, and a folder to fetch to.
struct Scene {
    served: tempfile::TempDir,
    here: tempfile::TempDir,
    _server: Server,
    proxy: Proxy,
}

fn scene() -> Scene {
    let served = tempfile::tempdir().expect("a directory");
    fs::write(served.path().join("large.bin"), noise(1)).expect("a file");
    let server = Server::over(served.path());
    Scene {
        proxy: server.behind_proxy(),
        _server: server,
        served,
        here: tempfile::tempdir().expect("a directory"),
    }
}

/// Bytes in which no two places look alike.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    (0..SIZE / 8)
        .flat_map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state ^ state >> 29).to_le_bytes()
        })
        .collect()
}

impl Scene {
    fn get(&self) -> Program {
        hdfstream()
            .args(["get", "--json"])
            .arg(self.proxy.url("large.bin"))
            .directory(self.here.path())
            .env("HDFSTREAM_RETRIES", "1")
    }

    fn target(&self) -> PathBuf {
        self.here.path().join("large.bin")
    }

    fn part(&self) -> PathBuf {
        self.here.path().join(".large.bin.part")
    }

    /// Begins to fetch, and is ended by ctrl-C when some is there.
    fn interrupt(&self) -> u64 {
        self.proxy.set_fault(Fault::Stall { after: 20 * MIB });
        let running = self.get().start();
        let length = || fs::metadata(self.part()).map_or(0, |part| part.len());
        let end = Instant::now() + Duration::from_secs(60);
        while length() < 19 * MIB && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        running.signal("INT");
        let outcome = running.wait();
        assert_eq!(outcome.ending(), "died of signal 2", "{outcome}");
        self.proxy.set_fault(Fault::None);
        assert!(length() >= 19 * MIB && !self.target().exists());
        length()
    }

    /// Fetches to the end, and gives what is said of the file.
    #[track_caller]
    fn complete(&self) -> serde_json::Value {
        let outcome = self.get().run().success();
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert!(same(&self.target(), &self.served.path().join("large.bin")));
        assert_eq!(names(self.here.path()), ["large.bin"]);
        report[0].clone()
    }
}

fn same(one: &Path, other: &Path) -> bool {
    fs::read(one).expect("a file") == fs::read(other).expect("a file")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_arrives_with_its_time_and_only_once() {
    let scene = scene();
    let report = scene.complete();
    assert_eq!(report["outcome"], "fetched");
    assert_eq!(
        (&report["size"], &report["checked"]),
        (&SIZE.into(), &true.into())
    );
    let time = |path: &Path| fs::metadata(path).expect("a file").modified().expect("a time");
    assert_eq!(
        time(&scene.target()),
        time(&scene.served.path().join("large.bin"))
    );

    scene.proxy.set_fault(Fault::None);
    assert_eq!(scene.complete()["outcome"], "present");
    assert!(scene.proxy.replied() < MIB);

    fs::write(scene.target(), "mine").expect("a file");
    let outcome = scene.get().run().failure();
    assert!(outcome.stderr.contains("--force"), "{outcome}");
    assert_eq!(fs::read(scene.target()).expect("the file"), b"mine");
    scene.get().arg("--force").run().success();
    assert!(same(&scene.target(), &scene.served.path().join("large.bin")));
}

#[test]
fn ctrl_c_leaves_what_the_next_attempt_goes_on_with() {
    let scene = scene();
    let there = scene.interrupt();
    let report = scene.complete();
    assert_eq!(report["resumed"], there);
    // What was there is not sent again. (What the proxy held back of the first attempt counts as sent.)
    assert!(
        scene.proxy.replied() < SIZE - 10 * MIB,
        "{}",
        scene.proxy.replied()
    );
}

#[test]
fn a_file_that_changed_between_two_attempts_is_fetched_anew() {
    let scene = scene();
    scene.interrupt();
    fs::write(scene.served.path().join("large.bin"), noise(2)).expect("a file");
    assert_eq!(scene.complete()["resumed"], 0);
}

#[test]
fn wrong_bytes_of_an_earlier_attempt_are_noticed() {
    let scene = scene();
    let there = scene.interrupt();
    let mut bytes = fs::read(scene.part()).expect("the part");
    bytes[5_000_000] ^= 1;
    fs::write(scene.part(), bytes).expect("the part");
    assert_eq!(scene.complete()["resumed"], there);
}

#[test]
fn a_connection_that_is_cut_is_made_again() {
    let scene = scene();
    scene.proxy.set_fault(Fault::CutOnce { after: 30 * MIB });
    assert_eq!(scene.complete()["resumed"], 0);
    assert!(
        scene.proxy.replied() < SIZE + 2 * MIB,
        "{}",
        scene.proxy.replied()
    );
}

#[test]
fn a_connection_that_stays_cut_is_told_and_nothing_is_lost() {
    let scene = scene();
    scene.proxy.set_fault(Fault::Cut { after: 30 * MIB });
    let outcome = scene.get().run().failure();
    assert!(outcome.stderr.contains("was cut"), "{outcome}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    scene.proxy.set_fault(Fault::None);
    assert!(scene.complete()["resumed"].as_u64() > Some(28 * MIB));
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let scene = scene();
    // Half of the file may be written; blocks of the shell's limit have 512 bytes.
    let outcome = Program::new("/bin/sh")
        .args(["-c", r#"trap '' XFSZ; ulimit -f 65536; exec "$@""#, "sh"])
        .arg(built::command())
        .arg("get")
        .arg(scene.proxy.url("large.bin"))
        .directory(scene.here.path())
        .run()
        .failure();
    assert!(
        outcome.stderr.contains(".large.bin.part: File too large"),
        "{outcome}"
    );
    assert_eq!(scene.complete()["resumed"], SIZE / 2);
}

#[test]
fn cat_writes_the_bytes_and_stops_with_its_reader() {
    let scene = scene();
    let outcome = Program::new("/bin/sh")
        .args([
            "-c",
            r#""$1" cat "$2" > copy && "$1" cat "$2" | head -c 10 | wc -c"#,
            "sh",
        ])
        .arg(built::command())
        .arg(scene.proxy.url("large.bin"))
        .directory(scene.here.path())
        .run()
        .success();
    assert_eq!((outcome.stdout.trim(), outcome.stderr.as_str()), ("10", ""));
    assert!(same(
        &scene.here.path().join("copy"),
        &scene.served.path().join("large.bin")
    ));
}

/// Names that some layer could take for something else.
const ODD: [&str; 9] = [
    "a b.h5",
    "ünïcödé.h5",
    "50%.h5",
    "%41.h5",
    "#1.h5",
    "-rf",
    "--force",
    "https:",
    "c:\\x",
];

#[test]
fn trees_arrive_whatever_their_files_are_called() {
    let served = tempfile::tempdir().expect("a directory");
    let here = tempfile::tempdir().expect("a directory");
    for name in ODD {
        let folder = served.path().join("tree").join(name);
        fs::create_dir_all(&folder).expect("a directory");
        fs::write(folder.join(name), name).expect("a file");
    }
    let server = Server::over(served.path());
    let tool = || hdfstream().arg("get").directory(here.path());
    let refused = tool().arg(server.url("tree")).run().failure();
    assert!(refused.stderr.contains("-r"), "{refused}");

    let fetch = || tool().arg("-r").arg(server.url("tree")).arg("copy").output();
    assert!(fetch().starts_with("fetched 9 files"));
    assert_eq!(fetch(), "fetched 0 files, 0 B; there already: 9\n");
    fs::remove_file(here.path().join("copy/%41.h5/%41.h5")).expect("the file");
    assert!(fetch().starts_with("fetched 1 file,"));
    for name in ODD {
        let path = here.path().join("copy").join(name).join(name);
        assert_eq!(fs::read_to_string(path).expect("the file"), name);
    }
    assert_eq!(names(&here.path().join("copy")).len(), ODD.len());

    // Each by its URL, as `ls` gives it.
    let listing = hdfstream()
        .args(["ls", "-R", "--json"])
        .arg(server.base())
        .output();
    let listing: Vec<serde_json::Value> = serde_json::from_str(&listing).expect("JSON");
    let files = listing.iter().filter(|entry| entry["kind"] == "file");
    for entry in files {
        let (url, name) = (
            entry["url"].as_str().expect("a URL"),
            entry["name"].as_str().expect("a name"),
        );
        tool().arg(url).output();
        assert_eq!(
            fs::read_to_string(here.path().join(name)).expect("the file"),
            name
        );
        fs::remove_file(here.path().join(name)).expect("the file");
    }
    assert_eq!(names(here.path()), ["copy"]);
}

#[test]
fn several_files_go_to_a_directory_and_one_failure_does_not_stop_the_rest() {
    let served = tempfile::tempdir().expect("a directory");
    let here = tempfile::tempdir().expect("a directory");
    for name in ["one", "two"] {
        fs::write(served.path().join(name), name).expect("a file");
    }
    let server = Server::over(served.path());
    let tool = || hdfstream().arg("get").directory(here.path());
    let outcome = tool()
        .args([server.url("one"), server.url("two")])
        .arg("into")
        .run()
        .failure();
    assert!(outcome.stderr.contains("into"), "{outcome}");
    fs::create_dir(here.path().join("into")).expect("a directory");
    tool()
        .args([server.url("one"), server.url("two")])
        .arg("into")
        .output();
    assert_eq!(names(&here.path().join("into")), ["one", "two"]);
    tool().arg(server.url("one")).arg("renamed").output();
    assert_eq!(
        fs::read_to_string(here.path().join("renamed")).expect("the file"),
        "one"
    );
    let outcome = tool().arg(server.url("absent")).run().failure();
    assert!(outcome.stderr.contains("no such file"), "{outcome}");
}

#[test]
fn a_stub_gives_way_to_its_file() {
    let scene = scene();
    let target = scene.target();
    crate::harness::make_stub(&scene.proxy.url("large.bin"), &target);
    // By the stub itself.
    hdfstream()
        .arg("get")
        .arg(&target)
        .directory(scene.here.path())
        .output();
    assert!(same(&target, &scene.served.path().join("large.bin")));
}
