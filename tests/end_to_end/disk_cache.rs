//! The cache on disk: a second program asks once, none is ever shown what is not so, and without a server what was
//! read is still there.

mod offline;
mod sharing;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::harness::corpus;
use crate::harness::{Host, Outcome, Plugin, Program, Server, hdfstream};

/// A server, and a folder for the cache.
struct Scene {
    directory: tempfile::TempDir,
    server: Server,
    cache: tempfile::TempDir,
}

const FILES: &str = "import write_files
write_files.mixed('mixed.h5')
write_files.chunked('chunked.h5', 64, 4096, 2)
write_files.contiguous('contiguous.h5', 6 << 20)
write_files.many_objects('objects.h5', 2000)";

fn scene() -> Scene {
    scene_with(FILES)
}

fn scene_with(files: &str) -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(files, directory.path());
    for file in std::fs::read_dir(directory.path())
        .expect("a directory")
        .flatten()
    {
        settle(&file.path());
    }
    Scene {
        server: Server::over(directory.path()),
        directory,
        cache: tempfile::tempdir().expect("a directory"),
    }
}

/// Lets a file be old enough for its version to be trusted.
fn settle(path: &Path) {
    let before = SystemTime::now() - Duration::from_secs(60);
    let file = std::fs::File::open(path).expect("a file");
    file.set_modified(before).expect("an earlier time");
}

impl Scene {
    fn with_cache(&self, program: Program) -> Program {
        program
            .plugin(Plugin::On)
            .env("HDFSTREAM_CACHE_DIR", self.cache.path())
    }

    /// Prints all that is in the file.
    fn read(&self, file: &str) -> Program {
        self.with_cache(Host::H5py.reader().arg(self.server.url(file)))
    }

    fn read_locally(&self, file: &str) -> String {
        let local = Host::H5py.reader().arg(self.directory.path().join(file));
        shown(
            &local.run().success(),
            &self.directory.path().display().to_string(),
        )
    }

    /// Reads it remotely and fails unless all is as it is locally.
    #[track_caller]
    fn compare(&self, file: &str, program: Program) -> Outcome {
        let outcome = program.run().success();
        assert!(
            shown(&outcome, self.server.base()) == self.read_locally(file),
            "{file} differs: {outcome}"
        );
        outcome
    }

    /// What the cache has written, as the tool tells it.
    fn report(&self, arguments: &[&str]) -> serde_json::Value {
        let text = hdfstream()
            .args(["cache", "--json"])
            .args(arguments)
            .env("HDFSTREAM_CACHE_DIR", self.cache.path())
            .output();
        serde_json::from_str(&text).expect("JSON")
    }

    /// The files of the cache that hold bytes of remote files.
    fn segments(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(self.cache.path().join("files")).expect("a folder");
        let folders = folders
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir());
        folders
            .flat_map(|folder| std::fs::read_dir(folder).expect("a folder").flatten())
            .map(|entry| entry.path())
            .filter(|path| !path.ends_with("link"))
            .collect()
    }
}

/// What a program says of a file, wherever it is. h5py calls a URL no HDF5 file.
fn shown(outcome: &Outcome, folder: &str) -> String {
    let lines = outcome.stdout.split_inclusive('\n');
    let lines = lines.filter(|line| !line.starts_with("is_hdf5: "));
    lines.collect::<String>().replace(folder, "")
}

#[test]
fn a_second_program_asks_once() {
    let scene = scene();
    for file in ["mixed.h5", "chunked.h5", "contiguous.h5", "objects.h5"] {
        let first = scene.compare(file, scene.read(file)).stats();
        let second = scene.compare(file, scene.read(file)).stats();
        assert!(first.requests >= 1, "{file}: {first:?}");
        assert_eq!(
            (second.requests, second.round_trips),
            (1, 1),
            "{file}: {second:?}"
        );
        assert!(second.bytes_in < 1000, "{file}: {second:?}");
    }
    for program in ["h5dump", "h5ls"] {
        let outcome = scene
            .with_cache(crate::harness::tool(program))
            .arg(scene.server.url("mixed.h5"))
            .run()
            .success();
        assert_eq!(outcome.stats().requests, 1, "{outcome}");
    }
    let without = scene.read("mixed.h5").env("HDFSTREAM_CACHE_DISK", "0");
    assert!(scene.compare("mixed.h5", without).stats().bytes_in > 1000);
}

