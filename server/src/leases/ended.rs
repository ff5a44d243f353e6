//! Leases that are over, and what their last commit was answered: for clients who did not hear it.
//!
//! It is kept in memory, and in a file below the root as well, so that a server that was killed and started again can
//! say it still. The file is a ring of entries of equal length and is never waited for: it outlives the server, not
//! its machine. It goes when nobody can ask any more.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use hdfstream::protocol::CommitReply;
use lru::LruCache;
use twox_hash::XxHash3_64;

use super::table::Digest;
use crate::journal::ENDED;

/// How many are remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// How long the file is of use: longer than clients ask.
const KEPT: Duration = Duration::from_secs(600);
const ENTRY: usize = 136;
const CHECKED: usize = ENTRY - 8;

/// A lease that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// A digest of the file's path and the user.
    pub(super) belongs: Digest,
    /// Number of the last commit, 0 if there was none.
    pub(super) committed: u64,
    /// What it was answered; none if the client has heard it.
    pub(super) reply: Option<CommitReply>,
}

/// All that are remembered.
#[derive(Debug)]
pub(super) struct Endings {
    root: Dir,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: LruCache<Digest, Ended>,
    /// None until there is something to say, or if it cannot be had.
    file: Option<File>,
    /// How many entries were written.
    turn: u64,
    /// When the last one was.
    newest: Instant,
    /// Whether it was said that there is no file.
    complained: bool,
}

impl Endings {
    /// What an earlier process has left below `root`. Blocks.
    pub(super) fn open(root: Dir) -> Self {
        let mut state = State {
            known: LruCache::new(MOST),
            file: None,
            turn: 0,
            newest: Instant::now(),
            complained: false,
        };
        match options().open_in(&root) {
            Ok(file) => state.load(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => state.complain(&error),
        }
        Self {
            root,
            state: Mutex::new(state),
        }
    }

    /// What is remembered of a lease, if it was for this file and user.
    pub(super) fn get(&self, lease: &Digest, belongs: &Digest) -> Option<Ended> {
        let mut state = self.lock();
        let ended = state.known.get(lease)?;
        (ended.belongs == *belongs).then(|| ended.clone())
    }

    /// Remembers. Blocks.
    pub(super) fn put(&self, lease: Digest, ended: Ended) {
        let mut state = self.lock();
        if ended.reply.is_some()
            && let Err(error) = state.write(&self.root, &lease, &ended)
        {
            state.complain(&error);
        }
        state.known.put(lease, ended);
    }

    /// The lease's end has given its file another version. That need not outlive the server, which alone knows versions
    /// other than those by metadata.
    pub(super) fn settle(&self, lease: &Digest, reply: &CommitReply) {
        if let Some(ended) = self.lock().known.get_mut(lease) {
            ended.reply = Some(reply.clone());
        }
    }

    /// Removes the file when it is of no more use. Blocks.
    pub(super) fn sweep(&self) {
        let mut state = self.lock();
        if state.file.is_some() && state.newest.elapsed() > KEPT {
            state.file = None;
            let _ = self.root.remove_file(ENDED);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn load(&mut self, file: File) {
        let mut bytes = vec![0; MOST.get() * ENTRY];
        let loaded = crate::history::read_what_is_there(&file, &mut bytes, 0);
        if let Err(error) = loaded {
            return self.complain(&error);
        }
        let now = SystemTime::now();
        let mut found: Vec<_> = bytes.chunks_exact(ENTRY).filter_map(decode).collect();
        found.sort_by_key(|entry| entry.turn);
        self.turn = found.last().map_or(0, |entry| entry.turn.saturating_add(1));
        for Entry { lease, ended, at, .. } in found {
            if now.duration_since(at).unwrap_or_default() <= KEPT {
                self.known.put(lease, ended);
            }
        }
        self.file = Some(file);
    }

    fn write(&mut self, root: &Dir, lease: &Digest, ended: &Ended) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => {
                let mut options = options();
                options.0.create(true).mode(0o600);
                self.file.insert(options.open_in(root)?)
            }
        };
        self.newest = Instant::now();
        let place = self.turn % MOST.get() as u64 * ENTRY as u64;
        file.write_all_at(&encode(lease, ended, self.turn, SystemTime::now()), place)?;
        self.turn += 1;
        Ok(())
    }

    fn complain(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                "{ENDED:?} below the root cannot be used, so that a client who lost the answer to its last commit \
                 cannot learn after a restart that it was made: {error}"
            );
        }
    }
}

