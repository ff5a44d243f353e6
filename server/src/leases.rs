//! Leases: who may write which file, and what came of it.
//!
//! The table says who, [`Work`] is one lease's file. A lease lives as long as its client says a word now and
//! then; what it had not committed is dropped with it. All that blocks runs on blocking threads; requests of
//! one lease take turns, those of different leases do not wait for each other.

mod ended;
mod found;
mod names;
mod space;
mod table;
mod work;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use cap_std::fs::Dir;
use hdfstream::protocol::{Begin, CommitReply, CommitRequest, LeaseRequest, LeaseState, StageRequest};
use ring::digest;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::access::Viewer;
use crate::error::Error;
use crate::history::Histories;
use crate::limits::Owner;
use crate::state::App;
use crate::store::{ServedFile, Staged};
use ended::{Ended, Endings};
use table::{Claim, Digest, Refused, Table};
use work::{Fate, Work};

/// Longest wait for other requests of the same lease.
const TURN: Duration = Duration::from_secs(150);
/// How often ended leases are looked for.
const ROUND: Duration = Duration::from_secs(1);
/// When a client that has too many leases may come back.
const LATER: Duration = Duration::from_secs(10);

/// All leases of a server. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Leases(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    period: Duration,
    /// Bytes that are left free on the disk.
    reserve: u64,
    root: Dir,
    histories: Arc<Histories>,
    table: Mutex<Table<Owner, Arc<Slot>>>,
    /// Held while files are recovered, until their leases are in the table.
    recovering: Mutex<()>,
    ended: Endings,
}

/// One lease's place for its work; empty before it has begun and after it has ended.
#[derive(Debug)]
struct Slot {
    path: String,
    number: u64,
    user: Option<String>,
    committed: AtomicU64,
    /// Whether it has ended; set while the work is held.
    over: AtomicBool,
    work: Arc<tokio::sync::Mutex<Option<Work>>>,
}

/// What a client asks for.
struct Asked {
    begin: Begin,
    lease: String,
    user: Option<String>,
    exclusive: bool,
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Asked").finish_non_exhaustive()
    }
}

type Turn = OwnedMutexGuard<Option<Work>>;

impl Leases {
    /// Looks after leases that live for `period` without a word; `reserve` bytes of the disk stay free. To be
    /// called on a tokio runtime.
    pub(crate) fn start(
        root: Dir,
        histories: Arc<Histories>,
        period: Duration,
        reserve: u64,
    ) -> io::Result<Self> {
        let leases = Self(Arc::new(Shared {
            period,
            reserve,
            ended: Endings::open(root.try_clone()?),
            root,
            histories,
            table: Mutex::new(Table::new(period)),
            recovering: Mutex::default(),
        }));
        tokio::spawn(found::rounds(Arc::downgrade(&leases.0)));
        Ok(leases)
    }

    /// How long a lease holds without a word, in seconds.
    pub(crate) fn seconds(&self) -> u64 {
        self.0.period.as_secs()
    }

    /// Begins a lease, or goes on with it. Returns the file as it is; none if there is none before the first
    /// commit.
    pub(crate) async fn begin(
        &self,
        app: &App,
        viewer: Viewer,
        owner: Owner,
        request: &LeaseRequest,
    ) -> Result<(String, Option<ServedFile>), Error> {
        let user = viewer.name().map(str::to_owned);
        check_login(&viewer)?;
        check_name(&request.lease)?;
        let (name, directories, begin) = (request.path.clone(), request.directories, request.begin);
        let (who, leases) = (viewer.clone(), self.clone());
        let place = app
            .blocking(viewer.clone(), move |view| {
                let place = view.place(&name, directories);
                let place = place.map_err(|error| Error::at(&name, error))?;
                if begin == Begin::Existing && !place.exists {
                    return Err(Error::NotFound(name));
                }
                check_access(&who, &place.path)?;
                leases
                    .recover_left(&place)
                    .map_err(|error| Error::at(&name, error))?;
                Ok(place)
            })
            .await?;
        let path = place.path.clone();
        let lease = digest(&request.lease);
        if self.ended(&lease, &path, user.as_deref()).is_some() {
            return Err(Error::LeaseLost(path));
        }
        let slot = match self.find_at(&path, &request.lease).await? {
            Some(slot) => slot,
            None => {
                self.expire(Some(&path)).await;
                let claim = Claim {
                    path: path.clone(),
                    lease: Some(lease),
                    owner: Some(owner),
                    exclusive: request.exclusive,
                };
                let make = |number| Arc::new(Slot::new(&path, number, user.clone()));
                let begun = self.table().begin(Instant::now(), claim, make);
                begun.map_err(|refused| refusal(refused, &path))?
            }
        };
        if slot.user != user {
            return Err(Error::Locked(path));
        }
        let mut turn = slot.turn().await?;
        let histories = Arc::clone(&self.0.histories);
        let asked = Asked {
            begin: request.begin,
            lease: request.lease.clone(),
            user,
            exclusive: request.exclusive,
        };
        let (leases, here) = (self.clone(), Arc::clone(&slot));
        let begun = app.blocking(viewer, move |_| {
            if here.over.load(Ordering::Relaxed) {
                return Err(Error::LeaseLost(here.path.clone()));
            }
            if turn.is_none() {
                let path = place.path.clone();
                match Work::begin(place, asked, Arc::clone(&histories)) {
                    Ok(work) => *turn = Some(work),
                    Err(error) => {
                        leases.end(&here);
                        return Err(error);
                    }
                }
                tracing::info!("lease of {path:?} for {:?} begins", here.user);
            }
            let work = turn.as_ref().filter(|work| work.begun() == begin);
            let work = work.ok_or_else(|| refusal(Refused::Different, &here.path))?;
            here.committed.store(work.committed(), Ordering::Relaxed);
            let content = work.content();
            Ok(content.map(|content| ServedFile::of(here.path.clone(), content, histories)))
        });
        Ok((path, begun.await?))
    }

