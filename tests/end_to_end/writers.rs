//! The core library writes to the real server, which is killed meanwhile.

use std::sync::Arc;
use std::time::Duration;

use hdfstream::settings::CacheDir;
use hdfstream::{Begin, Class, RemoteName, Settings, WritableFile};

use crate::harness::{Server, served_names};

const MIB: usize = 1 << 20;

/// A server that comes back where it was, and a file on it.
struct Scene {
    served: tempfile::TempDir,
    server: Server,
}

impl Scene {
    fn new() -> Self {
        let served = tempfile::tempdir().expect("a directory");
        Self {
            server: Server::with(served.path(), &["--writable"]),
            served,
        }
    }

    fn crash(&mut self) {
        let address = self.server.address().to_string();
        self.server.kill();
        self.server = Server::started(self.served.path(), &address, &["--writable"]);
    }

    fn open(&self, begin: Begin) -> Arc<WritableFile> {
        let settings = Settings {
            write_memory: 4 << 20,
            cache_dir: CacheDir::Off,
            read_timeout: Duration::from_secs(60),
            ..Settings::default()
        };
        let name = RemoteName::parse(&self.server.url("file.bin")).expect("a name");
        WritableFile::open(&name, &settings, begin, true).expect("the lease")
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(self.served.path().join("file.bin")).expect("the file")
    }
}

fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed as u8)
        .collect()
}

fn write(file: &WritableFile, content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    file.write_vector(&[(Class::Raw, at as u64, bytes)])
        .expect("written");
    content.resize(content.len().max(at + bytes.len()), 0);
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

fn check(file: &WritableFile, content: &[u8]) {
    assert_eq!(file.size(), content.len() as u64);
    for (at, length) in [(0, 10), (3 * MIB - 5, 2 * MIB), (17 * MIB, 3), (39 * MIB, MIB)] {
        let mut found = vec![0; length];
        file.read_vector(&mut [(Class::Raw, at as u64, &mut found[..])])
            .expect("read");
        assert!(found == content[at..at + length], "{length} bytes at {at}");
    }
}

#[test]
fn nothing_is_lost_when_the_server_is_killed() {
    let mut scene = Scene::new();
    let file = scene.open(Begin::Create);
    let mut content = Vec::new();
    for number in 0..40 {
        write(&file, &mut content, number * MIB, &bytes(MIB, number));
    }
    check(&file, &content);
    scene.crash();
    // What went ahead is there still; some of it is written over.
    check(&file, &content);
    write(&file, &mut content, 2 * MIB, &bytes(3 * MIB, 99));
    check(&file, &content);
    file.commit().expect("committed");
    assert!(scene.content() == content);
    check(&file, &content);

    // Changes all over it, a cut, and more beyond the end.
    for number in 0..12 {
        write(
            &file,
            &mut content,
            number * 3 * MIB + 77,
            &bytes(MIB, number + 1),
        );
    }
    file.set_size(39 * MIB as u64);
    content.truncate(39 * MIB);
    write(&file, &mut content, 41 * MIB, &bytes(6 * MIB, 5));
    scene.crash();
    check(&file, &content);
    file.close().expect("closed");
    assert!(scene.content() == content);
    assert_eq!(served_names(scene.served.path()), ["file.bin"]);

    // And again, on what is there.
    let file = scene.open(Begin::Existing);
    check(&file, &content);
    write(&file, &mut content, 100, &bytes(1000, 3));
    scene.crash();
    file.close().expect("closed");
    assert!(scene.content() == content);
}

#[test]
fn what_was_given_up_leaves_nothing() {
    let mut scene = Scene::new();
    let mut content = Vec::new();
    let file = scene.open(Begin::Create);
    write(&file, &mut content, 0, &bytes(MIB, 1));
    file.close().expect("closed");
    for begin in [Begin::Existing, Begin::Replace] {
        let file = scene.open(begin);
        let mut ignored = Vec::new();
        for number in 0..20 {
            write(&file, &mut ignored, number * MIB, &bytes(MIB, number));
        }
        scene.crash();
        file.abandon();
        assert!(scene.content() == content);
        assert_eq!(served_names(scene.served.path()), ["file.bin"]);
    }
}