#[test]
fn without_the_connector_it_asks_once_too() {
    let scene = scene();
    let read = || scene.read("mixed.h5").plugin(Plugin::Discovery);
    scene.compare("mixed.h5", read());
    let second = scene.compare("mixed.h5", read()).stats();
    assert_eq!(second.requests, 1, "{second:?}");
}

#[test]
fn a_name_that_leads_to_the_file_is_as_good() {
    let scene = scene();
    let link = scene.directory.path().join("link.h5");
    std::os::unix::fs::symlink("mixed.h5", link).expect("a link");
    scene.compare("link.h5", scene.read("link.h5"));
    for file in ["link.h5", "mixed.h5"] {
        let again = scene.compare(file, scene.read(file)).stats();
        assert_eq!(again.requests, 1, "{file}: {again:?}");
    }
}

#[test]
fn a_changed_file_is_never_shown_as_it_was() {
    let scene = scene();
    scene.compare("mixed.h5", scene.read("mixed.h5"));
    let path = scene.directory.path().join("mixed.h5");
    // The same size and time of modification.
    corpus::write_with(
        "import h5py\nwith h5py.File('mixed.h5', 'r+') as f: f['numbers'][:] = f['numbers'][()][::-1]",
        scene.directory.path(),
    );
    settle(&path);
    scene.compare("mixed.h5", scene.read("mixed.h5"));
    let again = scene.compare("mixed.h5", scene.read("mixed.h5")).stats();
    assert_eq!(again.requests, 1, "{again:?}");
    // Another file in its place.
    std::fs::rename(scene.directory.path().join("chunked.h5"), &path).expect("a file");
    scene.compare("mixed.h5", scene.read("mixed.h5"));
    assert_eq!(scene.report(&[])["remote"].as_array().map(Vec::len), Some(1));
}

/// What was written while the clock was ahead is not taken for the newest for ever.
#[test]
fn what_is_of_the_future_gives_way() {
    let scene = scene();
    scene.compare("mixed.h5", scene.read("mixed.h5"));
    for path in scene.segments() {
        let segment = std::fs::File::open(path).expect("a segment");
        segment
            .set_modified(SystemTime::now() + Duration::from_secs(6 * 3600))
            .expect("a time");
    }
    let again = scene.compare("mixed.h5", scene.read("mixed.h5")).stats();
    assert_eq!(again.requests, 1, "{again:?}");
    corpus::write_with(
        "import h5py\nwith h5py.File('mixed.h5', 'r+') as f: f['numbers'][:] = f['numbers'][()][::-1]",
        scene.directory.path(),
    );
    settle(&scene.directory.path().join("mixed.h5"));
    scene.compare("mixed.h5", scene.read("mixed.h5"));
    let again = scene.compare("mixed.h5", scene.read("mixed.h5")).stats();
    assert!(again.requests == 1 && again.bytes_in < 1000, "{again:?}");
}

#[test]
fn a_file_that_changed_just_now_is_not_kept() {
    let scene = scene();
    let path = scene.directory.path().join("mixed.h5");
    let file = std::fs::File::open(path).expect("a file");
    file.set_modified(SystemTime::now() + Duration::from_secs(300))
        .expect("a time");
    scene.compare("mixed.h5", scene.read("mixed.h5"));
    assert_eq!(scene.report(&[])["files"], 0);
}

