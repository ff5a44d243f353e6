//! Transports for tests: a server in memory, and one that fails on purpose.

mod leases;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;

use crate::cache::Cache;
use crate::protocol::{
    self, DigestReply, DigestRequest, Entry, EntryKind, ErrorKind, ErrorReply, ExternalRequest, ListReply,
    ListRequest, OpenReply, OpenRequest, Pack, ReadRequest, Run, StatReply, TraceReply, TraceRequest,
};
use crate::server::Server;
use crate::transport::{Answer, Failure, Request, Transport};
use crate::{RemoteFile, RemoteName, Settings};

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The body ends with a failure after so many bytes.
    Cut(usize),
    /// The body ends early, without a failure.
    Short(usize),
    /// Nothing is said for so long.
    Delay(Duration),
    /// The head says success, the body is nonsense of this length.
    Garbage(usize),
    /// Something that is no hdfstream server answers with this status.
    Foreign(u16),
    /// A server or proxy is busy.
    Busy(Option<Duration>),
    /// No connection.
    Fails(Failure),
    /// The request is not carried out, and nothing is heard of it.
    Lost,
    /// It is refused.
    Refused(u16, ErrorKind),
    /// Nothing goes wrong.
    None,
}

/// A server with one file.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) base: String,
    pub(crate) content: Vec<u8>,
    pub(crate) version: String,
    /// Ranges that are sent with `open`.
    pub(crate) pack: Vec<(u64, u64)>,
    /// Ranges that a trace brings.
    pub(crate) trace: Vec<(u64, u64)>,
    pub(crate) complete: bool,
    pub(crate) entries: Vec<protocol::Entry>,
    /// How many opens found the file unchanged.
    pub(crate) unchanged: usize,
    pub(crate) leases: leases::Leases,
    /// Faults of the next requests.
    pub(crate) faults: VecDeque<Fault>,
    /// Operation of every request, with the runs of reads.
    pub(crate) log: Vec<(String, Vec<Run>)>,
}

/// The server as a transport.
#[derive(Clone, Default)]
pub(crate) struct Memory(pub(crate) Arc<Mutex<State>>);

impl Memory {
    pub(crate) fn new(content: Vec<u8>) -> Self {
        let memory = Self::default();
        memory.edit(|state| {
            state.base = "/hdfstream".to_owned();
            state.content = content;
            state.version = "v1".to_owned();
        });
        memory
    }

    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// The requests since the last call, by operation.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.edit(|state| state.log.drain(..).map(|entry| entry.0).collect())
    }

    pub(crate) fn server(&self, name: &str, settings: &Settings) -> Arc<Server> {
        Arc::new(Server::with_transport(name, Arc::new(self.clone()), settings))
    }

    /// Opens `url` with a cache of its own.
    pub(crate) fn open(&self, url: &str, settings: &Settings) -> Result<Arc<RemoteFile>, crate::Error> {
        self.open_with(url, settings, &Arc::new(Cache::new(settings)))
    }

    pub(crate) fn open_with(
        &self,
        url: &str,
        settings: &Settings,
        cache: &Arc<Cache>,
    ) -> Result<Arc<RemoteFile>, crate::Error> {
        let name = RemoteName::parse(url)?;
        let server = self.server(&name.server(), settings);
        RemoteFile::open_at(server, Arc::clone(cache), &name, settings, false)
    }
}

/// Settings with short waits.
pub(crate) fn settings() -> Settings {
    Settings {
        connect_timeout: Duration::from_secs(1),
        read_timeout: Duration::from_secs(1),
        retry_time: Duration::from_secs(5),
        cache_dir: crate::settings::CacheDir::Off,
        ..Settings::default()
    }
}

impl Transport for Memory {
    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Answer, Failure>> {
        let path = request
            .url
            .splitn(4, '/')
            .nth(3)
            .map(|path| format!("/{path}"))
            .unwrap_or_default();
        let (answer, fault) = self.edit(|state| {
            let fault = state.faults.pop_front().unwrap_or(Fault::None);
            let answer = match &fault {
                Fault::Refused(status, kind) => refuse(*status, *kind),
                Fault::Lost => head(200, true, Vec::new()),
                _ => state.answer(&path, &request.body),
            };
            (answer, fault)
        });
        async move {
            match fault {
                Fault::None | Fault::Refused(..) => Ok(answer),
                Fault::Lost => Err(Failure::Dropped("reset".to_owned())),
                Fault::Fails(failure) => Err(failure),
                Fault::Foreign(status) => Ok(head(status, false, Vec::new())),
                Fault::Busy(after) => Ok(Answer {
                    retry_after: after,
                    ..refuse(503, ErrorKind::Busy)
                }),
                Fault::Garbage(length) => Ok(head(200, true, vec![0xC1; length])),
                Fault::Delay(time) => {
                    tokio::time::sleep(time).await;
                    Ok(answer)
                }
                Fault::Cut(after) => Ok(Answer {
                    body: limited(answer.body, after)
                        .chain(stream::iter([Err(Failure::Cut("reset".to_owned()))]))
                        .boxed(),
                    ..answer
                }),
                Fault::Short(after) => Ok(Answer {
                    body: limited(answer.body, after).boxed(),
                    ..answer
                }),
            }
        }
        .boxed()
    }
}

type Body = stream::BoxStream<'static, Result<Bytes, Failure>>;

