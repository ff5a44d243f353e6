//! What front and worker say to each other: msgpack, each message behind its length in 4 bytes.

use std::io::{self, Read, Write};
use std::time::Duration;

use hdfstream::protocol::Intent;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::question::{Answer, Question};

/// Largest message; a longer one is a sign of a broken peer.
const MAX_MESSAGE_BYTES: u32 = 64 << 20;
/// Most ranges in one [`Event::Ranges`], which keeps it below [`MAX_MESSAGE_BYTES`].
pub(super) const MAX_RANGES: usize = 1 << 16;

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Task {
    /// See what a look at a file touches.
    Look(Job),
    /// Answer.
    Ask(Question),
}

impl Task {
    /// The file that it is about.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Look(job) => &job.path,
            Self::Ask(question) => &question.path,
        }
    }

    /// Longest time to take.
    pub(super) fn limit(&self) -> Duration {
        match self {
            Self::Look(job) => job.limit,
            Self::Ask(question) => question.limit,
        }
    }
}

/// A look at a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// File, relative to the root.
    pub path: String,
    /// What to look at.
    pub intent: Intent,
    /// Most bytes to touch.
    pub budget_bytes: u64,
    /// Longest time to take.
    pub limit: Duration,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOutcome {
    /// Whether everything was looked at, that is, no limit was reached.
    pub complete: bool,
    /// Number of objects looked at; 0 when libhdf5 refuses the file.
    pub objects: u64,
    /// Whether one of them is a dataset with its elements in raw files; `None` when some could not be looked at.
    pub raw_files: Option<bool>,
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Event {
    /// It has started.
    Ready {
        /// How well it is confined, for the log.
        confinement: String,
        /// Whether a read outside the root was tried and refused by the kernel.
        confined: bool,
    },
    /// Bytes touched, `(offset, length)`.
    Ranges(Vec<(u64, u64)>),
    /// The job ended.
    Done {
        /// How.
        outcome: JobOutcome,
        /// The worker ends too, because it may hold broken state.
        retiring: bool,
    },
    /// A question is answered. The bytes that the answer announces follow.
    Answered {
        /// How.
        answer: Answer,
        /// The worker ends too.
        retiring: bool,
    },
    /// The job could not be begun.
    Refused(String),
}

/// Bytes that follow an event.
pub(super) fn following(event: &Event) -> u64 {
    match event {
        Event::Answered {
            answer: Answer::Elements { bytes, .. },
            ..
        } => *bytes,
        _ => 0,
    }
}

fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0u8; 4];
    rmp_serde::encode::write(&mut bytes, message).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - 4)
        .ok()
        .filter(|&length| length <= MAX_MESSAGE_BYTES)
        .ok_or_else(|| io::Error::other("message too long"))?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

fn body_length(header: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(header);
    if length > MAX_MESSAGE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message too long"));
    }
    Ok(length as usize)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    rmp_serde::from_slice(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a message. Blocks.
pub(super) fn write<T: Serialize>(pipe: &mut impl Write, message: &T) -> io::Result<()> {
    pipe.write_all(&frame(message)?)?;
    pipe.flush()
}

/// Reads a message; `None` at the end of the pipe. Blocks.
pub(super) fn read<T: DeserializeOwned>(pipe: &mut impl Read) -> io::Result<Option<T>> {
    let mut header = [0u8; 4];
    match pipe.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut body = vec![0u8; body_length(header)?];
    pipe.read_exact(&mut body)?;
    parse(&body).map(Some)
}

/// Reads so many bytes that follow a message.
pub(super) async fn receive_bytes(pipe: &mut (impl AsyncRead + Unpin), count: u64) -> io::Result<Vec<u8>> {
    let length = u32::try_from(count).unwrap_or(u32::MAX);
    let mut bytes = vec![0u8; body_length(length.to_le_bytes())?];
    pipe.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// [`write()`] without blocking.
pub(super) async fn send<T: Serialize>(pipe: &mut (impl AsyncWrite + Unpin), message: &T) -> io::Result<()> {
    pipe.write_all(&frame(message)?).await?;
    pipe.flush().await
}

/// [`read`] without blocking; the end of the pipe is an error.
pub(super) async fn receive<T: DeserializeOwned>(pipe: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let mut header = [0u8; 4];
    pipe.read_exact(&mut header).await?;
    let mut body = vec![0u8; body_length(header)?];
    pipe.read_exact(&mut body).await?;
    parse(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_pipe() {
        let events = [
            Event::Ranges(vec![(1, 2), (1 << 40, 3)]),
            Event::Refused("no".into()),
            Event::Done {
                outcome: JobOutcome {
                    complete: true,
                    objects: 7,
                    raw_files: Some(false),
                },
                retiring: false,
            },
        ];
        let mut pipe = Vec::new();
        for event in &events {
            write(&mut pipe, event).unwrap();
        }
        let mut pipe = pipe.as_slice();
        for event in events {
            assert_eq!(read::<Event>(&mut pipe).unwrap(), Some(event));
        }
        assert_eq!(read::<Event>(&mut pipe).unwrap(), None);
    }

    #[test]
    fn the_longest_report_fits() {
        let ranges = Event::Ranges(vec![(u64::MAX, u64::MAX); MAX_RANGES]);
        assert!(frame(&ranges).is_ok());
    }

    #[test]
    fn a_forged_length_is_refused() {
        assert!(read::<Event>(&mut [0xff, 0xff, 0xff, 0xff, 0].as_slice()).is_err());
    }
}
