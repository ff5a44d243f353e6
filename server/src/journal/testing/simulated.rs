//! The disk. What is written is there at once for whoever reads; whether it survives is another matter.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::disk::{Disk, DiskFile};

const SECTOR: usize = 512;

/// A directory in memory.
#[derive(Debug, Clone)]
pub(in super::super) struct SimulatedDisk(Arc<Mutex<State>>);

/// An open file of it.
#[derive(Debug)]
pub(in super::super) struct SimulatedFile {
    disk: SimulatedDisk,
    inode: u64,
    handle: u64,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<OsString, u64>,
    durable_names: BTreeMap<OsString, u64>,
    name_changes: Vec<NameChange>,
    files: HashMap<u64, Content>,
    locks: HashMap<u64, u64>,
    next: u64,
    boot: u128,
    operations: u64,
    /// From this operation on nothing is done any more.
    stop_at: Option<u64>,
    fault: Option<(u64, Fault)>,
    read_only: bool,
}

#[derive(Debug, Default, Clone)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<FileChange>,
}

#[derive(Debug, Clone)]
enum FileChange {
    Write(usize, Vec<u8>),
    Size(usize),
}

#[derive(Debug, Clone)]
enum NameChange {
    Create(OsString, u64),
    Rename(OsString, OsString, u64),
    Remove(OsString),
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Fault {
    /// A write takes half of the bytes, then the disk is full.
    NoSpace,
    /// A sync fails, and what it was to write never reaches the disk; others just fail.
    Io,
}

/// How it ends.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Crash {
    /// The process is killed.
    Process,
    /// The machine stops. What was not synced is there in part, chosen by this number.
    Machine(u64),
}

/// Numbers that look random.
#[derive(Debug, Clone)]
pub(in super::super) struct Random(pub(in super::super) u64);