#[test]
fn damage_on_disk_costs_requests_and_nothing_else() {
    let scene = scene();
    for file in ["mixed.h5", "chunked.h5"] {
        scene.compare(file, scene.read(file));
    }
    for (number, place) in [0.1, 0.5, 0.9, 1.0].into_iter().enumerate() {
        for path in scene.segments() {
            let mut content = std::fs::read(&path).expect("a segment");
            let at = ((content.len() - 1) as f64 * place) as usize;
            match number % 2 {
                0 => content[at] ^= 1 << number,
                _ => content.truncate(at),
            }
            std::fs::write(&path, content).expect("a segment");
        }
        for file in ["mixed.h5", "chunked.h5"] {
            let mended = scene.compare(file, scene.read(file)).stats();
            assert!(mended.bytes_in > 1000, "{mended:?}");
            // What was read before the damage was found went with the rest of it.
            scene.compare(file, scene.read(file));
            let again = scene.compare(file, scene.read(file)).stats();
            assert_eq!(again.requests, 1, "{again:?}");
        }
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_as_none() {
    let scene = scene();
    let file = scene.cache.path().join("file");
    std::fs::write(&file, "").expect("a file");
    for folder in [&*file, Path::new("/proc/self/cache")] {
        let read = || scene.read("mixed.h5").env("HDFSTREAM_CACHE_DIR", folder);
        let outcome = scene.compare("mixed.h5", read());
        assert_eq!(outcome.stderr, "", "{outcome}");
        let logged = read().env("HDFSTREAM_LOG", "warn").run().success();
        assert_eq!(logged.stderr.matches("cached on disk").count(), 1, "{logged}");
    }
}

/// No file grows beyond 64 KiB, as on a disk that is full by then: what is half written is never read.
#[test]
fn a_disk_that_fills_up_costs_requests_and_nothing_else() {
    let scene = scene();
    for file in ["mixed.h5", "chunked.h5", "contiguous.h5"] {
        let read = || scene.read(file).inside("prlimit", ["--fsize=65536"]);
        let outcome = scene.compare(file, read());
        assert_eq!(outcome.stderr, "", "{outcome}");
        let logged = read().env("HDFSTREAM_LOG", "warn").run().success();
        assert_eq!(logged.stderr.matches("cached on disk").count(), 1, "{logged}");
        scene.compare(file, scene.read(file));
    }
    scene.compare("contiguous.h5", scene.read("contiguous.h5"));
    let again = scene
        .compare("contiguous.h5", scene.read("contiguous.h5"))
        .stats();
    assert_eq!(again.requests, 1, "with room again: {again:?}");
}

#[test]
fn it_is_shown_verified_and_cleared() {
    let scene = scene();
    scene.compare("contiguous.h5", scene.read("contiguous.h5"));
    let report = scene.report(&[]);
    let remote = &report["remote"][0];
    assert_eq!(remote["url"], scene.server.url("contiguous.h5"), "{report}");
    assert_eq!(report["limit"], 4u64 << 30);
    assert!(remote["kept"].as_u64() > Some(6 << 20) && remote["kept"].as_u64() <= remote["size"].as_u64());
    let tool = || {
        hdfstream()
            .arg("cache")
            .env("HDFSTREAM_CACHE_DIR", scene.cache.path())
    };
    assert!(tool().output().contains("contiguous.h5"));
    assert!(tool().arg("verify").output().contains("sound"));
    let largest = scene
        .segments()
        .into_iter()
        .max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()))
        .expect("a segment");
    let mut content = std::fs::read(&largest).expect("a segment");
    content[3 << 20] ^= 1;
    std::fs::write(&largest, content).expect("a segment");
    let damaged = scene.report(&["verify"])["damaged"].clone();
    assert_eq!(damaged.as_array().map(Vec::len), Some(1), "{damaged}");
    assert!(
        scene.report(&["clear"])["cleared"]
            .as_bool()
            .is_some_and(|cleared| cleared)
    );
    assert_eq!(
        (scene.report(&[])["files"].as_u64(), scene.segments().len()),
        (Some(0), 0)
    );
}