    /// Takes a part of a commit.
    pub(crate) async fn stage(&self, app: &App, viewer: Viewer, request: StageRequest) -> Result<(), Error> {
        let slot = self
            .find(app, &viewer, &request.path, &request.lease)
            .await?
            .map_err(|_| Error::LeaseLost(request.path.clone()))?;
        let mut turn = slot.turn().await?;
        let (leases, here) = (self.clone(), Arc::clone(&slot));
        app.blocking(viewer, move |_| {
            let work = turn.as_mut().ok_or(Error::LeaseLost(request.path.clone()))?;
            leases.check_space(&request.path, request.bytes.len())?;
            let staged = work.stage(&request);
            leases.settle(&here, &mut turn, staged)
        })
        .await?;
        self.touch(&slot);
        Ok(())
    }

    /// Makes a change, and ends the lease if it is the last one.
    pub(crate) async fn commit(
        &self,
        app: &App,
        viewer: Viewer,
        request: CommitRequest,
    ) -> Result<CommitReply, Error> {
        let lost = || Error::LeaseLost(request.path.clone());
        let slot = match self.find(app, &viewer, &request.path, &request.lease).await? {
            Ok(slot) => slot,
            Err(ended) if ended.committed == request.number => return ended.reply.ok_or_else(lost),
            Err(_) => return Err(lost()),
        };
        let mut turn = slot.turn().await?;
        let leases = self.clone();
        let lease = Arc::clone(&slot);
        let reply = app
            .blocking(viewer, move |_| {
                let path = &request.path;
                let Some(work) = turn.as_mut() else {
                    // A repeated request that waited for the first.
                    let ended = leases.ended(&digest(&request.lease), path, lease.user.as_deref());
                    let ended = ended.filter(|ended| ended.committed == request.number);
                    return ended
                        .and_then(|ended| ended.reply)
                        .ok_or_else(|| Error::LeaseLost(path.clone()));
                };
                if request.number != work.committed() {
                    leases.check_space(path, request.bytes.len())?;
                }
                let committed = work.commit(&request);
                let mut reply = leases.settle(&lease, &mut turn, committed)?;
                lease.committed.store(request.number, Ordering::Relaxed);
                tracing::info!(
                    "commit {} of {path:?} by {:?}: {} bytes now",
                    request.number,
                    lease.user,
                    request.size
                );
                if request.release
                    && let Some(work) = turn.take()
                {
                    // First: from when the journal is gone nothing else tells of the commit.
                    leases.remember(&lease, digest(&request.lease), Some(reply.clone()));
                    if let Some(settled) = work.end(false) {
                        reply = settled;
                        leases.0.ended.settle(&digest(&request.lease), &reply);
                    }
                    leases.end(&lease);
                }
                Ok(reply)
            })
            .await?;
        self.touch(&slot);
        Ok(reply)
    }

    /// A word of a lease's owner.
    pub(crate) async fn renew(
        &self,
        app: &App,
        viewer: Viewer,
        path: &str,
        lease: &str,
    ) -> Result<LeaseState, Error> {
        match self.find(app, &viewer, path, lease).await? {
            Ok(slot) => Ok(LeaseState {
                seconds: self.seconds(),
                committed: slot.committed.load(Ordering::Relaxed),
            }),
            Err(_) => Err(Error::LeaseLost(path.to_owned())),
        }
    }