impl Random {
    pub(in super::super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(in super::super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

impl Random {
    /// Nothing survives, or all, or each by chance.
    fn survives(&mut self, mood: u64) -> bool {
        match mood {
            0 => false,
            1 => true,
            _ => self.below(mood) > 0,
        }
    }
}

impl FileChange {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Size(size) => content.resize(*size, 0),
        }
    }

    /// Sector by sector, since a write may reach the disk in part.
    fn sectors(&self) -> Vec<Self> {
        let Self::Write(offset, bytes) = self else {
            return vec![self.clone()];
        };
        let mut sectors = Vec::new();
        let (mut at, mut left) = (*offset, bytes.as_slice());
        while !left.is_empty() {
            let (these, rest) = left.split_at(left.len().min(SECTOR - at % SECTOR));
            sectors.push(Self::Write(at, these.to_vec()));
            at += these.len();
            left = rest;
        }
        sectors
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<OsString, u64>) {
        match self {
            Self::Create(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl State {
    /// Counts an operation, and says whether and how it fails.
    fn count(&mut self) -> io::Result<Option<Fault>> {
        if self.stop_at.is_some_and(|stop| self.operations >= stop) {
            return Err(io::Error::other("stopped"));
        }
        if self.read_only {
            return Err(io::Error::from_raw_os_error(libc::EROFS));
        }
        let fault = self.fault.filter(|(at, _)| *at == self.operations);
        self.operations += 1;
        Ok(fault.map(|(_, fault)| fault))
    }

    fn change(&mut self, inode: u64, change: FileChange) {
        let file = self.files.entry(inode).or_default();
        change.apply(&mut file.now);
        file.changes.push(change);
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    fn find(&self, name: &OsStr) -> io::Result<u64> {
        self.names
            .get(name)
            .copied()
            .ok_or(io::ErrorKind::NotFound.into())
    }
}

fn full() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSPC)
}

fn broken() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

impl SimulatedDisk {
    pub(in super::super) fn new() -> Self {
        let state = State {
            boot: 1,
            next: 1,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Puts a file there that is on the disk for good.
    pub(in super::super) fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let inode = state.next;
        state.next += 1;
        let content = Content {
            now: bytes.to_vec(),
            durable: bytes.to_vec(),
            changes: Vec::new(),
        };
        state.files.insert(inode, content);
        state.names.insert(name.into(), inode);
        state.durable_names.insert(name.into(), inode);
    }

    /// What is there for whoever reads now.
    pub(in super::super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.names.get(OsStr::new(name))?;
        Some(state.files.get(inode)?.now.clone())
    }

    /// All names.
    pub(in super::super) fn list(&self) -> Vec<OsString> {
        self.state().names.keys().cloned().collect()
    }

    /// How many operations were done.
    pub(in super::super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Stops all after so many operations.
    pub(in super::super) fn stop_at(&self, operation: Option<u64>) {
        self.state().stop_at = operation;
    }

    /// Lets one operation fail.
    pub(in super::super) fn fail_at(&self, operation: u64, fault: Fault) {
        self.state().fault = Some((operation, fault));
    }

    pub(in super::super) fn make_read_only(&self) {
        self.state().read_only = true;
    }

    /// What is found after a crash.
    pub(in super::super) fn crash(&self, crash: Crash) -> Self {
        let state = self.state();
        let mut after = State {
            next: state.next,
            boot: state.boot,
            ..State::default()
        };
        match crash {
            Crash::Process => {
                after.names = state.names.clone();
                after.durable_names = state.durable_names.clone();
                after.name_changes = state.name_changes.clone();
                after.files = state.files.clone();
            }
            Crash::Machine(seed) => {
                let mut random = Random(seed);
                let mood = random.below(6);
                after.boot += 1;
                after.names = state.durable_names.clone();
                for change in &state.name_changes {
                    if random.survives(mood) {
                        change.apply(&mut after.names);
                    }
                }
                let mood = random.below(6);
                for (inode, content) in &state.files {
                    let mut now = content.durable.clone();
                    for change in content.changes.iter().flat_map(FileChange::sectors) {
                        if random.survives(mood) {
                            change.apply(&mut now);
                        }
                    }
                    let content = Content {
                        durable: now.clone(),
                        now,
                        changes: Vec::new(),
                    };
                    after.files.insert(*inode, content);
                }
                after.durable_names = after.names.clone();
            }
        }
        Self(Arc::new(Mutex::new(after)))
    }

    fn handle(&self, state: &mut State, inode: u64) -> SimulatedFile {
        state.next += 1;
        SimulatedFile {
            disk: self.clone(),
            inode,
            handle: state.next,
        }
    }
}

impl Disk for SimulatedDisk {
    type File = SimulatedFile;

    fn open(&self, name: &OsStr) -> io::Result<SimulatedFile> {
        let mut state = self.state();
        let inode = state.find(name)?;
        Ok(self.handle(&mut state, inode))
    }

    fn create(&self, name: &OsStr, _private: bool) -> io::Result<SimulatedFile> {
        let mut state = self.state();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        match state.count()? {
            Some(Fault::NoSpace) => return Err(full()),
            Some(Fault::Io) => return Err(broken()),
            None => {}
        }
        let inode = state.next;
        state.next += 1;
        state.files.insert(inode, Content::default());
        state.change_names(NameChange::Create(name.to_owned(), inode));
        Ok(self.handle(&mut state, inode))
    }

    fn inode(&self, name: &OsStr) -> io::Result<Option<u64>> {
        Ok(self.state().names.get(name).copied())
    }

    fn rename(&self, from: &OsStr, to: &OsStr, replace: bool) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.find(from)?;
        if !replace && state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.count()?.is_some() {
            return Err(broken());
        }
        state.change_names(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        let mut state = self.state();
        state.find(name)?;
        if state.count()?.is_some() {
            return Err(broken());
        }
        state.change_names(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        Ok(self.list())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.count()?.is_some() {
            return Err(broken());
        }
        state.durable_names = state.names.clone();
        state.name_changes.clear();
        Ok(())
    }

    fn boot(&self) -> u128 {
        self.state().boot
    }
}

impl DiskFile for SimulatedFile {
    fn inode(&self) -> io::Result<u64> {
        Ok(self.inode)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[&self.inode].now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state();
        let offset = usize::try_from(offset).unwrap();
        let bytes = state.files[&self.inode].now.get(offset..offset + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let fault = state.count()?;
        let offset = usize::try_from(offset).unwrap();
        let write = |bytes: &[u8]| FileChange::Write(offset, bytes.to_vec());
        match fault {
            None => state.change(self.inode, write(bytes)),
            Some(Fault::Io) => return Err(broken()),
            Some(Fault::NoSpace) => {
                state.change(self.inode, write(&bytes[..bytes.len() / 2]));
                return Err(full());
            }
        }
        Ok(())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.count()?.is_some() {
            return Err(broken());
        }
        state.change(self.inode, FileChange::Size(usize::try_from(size).unwrap()));
        Ok(())
    }

    fn allocate(&self, _offset: u64, _length: u64) -> io::Result<()> {
        match self.disk.state().count()? {
            Some(Fault::NoSpace) => Err(full()),
            Some(Fault::Io) => Err(broken()),
            None => Ok(()),
        }
    }

    fn hasten(&self, _offset: u64, _length: u64) {}

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let fault = state.count()?;
        let file = state.files.get_mut(&self.inode).unwrap();
        let changes = std::mem::take(&mut file.changes);
        if fault.is_some() {
            // As Linux does: the pages are taken for clean, and nothing has reached the disk.
            return Err(broken());
        }
        for change in changes {
            change.apply(&mut file.durable);
        }
        Ok(())
    }

    fn set_mode_of(&self, _other: &Self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.disk.state();
        let holder = *state.locks.entry(self.inode).or_insert(self.handle);
        Ok(holder == self.handle)
    }

    fn unlock(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.locks.get(&self.inode) == Some(&self.handle) {
            state.locks.remove(&self.inode);
        }
        Ok(())
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let _ = DiskFile::unlock(self);
    }
}