struct Options(OpenOptions);

fn options() -> Options {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .follow(FollowSymlinks::No)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC);
    Options(options)
}

impl Options {
    /// The file, if no other server has it.
    fn open_in(&self, root: &Dir) -> io::Result<File> {
        let file = root.open_with(ENDED, &self.0)?.into_std();
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => Err(io::Error::other("another server uses it")),
            // File systems without locks are used by one server.
            _ => Ok(file),
        }
    }
}

struct Entry {
    lease: Digest,
    ended: Ended,
    turn: u64,
    at: SystemTime,
}

fn encode(lease: &Digest, ended: &Ended, turn: u64, at: SystemTime) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..32].copy_from_slice(lease);
    bytes[32..64].copy_from_slice(&ended.belongs);
    bytes[64..72].copy_from_slice(&ended.committed.to_le_bytes());
    if let Some(reply) = &ended.reply
        && reply.version.len() == 32
    {
        bytes[72..104].copy_from_slice(reply.version.as_bytes());
        bytes[104..112].copy_from_slice(&reply.modified.to_le_bytes());
    }
    bytes[112..120].copy_from_slice(&turn.to_le_bytes());
    let seconds = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    bytes[120..128].copy_from_slice(&seconds.to_le_bytes());
    let check = XxHash3_64::oneshot(&bytes[..CHECKED]);
    bytes[CHECKED..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Never fails for what somebody else has written there.
fn decode(bytes: &[u8]) -> Option<Entry> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    if number(CHECKED)? != XxHash3_64::oneshot(bytes.get(..CHECKED)?) {
        return None;
    }
    let version = String::from_utf8(bytes.get(72..104)?.to_vec()).ok()?;
    let reply = (!version.starts_with('\0')).then_some(CommitReply {
        version,
        modified: number(104)?.cast_signed(),
    });
    Some(Entry {
        lease: bytes.get(..32)?.try_into().ok()?,
        ended: Ended {
            belongs: bytes.get(32..64)?.try_into().ok()?,
            committed: number(64)?,
            reply,
        },
        turn: number(112)?,
        at: SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(number(120)?))?,
    })
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    fn ended(number: u64) -> Ended {
        Ended {
            belongs: [7; 32],
            committed: number,
            reply: Some(CommitReply {
                version: format!("{number:032x}"),
                modified: -5,
            }),
        }
    }

    fn lease(number: u64) -> Digest {
        let mut lease = [0; 32];
        lease[..8].copy_from_slice(&number.to_le_bytes());
        lease
    }

    #[test]
    fn the_last_ones_are_known_to_the_next_process() {
        let directory = tempfile::tempdir().unwrap();
        let root = || Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
        let all = MOST.get() as u64 + 10;
        let endings = Endings::open(root());
        for number in 0..all {
            endings.put(lease(number), ended(number));
        }
        // A second server on the same directory is in nobody's way.
        let other = Endings::open(root());
        other.put(lease(0), ended(0));
        assert_eq!(other.get(&lease(1), &[7; 32]), None);
        drop((endings, other));
        let endings = Endings::open(root());
        for number in 10..all {
            assert_eq!(endings.get(&lease(number), &[7; 32]), Some(ended(number)));
        }
        assert_eq!(endings.get(&lease(9), &[7; 32]), None);
        assert_eq!(endings.get(&lease(11), &[8; 32]), None);
        // It goes on where the other ended.
        endings.put(lease(all), ended(all));
        drop(endings);
        let endings = Endings::open(root());
        assert_eq!(endings.get(&lease(10), &[7; 32]), None);
        assert_eq!(endings.get(&lease(all), &[7; 32]), Some(ended(all)));
        endings.sweep();
        assert!(directory.path().join(ENDED).exists());
        endings.lock().newest -= KEPT * 2;
        endings.sweep();
        assert!(!directory.path().join(ENDED).exists());
    }

    #[test]
    fn what_is_no_entry_is_none() {
        let whole = encode(&lease(1), &ended(1), 3, SystemTime::now());
        assert_eq!(decode(&whole).unwrap().ended, ended(1));
        for at in 0..ENTRY {
            let mut bytes = whole;
            bytes[at] ^= 1;
            assert!(decode(&bytes).is_none(), "{at}");
            assert!(decode(&whole[..at]).is_none(), "{at}");
        }
        assert!(decode(&[0; ENTRY]).is_none());
    }
}