    /// Ends a lease.
    pub(crate) async fn release(
        &self,
        app: &App,
        viewer: Viewer,
        path: &str,
        lease: &str,
    ) -> Result<LeaseState, Error> {
        let over = |committed| LeaseState {
            seconds: 0,
            committed,
        };
        let slot = match self.find(app, &viewer, path, lease).await? {
            Ok(slot) => slot,
            Err(ended) => return Ok(over(ended.committed)),
        };
        let mut turn = slot.turn().await?;
        let (leases, lease, held) = (self.clone(), digest(lease), Arc::clone(&slot));
        app.blocking(viewer, move |_| {
            if let Some(work) = turn.take() {
                work.end(true);
                leases.remember(&held, lease, None);
                leases.end(&held);
            }
            Ok(())
        })
        .await?;
        Ok(over(slot.committed.load(Ordering::Relaxed)))
    }

    /// The file as its writer sees it.
    pub(crate) async fn staged(
        &self,
        app: &App,
        viewer: &Viewer,
        path: &str,
        version: &str,
        lease: &str,
    ) -> Result<ServedFile, Error> {
        let slot = self
            .find(app, viewer, path, lease)
            .await?
            .map_err(|_| Error::LeaseLost(path.to_owned()))?;
        let mut turn = slot.turn().await?;
        let work = turn.as_mut().ok_or_else(|| Error::LeaseLost(path.to_owned()))?;
        let content = work.seen().map_err(|failure| failure.error)?;
        if content.version != version {
            return Err(Error::Changed(path.to_owned()));
        }
        drop(turn);
        let file = ServedFile::of(path.to_owned(), content, Arc::clone(&self.0.histories));
        Ok(file.seen_by_writer(slot))
    }

    /// Whether somebody writes this file, or one below this directory.
    pub(crate) fn is_written(&self, path: &str) -> bool {
        self.table().is_written(path)
    }

    /// Versions of what is written.
    pub(crate) fn histories(&self) -> &Arc<Histories> {
        &self.0.histories
    }

    /// Ends leases whose time is over, all or those of one path.
    pub(crate) async fn expire(&self, path: Option<&str>) {
        let over = self.table().expired(Instant::now());
        for slot in over
            .into_iter()
            .filter(|slot| path.is_none_or(|path| slot.path == path))
        {
            // Whoever has it is at work for the client: it will be found alive.
            let Ok(mut turn) = Arc::clone(&slot.work).try_lock_owned() else {
                continue;
            };
            if !self.table().is_over(Instant::now(), &slot.path, slot.number) {
                continue;
            }
            tracing::info!(
                "the lease of {:?} by {:?} is over: nothing was heard of it",
                slot.path,
                slot.user
            );
            let leases = self.clone();
            let ended = tokio::task::spawn_blocking(move || {
                if let Some(work) = turn.take() {
                    // A client who did not hear of its last commit may still ask.
                    if let Some(reply) = work.last() {
                        slot.committed.store(work.committed(), Ordering::Relaxed);
                        leases.remember(&slot, work.lease(), Some(reply));
                    }
                    work.end(true);
                }
                leases.end(&slot);
            });
            // It fails only when the server ends.
            let _ = ended.await;
        }
    }

    /// The lease of a request, which its owner may still use; or what is remembered of one that has ended.
    async fn find(
        &self,
        app: &App,
        viewer: &Viewer,
        path: &str,
        lease: &str,
    ) -> Result<Result<Arc<Slot>, Ended>, Error> {
        check_login(viewer)?;
        check_name(lease)?;
        if !viewer.may_read(Path::new(path)) {
            // As for any other lease that is not there.
            return Err(Error::LeaseLost(path.to_owned()));
        }
        check_access(viewer, path)?;
        let name = path.to_owned();
        let mut found = self.find_at(path, lease).await?;
        if found.is_none() {
            if let Some(ended) = self.ended(&digest(lease), path, viewer.name()) {
                return Ok(Err(ended));
            }
            // Perhaps it is from before the server was started again, and was not found yet.
            let (leases, named) = (self.clone(), lease.to_owned());
            app.blocking(viewer.clone(), move |view| {
                let place = view.place(&name, false).map_err(|_| Error::LeaseLost(name))?;
                let recovered = leases.recover_left(&place);
                let recovered = recovered.and_then(|()| leases.recover_one(&place, &named));
                recovered.map_err(|error| Error::at(&place.path, error))
            })
            .await?;
            found = self.find_at(path, lease).await?;
        }
        let mine = found.filter(|slot| slot.user.as_deref() == viewer.name());
        mine.map(Ok).ok_or_else(|| Error::LeaseLost(path.to_owned()))
    }

