//! One server: requests with their retries, in the words of protocol v2.

pub(crate) mod discovery;
mod known_bases;
mod login;
pub(crate) mod older;
pub(crate) mod pace;
mod refusal;
pub(crate) mod reply;
mod retry;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{BoxStream, FuturesUnordered, StreamExt};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Serialize, de::DeserializeOwned};

use crate::credentials::{Credentials, Naming};
use crate::engine::Engine;
use crate::protocol::{self, Capabilities, ErrorReply, MSGPACK};
use crate::settings::Settings;
use crate::transport::http::{Http, Kind};
use crate::transport::{Answer, Failure, Request, Transport};
use crate::{Error, RemoteName, progress, settings, stats};
use login::Login;
use pace::Pace;
use reply::{Collect, Reply, Scatter, Sink};
use retry::Backoff;

/// Requests that are under way at once for one read.
pub(crate) const PARALLEL: usize = 4;
/// Longest explanation of a refusal that is read, bytes.
const MAX_EXPLANATION: u64 = 64 << 10;
/// A connection that takes fewer bytes of a request in a second is as good as none.
const SLOWEST: u64 = 64 << 10;

/// A server, with what is sent to it.
#[derive(Clone)]
pub(crate) struct Server {
    /// Scheme and authority.
    name: String,
    transport: Arc<dyn Transport>,
    settings: Settings,
    login: Login,
    naming: Naming,
    pace: Arc<Pace>,
}

/// Where a request goes, and what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// Path of the server's base, escaped: empty or `/…`.
    pub(crate) base: &'a str,
    /// Last component of the request's URL; empty for the protocol's root, which is asked by GET.
    pub(crate) operation: &'static str,
    /// The file that the user knows.
    pub(crate) url: &'a str,
}

impl Target<'_> {
    fn method(&self) -> Method {
        match self.operation {
            "" => Method::GET,
            _ => Method::POST,
        }
    }

    /// URL of the request.
    fn address(&self, server: &str) -> String {
        match self.operation {
            "" => format!("{server}{}/v2", self.base),
            older::OPERATION => format!("{server}{}", self.base),
            operation => format!("{server}{}/v2/{operation}", self.base),
        }
    }
}

/// How one attempt ended without success.
enum Outcome {
    /// Asking again is of no use.
    Final(Error),
    /// The transport failed.
    Failed(Failure),
    /// The server is busy, and may have said for how long.
    Busy(Option<Duration>),
}

impl Server {
    /// The server of `name`, which the user or their program named, reached by HTTP.
    pub(crate) fn new(name: &RemoteName, settings: &Settings) -> Result<Self, Error> {
        Self::named(name, Naming::User, settings)
    }

    /// The server of `name`, which a file of this server named. The login that the user gave for whatever
    /// server their program names goes no further than to this server.
    pub(crate) fn linked(&self, name: &RemoteName, settings: &Settings) -> Result<Self, Error> {
        let naming = match name.server() == self.name {
            true => self.naming,
            false => Naming::File,
        };
        Self::named(name, naming, settings)
    }

    fn named(name: &RemoteName, naming: Naming, settings: &Settings) -> Result<Self, Error> {
        let way = Kind::of(name, settings)?;
        let login = Login::find(name, naming, &way, settings)?;
        Ok(Self {
            name: name.server(),
            transport: Arc::new(Http(way)),
            settings: settings.clone(),
            login,
            naming,
            pace: Pace::of(&name.server()),
        })
    }

    /// The server of `name`, to be asked about these credentials.
    pub(crate) fn with_login(
        name: &RemoteName,
        credentials: &Credentials,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let way = Kind::of(name, settings)?;
        let login = Login::given(name, &way, credentials)?;
        Ok(Self {
            name: name.server(),
            transport: Arc::new(Http(way)),
            settings: settings.clone(),
            login,
            naming: Naming::User,
            pace: Pace::of(&name.server()),
        })
    }

    /// A server behind another transport.
    #[cfg(test)]
    pub(crate) fn with_transport(name: &str, transport: Arc<dyn Transport>, settings: &Settings) -> Self {
        Self {
            name: name.to_owned(),
            transport,
            settings: settings.clone(),
            login: Login::default(),
            naming: Naming::User,
            pace: Arc::default(),
        }
    }

    /// When to show how far a reading is.
    pub(crate) fn progress(&self) -> settings::Progress {
        self.settings.progress
    }

    /// Who the server takes the user for.
    pub(crate) fn login(&self) -> &str {
        self.login.identity()
    }

    /// Whether it is not to be asked for anything.
    pub(crate) fn is_offline(&self) -> bool {
        self.settings.offline
    }

    /// What is told when it would have to be asked.
    pub(crate) fn offline(&self, url: &str, what: String) -> Error {
        Error::Offline {
            url: url.to_owned(),
            server: self.name.clone(),
            what,
        }
    }