fn limited(body: Body, mut left: usize) -> Body {
    body.map(move |chunk| {
        chunk.map(|chunk| {
            let now = chunk.len().min(left);
            left -= now;
            chunk.slice(..now)
        })
    })
    .boxed()
}

fn head(status: u16, protocol: bool, body: Vec<u8>) -> Answer {
    let length = Some(body.len() as u64);
    let chunks: Vec<_> = body
        .chunks(1000)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    Answer {
        status,
        protocol,
        length,
        retry_after: None,
        headers: reqwest::header::HeaderMap::new(),
        body: stream::iter(chunks).boxed(),
    }
}

fn say<T: Serialize>(value: &T) -> Answer {
    head(200, true, protocol::encode(value).unwrap())
}

fn refuse(status: u16, kind: ErrorKind) -> Answer {
    let message = "because".to_owned();
    let body = protocol::encode(&ErrorReply { kind, message }).unwrap();
    head(status, true, body)
}

impl State {
    fn answer(&mut self, path: &str, body: &[u8]) -> Answer {
        let prefix = format!("{}/v2/", self.base);
        let Some(operation) = path.strip_prefix(&prefix) else {
            self.log.push(("elsewhere".to_owned(), Vec::new()));
            return head(404, false, b"no such page".to_vec());
        };
        let read: Option<ReadRequest> = (operation == "read").then(|| protocol::decode(body).unwrap());
        let runs = read.as_ref().map(|read| read.runs.clone()).unwrap_or_default();
        self.log.push((operation.to_owned(), runs.clone()));
        if let Some(answer) = self.change(operation, body) {
            return answer;
        }
        match operation {
            "open" => self.open(&protocol::decode(body).unwrap()),
            "trace" => {
                let request: TraceRequest = protocol::decode(body).unwrap();
                match request.version == self.version {
                    true => say(&TraceReply {
                        pack: self.packed(&self.trace),
                        complete: self.complete,
                        raw_files: None,
                    }),
                    false => refuse(409, ErrorKind::Changed),
                }
            }
            "read" => {
                if let Some(lease) = read.as_ref().and_then(|read| read.lease.clone()) {
                    return match self.staged(&lease, &runs) {
                        Some(bytes) => head(200, true, bytes),
                        None => refuse(410, ErrorKind::LeaseLost),
                    };
                }
                if let Some(read) = read.filter(|read| read.version != self.version) {
                    return match self.former(&read.version, &runs) {
                        Some(bytes) => head(200, true, bytes),
                        None => refuse(409, ErrorKind::Changed),
                    };
                }
                if Run::check(&runs, self.content.len() as u64).is_err() {
                    return refuse(400, ErrorKind::Invalid);
                }
                head(200, true, self.bytes(&runs))
            }
            "stat" => say(&StatReply {
                entry: Entry {
                    name: "file".to_owned(),
                    kind: EntryKind::File,
                    size: self.content.len() as u64,
                    modified: 1_000_000_001,
                },
                version: Some(self.version.clone()),
            }),
            "digest" => {
                let request: DigestRequest = protocol::decode(body).unwrap();
                if request.version != self.version {
                    return refuse(409, ErrorKind::Changed);
                }
                let bytes = self.bytes(&[Run::range(request.offset, request.length)]);
                let sha256 = ring::digest::digest(&ring::digest::SHA256, &bytes);
                say(&DigestReply {
                    sha256: sha256.as_ref().to_vec(),
                })
            }
            "external" => {
                let request: ExternalRequest = protocol::decode(body).unwrap();
                head(200, true, vec![request.name.len() as u8; request.length as usize])
            }
            "list" => {
                let request: ListRequest = protocol::decode(body).unwrap();
                let after = request.after.unwrap_or_default();
                let mut left = self.entries.iter().filter(|entry| entry.name > after);
                let entries = left.by_ref().take(2).cloned().collect();
                say(&ListReply {
                    entries,
                    more: left.next().is_some(),
                })
            }
            _ => refuse(400, ErrorKind::Invalid),
        }
    }

    fn open(&mut self, request: &OpenRequest) -> Answer {
        if request.write {
            return refuse(403, ErrorKind::ReadOnly);
        }
        if request.path.contains("missing") {
            return refuse(404, ErrorKind::NotFound);
        }
        let unchanged = request.known.as_ref() == Some(&self.version);
        self.unchanged += usize::from(unchanged);
        let packed = !unchanged && !self.pack.is_empty();
        say(&OpenReply {
            path: request.path.trim_start_matches("/root/").to_owned(),
            version: self.version.clone(),
            size: self.content.len() as u64,
            modified: 0,
            unchanged,
            pack: packed.then(|| self.packed(&self.pack)),
            complete: self.complete && packed,
        })
    }

    fn packed(&self, ranges: &[(u64, u64)]) -> Pack {
        let runs: Vec<Run> = ranges
            .iter()
            .map(|&(offset, length)| Run::range(offset, length))
            .collect();
        Pack::compress(ranges.to_vec(), &self.bytes(&runs)).unwrap()
    }

    fn bytes(&self, runs: &[Run]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for run in runs {
            for number in 0..run.count {
                let start = (run.offset + number * run.stride) as usize;
                bytes.extend_from_slice(&self.content[start..start + run.length as usize]);
            }
        }
        bytes
    }
}
