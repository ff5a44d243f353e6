//! The lease of one writer: taken, kept alive in the background, and asked in its name.
//!
//! A task of the runtime says a word to the server when nothing else was said for a third of the time that the
//! lease holds. It takes no lock that a forked child could find taken, and ends with the session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::protocol::{self, LeaseName, LeaseReply, LeaseRequest, LeaseState};
use crate::server::discovery::{Place, discover};
use crate::server::{Server, Target};
use crate::{Begin, Error, RemoteName, Settings, stats};

/// Shortest time between two words to the server.
const OFTEN: Duration = Duration::from_millis(200);

/// A file on its server, whoever writes it.
pub(crate) struct Site {
    pub(crate) server: Arc<Server>,
    /// Path of the server's base, escaped.
    pub(crate) base: String,
    /// Path below the base, as the server has it.
    pub(crate) path: String,
    /// Canonical URL.
    pub(crate) url: String,
}

impl Site {
    pub(crate) fn target(&self, operation: &'static str) -> Target<'_> {
        Target {
            base: &self.base,
            operation,
            url: &self.url,
        }
    }
}

/// What is asked of a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) begin: Begin,
    pub(crate) exclusive: bool,
    pub(crate) directories: bool,
}

impl Wanted {
    /// The request for the lease called `lease`.
    pub(crate) fn request(self, path: &str, lease: &str, known: Option<String>) -> LeaseRequest {
        LeaseRequest {
            path: path.to_owned(),
            lease: lease.to_owned(),
            begin: self.begin,
            exclusive: self.exclusive,
            directories: self.directories,
            known,
        }
    }
}

/// A fresh name, which is the secret of the lease as well.
pub(crate) fn name() -> Result<String, Error> {
    let mut random = [0u8; 16];
    SystemRandom::new().fill(&mut random).map_err(|_| Error::Engine {
        reason: "the system gives no random numbers".to_owned(),
    })?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A lease that was given.
pub(crate) struct Session {
    pub(crate) site: Arc<Site>,
    lease: String,
    /// How long it holds without a word, milliseconds.
    holds: u64,
    begun: Instant,
    /// When the server last answered, milliseconds after it began.
    heard: AtomicU64,
    lost: AtomicBool,
    /// Dropping it ends the renewal. Never dropped in a forked child, where that would wake a task of the parent's
    /// runtime.
    renewal: std::sync::Mutex<Option<oneshot::Sender<()>>>,
    process: u32,
}

impl Session {
    /// The session of the lease `lease`, kept alive from now on.
    pub(crate) fn begin(site: Arc<Site>, lease: String, seconds: u64) -> Result<Arc<Self>, Error> {
        let (stop, stopped) = oneshot::channel();
        let session = Arc::new(Self {
            site,
            lease,
            holds: seconds.saturating_mul(1000),
            begun: Instant::now(),
            heard: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            renewal: std::sync::Mutex::new(Some(stop)),
            process: std::process::id(),
        });
        let renewed = Arc::clone(&session);
        Engine::current()?.spawn(async move {
            tokio::select! {
                () = renewed.renew() => {}
                _ = stopped => {}
            }
        });
        Ok(session)
    }

    pub(crate) fn lease(&self) -> &str {
        &self.lease
    }

    /// Whether the server has said that the lease is over.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }

    /// Takes it for lost.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Relaxed);
        self.end();
    }

    /// The error for that.
    pub(crate) fn loss(&self) -> Error {
        Error::LeaseLost {
            url: self.site.url.clone(),
            server: self.site.server.name().to_owned(),
        }
    }

    /// Asks in the name of this lease, and waits for the answer.
    pub(crate) fn ask<Q: Serialize, A: DeserializeOwned + Send>(
        &self,
        operation: &'static str,
        question: &Q,
        patience: Duration,
    ) -> Result<A, Error> {
        let body = self.encode(question)?;
        stats::ROUND_TRIPS.add(1);
        Engine::current()?.wait(self.send(operation, body, patience))
    }

    pub(crate) fn encode<Q: Serialize>(&self, question: &Q) -> Result<Bytes, Error> {
        let encoded = protocol::encode(question).map_err(|error| Error::Engine {
            reason: format!("a request cannot be encoded: {error}"),
        })?;
        Ok(encoded.into())
    }

    /// Sends an encoded request.
    pub(crate) async fn send<A: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: Bytes,
        patience: Duration,
    ) -> Result<A, Error> {
        let site = &self.site;
        let answer = site.server.insist(site.target(operation), body, patience).await;
        match &answer {
            Ok(_) => self.heard.store(self.now(), Relaxed),
            Err(Error::LeaseLost { .. }) => self.lost.store(true, Relaxed),
            Err(_) => {}
        }
        answer
    }

    /// Ends the lease, as far as that can be done; what was not committed is dropped by the server.
    pub(crate) fn release(&self) -> Result<(), Error> {
        self.end();
        if self.is_lost() {
            return Ok(());
        }
        match self.ask::<_, LeaseState>("release", &self.named(), Duration::ZERO) {
            Ok(_) | Err(Error::LeaseLost { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lets the lease end by itself.
    pub(crate) fn end(&self) {
        let stop = self.renewal.try_lock().ok().and_then(|mut stop| stop.take());
        if self.process != std::process::id() {
            std::mem::forget(stop);
        }
    }

    fn named(&self) -> LeaseName {
        LeaseName {
            path: self.site.path.clone(),
            lease: self.lease.clone(),
        }
    }

    fn now(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    /// Keeps the lease alive until it is lost.
    async fn renew(&self) {
        let pause = Duration::from_millis(self.holds / 3).max(OFTEN);
        let mut wait = pause;
        loop {
            tokio::time::sleep(wait).await;
            let silent = Duration::from_millis(self.now().saturating_sub(self.heard.load(Relaxed)));
            if silent < pause {
                wait = (pause - silent).max(OFTEN);
                continue;
            }
            let Ok(body) = self.encode(&self.named()) else {
                return;
            };
            let answer = self.send::<LeaseState>("renew", body, Duration::ZERO).await;
            wait = match answer {
                Ok(_) => pause,
                Err(Error::LeaseLost { .. }) => {
                    log::warn!("{}: the lease is lost", self.site.url);
                    return;
                }
                Err(error) => {
                    log::warn!("{}: the lease was not renewed: {error}", self.site.url);
                    (pause / 4).max(OFTEN)
                }
            };
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends the lease `lease` of the file `name`, which another process has left. That it is over already is no error.
pub(crate) fn release(name: &RemoteName, settings: &Settings, lease: &str) -> Result<(), Error> {
    let server = Server::new(name, settings)?;
    let ask = |target: Target<'_>, place: &Place| {
        let question = LeaseName {
            path: place.path.clone(),
            lease: lease.to_owned(),
        };
        match server.ask::<_, LeaseState>(target, &question) {
            Ok(_) | Err(Error::LeaseLost { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    };
    discover(&server, name, &name.url(), "release", ask).map(drop)
}

/// Asks for another lease of the file at `site`, to go on with what a lost one has left.
pub(crate) fn again(site: &Arc<Site>, wanted: Wanted) -> Result<(Arc<Session>, LeaseReply), Error> {
    let lease = name()?;
    let question = wanted.request(&site.path, &lease, None);
    let reply: LeaseReply = site.server.ask(site.target("lease"), &question)?;
    let session = Session::begin(Arc::clone(site), lease, reply.seconds)?;
    Ok((session, reply))
}