    /// How fast it answers and sends.
    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Scheme and authority.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Sends a request and decodes its answer.
    pub(crate) fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        target: Target<'_>,
        question: &Q,
    ) -> Result<A, Error> {
        self.ask_and(target, question, || {})
    }

    /// As [`Self::ask`]; does `meanwhile` while the answer is on its way.
    pub(crate) fn ask_and<Q: Serialize, A: DeserializeOwned>(
        &self,
        target: Target<'_>,
        question: &Q,
        meanwhile: impl FnOnce(),
    ) -> Result<A, Error> {
        let body = protocol::encode(question).map_err(|error| self.senseless(target, error.to_string()))?;
        self.fetch(target, body, meanwhile)
    }

    /// Sends the message `body` and decodes the answer. A server that is away for a moment is waited for, and
    /// `patience` longer than otherwise for its answer.
    pub(crate) async fn insist<A: DeserializeOwned>(
        &self,
        target: Target<'_>,
        body: Bytes,
        patience: Duration,
    ) -> Result<A, Error> {
        let mut reply = Collect::patient(body, Some(patience));
        self.exchange(target, &mut reply).await?;
        protocol::decode(reply.bytes()).map_err(|error| self.senseless(target, error.to_string()))
    }

    /// On the threads of the network, from the connection to the last byte: this one is woken up once.
    fn fetch<A: DeserializeOwned>(
        &self,
        target: Target<'_>,
        body: Vec<u8>,
        meanwhile: impl FnOnce(),
    ) -> Result<A, Error> {
        stats::ROUND_TRIPS.add(1);
        let server = self.clone();
        let (base, url) = (target.base.to_owned(), target.url.to_owned());
        let operation = target.operation;
        let exchange = async move {
            let target = Target {
                base: &base,
                operation,
                url: &url,
            };
            let mut reply = Collect::new(body);
            server.exchange(target, &mut reply).await.map(|()| reply)
        };
        let reply = Engine::current()?.run(exchange, meanwhile)??;
        protocol::decode(reply.bytes()).map_err(|error| self.senseless(target, error.to_string()))
    }

    /// What the server can do, and who it takes the user for.
    pub(crate) fn capabilities(&self, target: Target<'_>) -> Result<Capabilities, Error> {
        self.fetch(target, Vec::new(), || {})
    }

    /// Sends a request whose answer is received as it arrives.
    pub(crate) fn receive(&self, target: Target<'_>, reply: &mut dyn Reply) -> Result<(), Error> {
        stats::ROUND_TRIPS.add(1);
        Engine::current()?.wait(self.exchange(target, reply))
    }

    /// Makes `reads` at the same time, each into the memory that it names.
    pub(crate) fn read(&self, target: Target<'_>, reads: Vec<Scatter<'_>>) -> Result<(), Error> {
        if reads.is_empty() {
            return Ok(());
        }
        stats::ROUND_TRIPS.add(reads.len().div_ceil(PARALLEL) as u64);
        Engine::current()?.wait(self.read_all(target, reads))
    }

    /// Makes `reads`, some at the same time; ends at the first that fails.
    pub(crate) async fn read_all(&self, target: Target<'_>, reads: Vec<Scatter<'_>>) -> Result<(), Error> {
        let mut waiting = reads.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < PARALLEL
                && let Some(read) = waiting.next()
            {
                under_way.push(self.read_one(target, read));
            }
            match under_way.next().await {
                Some(result) => result?,
                None => return Ok(()),
            }
        }
    }

    /// Makes one read.
    pub(crate) async fn read_one<S: Sink>(
        &self,
        target: Target<'_>,
        mut read: Scatter<'_, S>,
    ) -> Result<(), Error> {
        self.exchange(target, &mut read).await
    }

    /// Asks until there is an answer, or it is clear that there will be none.
    async fn exchange(&self, target: Target<'_>, reply: &mut dyn Reply) -> Result<(), Error> {
        if self.is_offline() {
            let what = match target.operation {
                "open" => "this file is not in the cache",
                "lease" => "nothing can be written",
                "list" | "stat" => "directories are not kept in the cache",
                "external" => "raw files beside HDF5 files are not kept in the cache",
                _ => "this is not in the cache",
            };
            return Err(self.offline(target.url, what.to_owned()));
        }
        let insists = reply.patience().is_some();
        let mut backoff = match insists {
            false => Backoff::new(self.settings.retries, self.settings.retry_time),
            true => Backoff::insisting(self.settings.retries, self.settings.retry_time),
        };
        let mut cut: Option<Failure> = None;
        let mut may_pass = false;
        loop {
            let (failure, wait) = match self.attempt(target, reply).await {
                Ok(()) => return Ok(()),
                Err(Outcome::Final(error)) => return Err(error),
                Err(Outcome::Busy(wait)) => (None, wait),
                Err(Outcome::Failed(failure)) => (Some(failure), None),
            };
            // A server that stops cuts connections and then refuses new ones, until it is started again:
            // after the first of these, the second may pass too.
            may_pass |= failure
                .as_ref()
                .is_none_or(|failure| failure.may_pass() || (insists && failure.may_end()));
            if let Some(Failure::Cut(_)) = failure {
                cut = failure.clone();
            }
            let delay = if may_pass { backoff.next(wait) } else { None };
            let Some(delay) = delay else {
                // An answer that was cut says more to the user than what came of asking again.
                return Err(match cut.or(failure) {
                    Some(failure) => failure.into_error(target.url, &self.name),
                    None => Error::Busy {
                        url: target.url.to_owned(),
                        server: self.name.clone(),
                        attempts: backoff.attempts(),
                    },
                });
            };
            log::debug!("{}: {} again in {delay:?}", target.url, target.operation);
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(&self, target: Target<'_>, reply: &mut dyn Reply) -> Result<(), Outcome> {
        let body = reply.request().map_err(|reason| self.garbage(target, reason))?;
        stats::REQUESTS.add(1);
        stats::BYTES_OUT.add(body.len() as u64);
        let request = Request {
            method: target.method(),
            url: target.address(&self.name),
            authorization: self.login.header(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(MSGPACK))]),
            body,
        };
        let slowest = Duration::from_secs(request.body.len() as u64 / SLOWEST);
        let limit = self.settings.read_timeout + slowest + reply.patience().unwrap_or_default();
        let begin = Instant::now();
        // The time for a connection is the transport's to limit; here it only must not be counted.
        let answer = tokio::time::timeout(
            self.settings.connect_timeout + limit,
            self.transport.send(request),
        )
        .await
        .map_err(|_| Outcome::Failed(silence(limit)))?
        .map_err(Outcome::Failed)?;
        let answer = if target.operation == older::OPERATION {
            self.message(target, answer).await?
        } else if !answer.protocol {
            return Err(self.foreign(target, &answer));
        } else if !(200..300).contains(&answer.status) {
            return Err(self.refusal(target, answer).await);
        } else {
            answer
        };
        reply
            .begin(answer.length)
            .map_err(|reason| self.garbage(target, reason))?;
        self.pace.answered(begin.elapsed());
        let mut chunks = answer.body;
        let (mut first, mut bytes) = (None, 0);
        while let Some(chunk) = next(&mut chunks, limit).await.map_err(Outcome::Failed)? {
            match first {
                None => first = Some((chunk.len() as u64, Instant::now())),
                Some(_) => bytes += chunk.len() as u64,
            }
            reply
                .chunk(&chunk)
                .map_err(|reason| self.garbage(target, reason))?;
        }
        if let Some((first, begin)) = first {
            self.pace.carried(first, bytes, begin.elapsed());
        }
        reply
            .end()
            .map_err(|reason| Outcome::Failed(Failure::Cut(reason)))
    }

    /// What an answer means that no hdfstream server gave.
    fn foreign(&self, target: Target<'_>, answer: &Answer) -> Outcome {
        let (url, server) = (target.url.to_owned(), self.name.clone());
        match (answer.status, answer.location()) {
            // A proxy in front of a server that is starting or overrun.
            (429 | 502 | 503 | 504, _) => Outcome::Busy(answer.retry_after),
            (300..=399, Some(location)) => Outcome::Final(Error::Redirected {
                url,
                server,
                location,
            }),
            // A reverse proxy that knows the server's users.
            (401, _) => Outcome::Final(refusal::unauthorized(self, target)),
            (status, _) => Outcome::Final(Error::NotHdfstream { url, server, status }),
        }
    }

    /// What a refusal of an hdfstream server means.
    async fn refusal(&self, target: Target<'_>, answer: Answer) -> Outcome {
        let (status, retry_after) = (answer.status, answer.retry_after);
        let text = self.explanation(answer).await;
        let said = protocol::decode::<ErrorReply>(&text).ok();
        refusal::outcome(self, target, status, said, retry_after)
    }

    /// The body of a refusal, as much of it as is worth reading.
    async fn explanation(&self, answer: Answer) -> Vec<u8> {
        let mut text = Vec::new();
        let mut chunks = answer.body;
        while let Ok(Some(chunk)) = next(&mut chunks, self.settings.read_timeout).await {
            if (text.len() + chunk.len()) as u64 > MAX_EXPLANATION {
                break;
            }
            text.extend_from_slice(&chunk);
        }
        text
    }

    fn garbage(&self, target: Target<'_>, reason: String) -> Outcome {
        Outcome::Final(self.senseless(target, reason))
    }

    fn senseless(&self, target: Target<'_>, reason: String) -> Error {
        Error::Garbage {
            url: target.url.to_owned(),
            server: self.name.clone(),
            reason,
        }
    }
}

/// The next part of a body, waited for within `limit`; counted.
async fn next(
    chunks: &mut BoxStream<'static, Result<Bytes, Failure>>,
    limit: Duration,
) -> Result<Option<Bytes>, Failure> {
    match tokio::time::timeout(limit, chunks.next()).await {
        Err(_) => Err(silence(limit)),
        Ok(None) => Ok(None),
        Ok(Some(chunk)) => {
            let chunk = chunk?;
            stats::BYTES_IN.add(chunk.len() as u64);
            progress::showing::arrived(chunk.len() as u64);
            Ok(Some(chunk))
        }
    }
}

fn silence(limit: Duration) -> Failure {
    Failure::TimedOut {
        limit,
        phase: "waiting for the answer, setting read_timeout",
    }
}
