//! Against a model that remembers every content whole.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{Chain, Content, Histories, read_what_is_there};

const PATH: &str = "a/file.h5";

/// What happens, one step at a time: readers come between any two.
#[derive(Debug, Clone)]
enum Event {
    /// A commit: new bytes at places, and the size from then on.
    Commit(Vec<(u64, Vec<u8>)>, u64),
    /// Another file takes the place of this one.
    Replace(Vec<u8>),
    /// The last writer ends, the next one begins.
    Pause,
    /// A reader opens the file.
    Open,
    /// Something writes behind the end, as staging does.
    Stage(Vec<u8>),
    /// Readers of all versions look.
    Read,
}

fn event() -> impl Strategy<Value = Event> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 1..most);
    let pieces = prop::collection::vec((0..300u64, bytes(80)), 0..5);
    prop_oneof![
        4 => (pieces, 0..400u64).prop_map(|(pieces, size)| Event::Commit(pieces, size)),
        1 => bytes(300).prop_map(Event::Replace),
        1 => Just(Event::Pause),
        3 => Just(Event::Open),
        1 => bytes(50).prop_map(Event::Stage),
        2 => Just(Event::Read),
    ]
}

struct Scene {
    directory: TempDir,
    histories: Histories,
    chain: Arc<Chain>,
    file: Arc<File>,
    content: Vec<u8>,
    /// Every version that there was, with its file and its bytes.
    versions: Vec<(Content, Vec<u8>)>,
    told: HashSet<String>,
    number: Cell<u64>,
}

impl Scene {
    fn new(budget: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..200u8).collect();
        let histories = Histories::new(budget);
        let file = new_file(&directory, &content);
        let found = content_of(&file);
        histories.tell(PATH, &found.version);
        let chain = histories.enter(PATH, found.clone());
        Self {
            told: [found.version.clone()].into(),
            versions: vec![(found, content.clone())],
            directory,
            histories,
            chain,
            file,
            content,
            number: Cell::new(0),
        }
    }

    fn next(&self, size: usize) -> Content {
        self.number.set(self.number.get() + 1);
        Content {
            version: format!("v{}", self.number.get()),
            size: size as u64,
            ..content_of(&self.file)
        }
    }

    fn commit(&mut self, pieces: &[(u64, Vec<u8>)], size: u64) {
        let old = self.content.clone();
        let mut new = old.clone();
        new.resize(size as usize, 0);
        let mut recorder = self.histories.recorder(&self.chain);
        let shared = |offset: u64, length: u64| {
            let start = (offset as usize).min(old.len());
            start..(offset.saturating_add(length) as usize).min(old.len())
        };
        for (offset, bytes) in pieces {
            let lost = shared(*offset, bytes.len() as u64);
            recorder.overwrites(*offset, &old[lost]);
            let bytes = &bytes[..bytes.len().min((size.saturating_sub(*offset)) as usize)];
            if !bytes.is_empty() {
                new[*offset as usize..*offset as usize + bytes.len()].copy_from_slice(bytes);
            }
        }
        recorder.overwrites(size, &old[shared(size, u64::MAX)]);
        // What was read of the file before a piece is written, and looked at after it, must be right.
        let write = |offset: u64, bytes: &[u8]| {
            let before = self.look();
            self.file.write_all_at(bytes, offset).unwrap();
            self.check(&before);
            let between = self.look();
            self.check(&between);
        };
        for (offset, bytes) in pieces {
            let end = (offset + bytes.len() as u64).min(size);
            if *offset < end {
                write(*offset, &bytes[..(end - offset) as usize]);
            }
        }
        // Where it grows without being written it is zero.
        if size > old.len() as u64 {
            self.file
                .write_all_at(&new[old.len()..], old.len() as u64)
                .unwrap();
        }
        let before = self.look();
        self.file.set_len(size).unwrap();
        self.check(&before);
        let before = self.look();
        let content = self.next(new.len());
        recorder.committed(content.clone());
        self.check(&before);
        self.content = new;
        self.versions.push((content, self.content.clone()));
    }

    /// What is in the file of each version that can still be read.
    fn look(&self) -> Vec<(usize, Vec<u8>)> {
        let readable = |(content, _): &(Content, Vec<u8>)| {
            self.chain.is_current(&content.version).unwrap() == Some(true)
        };
        let look = |at: usize| {
            let (content, bytes) = &self.versions[at];
            let mut buffer = vec![0; bytes.len()];
            read_what_is_there(&content.file, &mut buffer, 0).unwrap();
            (at, buffer)
        };
        let there = 0..self.versions.len();
        there
            .filter(|&at| readable(&self.versions[at]))
            .map(look)
            .collect()
    }

    /// What was read before must be right, or known not to be, now.
    fn check(&self, read: &[(usize, Vec<u8>)]) {
        for (at, buffer) in read {
            let (content, bytes) = &self.versions[*at];
            let mut buffer = buffer.clone();
            self.chain.lay_over(&content.version, &mut buffer, 0).unwrap();
            if self.chain.is_current(&content.version).unwrap() == Some(true) {
                assert!(buffer == *bytes, "version {} is torn", content.version);
            }
        }
    }

    fn replace(&mut self, bytes: &[u8]) {
        let before = self.look();
        let old = Content {
            version: self.versions.last().unwrap().0.version.clone(),
            ..content_of(&self.file)
        };
        self.file = new_file(&self.directory, bytes);
        self.content = bytes.to_vec();
        let content = self.next(bytes.len());
        self.chain = self.histories.replaced(PATH, Some(old), Some(content.clone()));
        self.check(&before);
        self.versions.push((content, self.content.clone()));
    }

    fn pause(&mut self) {
        self.file.set_len(self.content.len() as u64).unwrap();
        let found = content_of(&self.file);
        let left = self.chain.leave(&found, true).unwrap();
        assert_eq!(left.version, self.versions.last().unwrap().0.version);
        self.open();
        let before = self.look();
        self.check(&before);
        self.chain = self.histories.enter(PATH, found);
        self.check(&before);
    }

    fn open(&mut self) {
        let found = content_of(&self.file);
        let told = self.chain.look(found.inode, &found.version).unwrap().unwrap();
        let (last, bytes) = self.versions.last().unwrap();
        assert_eq!((&told.version, told.size), (&last.version, bytes.len() as u64));
        self.told.insert(told.version);
    }

    /// With room enough, everything that a reader was told can be read, in pieces, too.
    fn read_all(&self, everything: bool) {
        for (content, bytes) in &self.versions {
            let current = self.chain.is_current(&content.version).unwrap();
            assert!(current == Some(true) || !everything || !self.told.contains(&content.version));
            if current != Some(true) {
                continue;
            }
            for (offset, length) in [(0, bytes.len()), (50, 60), (199, 1), (120, 300)] {
                let end = (offset + length).min(bytes.len());
                let start = offset.min(end);
                let mut buffer = vec![0xEE; end - start];
                read_what_is_there(&content.file, &mut buffer, start as u64).unwrap();
                self.chain
                    .lay_over(&content.version, &mut buffer, start as u64)
                    .unwrap();
                assert!(buffer == bytes[start..end], "version {}", content.version);
            }
        }
    }
}

