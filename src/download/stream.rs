//! The bytes of a file as they arrive.

use std::io::{self, Write};

use bytes::Bytes;

use super::Download;
use super::digest::Digests;
use crate::progress::Progress;
use crate::protocol::{self, ReadRequest, Run};
use crate::server::reply::Reply;

/// Bytes on their way to a sink. After a cut only the rest is asked for.
pub(super) struct Stream<'a> {
    pub(super) download: &'a Download,
    pub(super) sink: &'a mut (dyn Write + Send),
    pub(super) progress: &'a Progress,
    pub(super) at: u64,
    pub(super) end: u64,
    pub(super) failed: Option<io::Error>,
}

impl Reply for Stream<'_> {
    fn request(&self) -> Result<Bytes, String> {
        let question = ReadRequest {
            path: self.download.place.path.clone(),
            version: self.download.version.clone(),
            runs: vec![Run::range(self.at, self.end - self.at)],
            lease: None,
        };
        let body = protocol::encode(&question).map_err(|error| error.to_string())?;
        Ok(body.into())
    }

    fn begin(&mut self, length: Option<u64>) -> Result<(), String> {
        match length {
            Some(length) if length != self.end - self.at => Err(format!(
                "{length} bytes where {} were asked for",
                self.end - self.at
            )),
            _ => Ok(()),
        }
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 > self.end - self.at {
            return Err("more bytes than were asked for".to_owned());
        }
        self.sink.write_all(bytes).map_err(|error| {
            self.failed = Some(error);
            "the place where it goes takes no more".to_owned()
        })?;
        self.at += bytes.len() as u64;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match self.end - self.at {
            0 => Ok(()),
            left => Err(format!("{left} bytes are missing")),
        }
    }
}

/// Writes to two places.
pub(super) struct Tee<'a> {
    pub(super) sink: &'a mut (dyn Write + Send),
    pub(super) digests: Digests,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.digests.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
