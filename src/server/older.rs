//! Requests in the words of the older protocol, with the retries of the newer one.
//!
//! It has no header to be known by: an answer is one if it is msgpack, and an error if it says so in msgpack.

use futures_util::stream::{FuturesUnordered, StreamExt};
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::reply::Reply;
use super::{Outcome, PARALLEL, Server, Target, refusal};
use crate::engine::Engine;
use crate::protocol::{self, MSGPACK};
use crate::transport::Answer;
use crate::{Error, stats};

/// The operation of a [`Target`] whose base is the whole path.
pub(super) const OPERATION: &str = "msgpack";

/// A request that was made, and how it ended.
pub(crate) type Ended<R> = (R, Result<(), Error>);

/// `path` below a base, as it stands in a URL.
pub(crate) fn path_of(path: &str) -> String {
    path.split('/')
        .filter(|component| !component.is_empty())
        .map(|component| format!("/{}", crate::name::escape(component)))
        .collect()
}

fn target<'a>(base: &'a str, url: &'a str) -> Target<'a> {
    Target {
        base,
        operation: OPERATION,
        url,
    }
}

/// Path of the endpoint for `path`.
fn endpoint(base: &str, path: &str) -> String {
    format!("{base}/msgpack{}", path_of(path))
}

impl Server {
    /// Makes requests about `path`, some at the same time, until one fails.
    pub(crate) fn receive_all<R: Reply>(
        &self,
        base: &str,
        path: &str,
        url: &str,
        replies: Vec<R>,
    ) -> Result<(), Error> {
        let results = self.receive_each(base, path, url, replies, true)?;
        results.into_iter().try_for_each(|(_, result)| result)
    }

    /// Makes requests about `path`, some at the same time; says of each how it ended, in their order. With
    /// `stop` those after a failure are not made and not told of.
    pub(crate) fn receive_each<R: Reply>(
        &self,
        base: &str,
        path: &str,
        url: &str,
        replies: Vec<R>,
        stop: bool,
    ) -> Result<Vec<Ended<R>>, Error> {
        let endpoint = endpoint(base, path);
        let target = target(&endpoint, url);
        stats::ROUND_TRIPS.add(replies.len().div_ceil(PARALLEL) as u64);
        let mut done = Engine::current()?.wait(async {
            let one = async |(number, mut reply): (usize, R)| {
                let result = self.exchange(target, &mut reply).await;
                (number, reply, result)
            };
            let mut waiting = replies.into_iter().enumerate();
            let mut under_way = FuturesUnordered::new();
            let mut done = Vec::new();
            loop {
                while under_way.len() < PARALLEL
                    && let Some(reply) = waiting.next()
                {
                    under_way.push(one(reply));
                }
                let Some(next) = under_way.next().await else {
                    return done;
                };
                let failed = next.2.is_err();
                done.push(next);
                if failed && stop {
                    return done;
                }
            }
        });
        done.sort_by_key(|(number, ..)| *number);
        Ok(done
            .into_iter()
            .map(|(_, reply, result)| (reply, result))
            .collect())
    }

    /// Lets an answer pass that is a message of the older protocol, and tells what any other means.
    pub(super) async fn message(&self, target: Target<'_>, answer: Answer) -> Result<Answer, Outcome> {
        let said = answer.headers.get(CONTENT_TYPE);
        let msgpack = said
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(MSGPACK));
        if msgpack && (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let (url, server) = (target.url.to_owned(), self.name.clone());
        let (status, retry_after) = (answer.status, answer.retry_after);
        match status {
            401 => return Err(Outcome::Final(refusal::unauthorized(self, target))),
            429 | 502 | 503 | 504 => return Err(Outcome::Busy(retry_after)),
            _ => {}
        }
        if !msgpack {
            return Err(match status {
                403 => Outcome::Final(Error::Forbidden {
                    url,
                    server,
                    reason: "it gives no reason".to_owned(),
                }),
                _ => self.foreign(target, &answer),
            });
        }
        let Some(reason) = self.reason(answer).await else {
            return Err(Outcome::Final(Error::NotHdfstream { url, server, status }));
        };
        Err(Outcome::Final(match status {
            404 if reason.starts_with("Invalid path") => Error::NotFound { url, server },
            400 => Error::Rejected { url, server, reason },
            403 => Error::Forbidden { url, server, reason },
            _ => Error::ServerFailed { url, server, reason },
        }))
    }

    /// What a refusal says; `None` if it is none of this protocol.
    async fn reason(&self, answer: Answer) -> Option<String> {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let broken = || "its answer broke off".to_owned();
        let bytes = self.explanation(answer).await;
        match protocol::decode::<Refusal>(&bytes) {
            Ok(refusal) => Some(refusal.error),
            // The message stands after the answer that could not be finished.
            Err(_) => {
                let marked = bytes.windows(7).rposition(|window| window == b"\x81\xA5error");
                match marked {
                    Some(0) | None => None,
                    Some(start) => Some(
                        protocol::decode::<Refusal>(&bytes[start..])
                            .map_or_else(|_| broken(), |refusal| refusal.error),
                    ),
                }
            }
        }
    }
}