fn new_file(directory: &TempDir, bytes: &[u8]) -> Arc<File> {
    let path = directory.path().join("new");
    std::fs::write(&path, bytes).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    std::fs::rename(&path, directory.path().join("file")).unwrap();
    Arc::new(file)
}

fn content_of(file: &Arc<File>) -> Content {
    Content::new(Arc::clone(file), &file.metadata().unwrap())
}

fn play(events: Vec<Event>, budget: u64) {
    let mut scene = Scene::new(budget);
    for event in events {
        match event {
            Event::Commit(pieces, size) => scene.commit(&pieces, size),
            Event::Replace(bytes) => scene.replace(&bytes),
            Event::Pause => scene.pause(),
            Event::Open => scene.open(),
            Event::Stage(bytes) => {
                let end = scene.content.len() as u64;
                scene.file.write_all_at(&bytes, end).unwrap();
            }
            Event::Read => {}
        }
        scene.read_all(budget > 1 << 20);
    }
}

proptest! {
    #[test]
    fn every_version_that_was_told_is_read_as_it_was(events in prop::collection::vec(event(), 1..25)) {
        play(events, 1 << 30);
    }

    #[test]
    fn with_little_room_versions_are_lost_but_never_wrong(
        events in prop::collection::vec(event(), 1..25),
        budget in 0..20_000u64,
    ) {
        play(events, budget);
    }
}

#[test]
fn nothing_is_kept_for_nobody() {
    let mut scene = Scene::new(1 << 30);
    scene.commit(&[(0, vec![1; 100])], 200);
    let first = scene.versions[1].0.version.clone();
    scene.commit(&[(0, vec![2; 100])], 200);
    // The first version of all was told, so all that follows is needed to read it.
    assert_eq!(scene.chain.is_current(&first).unwrap(), Some(true));
    scene.replace(b"another");
    scene.commit(&[(0, vec![3; 100])], 200);
    let unseen = scene.versions[3].0.version.clone();
    assert_eq!(scene.chain.is_current(&unseen).unwrap(), None);
}

#[test]
fn a_local_change_ends_all_versions_of_the_file() {
    let mut scene = Scene::new(1 << 30);
    scene.commit(&[(0, vec![1; 100])], 200);
    scene.open();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let found = content_of(&scene.file);
    scene.chain.leave(&found, true);
    scene.file.write_all_at(b"local", 0).unwrap();
    for (content, _) in &scene.versions {
        assert_eq!(scene.chain.is_current(&content.version).unwrap(), Some(false));
    }
    let found = content_of(&scene.file);
    assert!(scene.chain.look(found.inode, &found.version).unwrap().is_none());
    scene.chain = scene.histories.enter(PATH, found.clone());
    assert_eq!(scene.chain.present().unwrap().version, found.version);
    assert_eq!(
        scene.chain.is_current(&scene.versions[0].0.version).unwrap(),
        None
    );
}