    async fn find_at(&self, path: &str, lease: &str) -> Result<Option<Arc<Slot>>, Error> {
        let known = digest(lease);
        if let Some(slot) = self.table().find(Instant::now(), path, &known) {
            return Ok(Some(slot));
        }
        let nameless = self.table().found(path);
        for slot in nameless {
            let turn = slot.turn().await?;
            if turn.as_ref().is_some_and(|work| work.is_of(lease)) {
                let mut table = self.table();
                table.claim(path, slot.number, known);
                return Ok(table.find(Instant::now(), path, &known));
            }
        }
        Ok(None)
    }

    fn touch(&self, slot: &Slot) {
        self.table().touch(Instant::now(), &slot.path, slot.number);
    }

    /// Takes what came of a piece of work, which may be the last of the lease.
    fn settle<T>(&self, slot: &Slot, turn: &mut Turn, result: Result<T, work::Failure>) -> Result<T, Error> {
        result.map_err(|failure| {
            tracing::info!("refused to {:?}: {}", slot.user, failure.error);
            if let Some(fate) = failure.fate
                && let Some(work) = turn.take()
            {
                match fate {
                    Fate::Over => drop(work.end(true)),
                    Fate::Broken => work.abandon(),
                }
                self.end(slot);
            }
            failure.error
        })
    }

    /// Remembers a lease that is over. To be called while its work is held; blocks.
    fn remember(&self, slot: &Slot, lease: Digest, reply: Option<CommitReply>) {
        let ended = Ended {
            belongs: belongs(&slot.path, slot.user.as_deref()),
            committed: slot.committed.load(Ordering::Relaxed),
            reply,
        };
        self.0.ended.put(lease, ended);
    }

    /// Nothing will be found of a lease any more. To be called while its work is held.
    fn end(&self, slot: &Slot) {
        slot.over.store(true, Ordering::Relaxed);
        self.table().remove(&slot.path, slot.number);
    }

    fn ended(&self, lease: &Digest, path: &str, user: Option<&str>) -> Option<Ended> {
        self.0.ended.get(lease, &belongs(path, user))
    }

    fn table(&self) -> MutexGuard<'_, Table<Owner, Arc<Slot>>> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new(path: &str, number: u64, user: Option<String>) -> Self {
        Self {
            path: path.to_owned(),
            number,
            user,
            committed: AtomicU64::new(0),
            over: AtomicBool::new(false),
            work: Arc::default(),
        }
    }

    /// Waits for the other requests of the lease.
    async fn turn(&self) -> Result<Turn, Error> {
        let turn = Arc::clone(&self.work).lock_owned();
        let late = |_| Error::Busy(format!("`{}`: earlier requests still take their time", self.path));
        timeout(TURN, turn).await.map_err(late)
    }
}

impl Staged for Slot {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self.work.blocking_lock().as_ref() {
            Some(work) => work.read_at(buffer, offset),
            // The lease ended meanwhile.
            None => Err(io::ErrorKind::StaleNetworkFileHandle.into()),
        }
    }
}

/// Whether this is somebody, if there are accounts. To be asked before anything about paths, so that it tells
/// nothing of them.
pub(crate) fn check_login(viewer: &Viewer) -> Result<(), Error> {
    match viewer.is_somebody() {
        true => Ok(()),
        false => Err(Error::Unauthorized("writing needs a login".to_owned())),
    }
}

/// Whether this user may change what is at a path below the root, without links.
pub(crate) fn check_access(viewer: &Viewer, path: &str) -> Result<(), Error> {
    if viewer.may_write(Path::new(path)) {
        Ok(())
    } else if !viewer.may_read(Path::new(path)) {
        Err(Error::NotFound(path.to_owned()))
    } else {
        Err(Error::Forbidden(format!(
            "you may read `{path}`, but not change it"
        )))
    }
}

fn check_name(lease: &str) -> Result<(), Error> {
    let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if lease.len() == 32 && lease.bytes().all(digits) {
        return Ok(());
    }
    Err(Error::Invalid(
        "a lease is named by 32 hexadecimal digits, in small letters".to_owned(),
    ))
}

fn digest(lease: &str) -> Digest {
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest::digest(&digest::SHA256, lease.as_bytes()).as_ref());
    bytes
}

/// Tells a file and a user from others.
fn belongs(path: &str, user: Option<&str>) -> Digest {
    digest(&match user {
        Some(user) => format!("{user}\0{path}"),
        None => path.to_owned(),
    })
}

fn refusal(refused: Refused, path: &str) -> Error {
    match refused {
        Refused::Locked => Error::Locked(path.to_owned()),
        Refused::Different => Error::Invalid(format!(
            "`{path}`: this lease was begun before, for something else"
        )),
        Refused::TooMany => Error::TooMany {
            text: "too many files are open for writing; close some, or come back later".to_owned(),
            wait: LATER,
        },
    }
}
