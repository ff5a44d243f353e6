//! A recovery file on the disk: a mark, the bytes, what they are, how long that is, and a digest of it all.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{STEP, SUFFIX};
use crate::{Begin, Error, protocol};

/// How every one begins, with the version of the format.
const MAGIC: &[u8; 16] = b"hdfstream kept\x01\n";
/// Bytes of the digest, and of the number before it.
const TAIL: u64 = 8 + 32;
/// Longest description, bytes.
const LONGEST: u64 = 1 << 30;

/// What the bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) url: String,
    /// How the file was opened, for one that was never committed.
    pub(super) begin: Begin,
    /// The version that was changed; empty if none.
    pub(super) version: String,
    /// The lease, which the server may not know to be over.
    pub(super) lease: String,
    /// Size of the file with the change.
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) time: i64,
    /// Where the bytes belong.
    pub(super) ranges: Vec<(u64, u64)>,
    /// Where zeros belong.
    pub(super) zeros: Vec<(u64, u64)>,
    /// What was written and is not here.
    pub(super) missing: Vec<(u64, u64)>,
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// For `map_err` of operations on `path`.
pub(super) fn broken(path: &Path) -> impl Fn(io::Error) -> Error {
    move |error| damaged(path, error.to_string())
}

fn damaged(path: &Path, reason: impl Into<String>) -> Error {
    Error::Recovery {
        path: path.to_path_buf(),
        reason: reason.into(),
    }
}

/// A file that is being written; it has its name when it is whole.
pub(super) struct Writer {
    folder: PathBuf,
    time: i64,
    out: BufWriter<NamedTempFile>,
    digest: Context,
}

impl Writer {
    pub(super) fn create(folder: &Path, time: i64) -> Result<Self, Error> {
        let broken = broken(folder);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(&broken)?;
        let file = NamedTempFile::new_in(folder).map_err(&broken)?;
        let mut writer = Self {
            folder: folder.to_path_buf(),
            time,
            out: BufWriter::new(file),
            digest: Context::new(&SHA256),
        };
        writer.add(MAGIC)?;
        Ok(writer)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.digest.update(bytes);
        self.out.write_all(bytes).map_err(broken(&self.folder))
    }

    /// Makes it a recovery file.
    pub(super) fn finish(mut self, header: &Header) -> Result<PathBuf, Error> {
        let encoded = protocol::encode(header).map_err(|error| damaged(&self.folder, error.to_string()))?;
        self.add(&encoded)?;
        self.add(&(encoded.len() as u64).to_le_bytes())?;
        let Self {
            folder,
            time,
            mut out,
            digest,
        } = self;
        let broken = broken(&folder);
        out.write_all(digest.finish().as_ref()).map_err(&broken)?;
        let file = out.into_inner().map_err(|error| broken(error.into_error()))?;
        file.as_file().sync_all().map_err(&broken)?;
        // What the name had of randomness keeps files of the same second apart.
        let random = file.path().file_name().unwrap_or_default().to_string_lossy();
        let random = random.trim_start_matches(['.', 't', 'm', 'p']).to_owned();
        let path = folder.join(format!("{time}-{random}.{SUFFIX}"));
        file.persist_noclobber(&path)
            .map_err(|error| broken(error.error))?;
        File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(&broken)?;
        Ok(path)
    }
}

/// A recovery file that is there.
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    pub(super) header: Header,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let error = broken(path);
        let mut file = File::open(path).map_err(&error)?;
        let length = file.metadata().map_err(&error)?.len();
        let mut magic = [0; MAGIC.len()];
        let began = file.read_exact(&mut magic);
        if began.is_err() || magic != *MAGIC {
            return Err(damaged(
                path,
                "this is no recovery file of this version of hdfstream",
            ));
        }
        let cut = || damaged(path, "this recovery file was cut or damaged");
        let end = length.checked_sub(TAIL).ok_or_else(cut)?;
        let mut number = [0; 8];
        file.seek(SeekFrom::Start(end)).map_err(&error)?;
        file.read_exact(&mut number).map_err(&error)?;
        let described = u64::from_le_bytes(number);
        let start = end
            .checked_sub(described)
            .filter(|start| *start >= MAGIC.len() as u64 && described <= LONGEST)
            .ok_or_else(cut)?;
        let mut encoded = vec![0; described as usize];
        file.seek(SeekFrom::Start(start)).map_err(&error)?;
        file.read_exact(&mut encoded).map_err(&error)?;
        let header: Header = protocol::decode(&encoded).map_err(|_| cut())?;
        let bytes = header
            .ranges
            .iter()
            .try_fold(MAGIC.len() as u64, |sum, range| sum.checked_add(range.1));
        let sane =
            |(offset, length): &(u64, u64)| offset.checked_add(*length).is_some_and(|end| end <= header.size);
        if bytes != Some(start) || !header.ranges.iter().chain(&header.zeros).all(sane) {
            return Err(cut());
        }
        Ok(Self {
            path: path.to_path_buf(),
            file: BufReader::new(file),
            header,
        })
    }

    /// Compares it with its digest.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        let error = broken(&self.path);
        let length = fs::metadata(&self.path).map_err(&error)?.len();
        self.file.seek(SeekFrom::Start(0)).map_err(&error)?;
        let mut digest = Context::new(&SHA256);
        let mut left = length.saturating_sub(32);
        let mut buffer = vec![0; STEP as usize];
        while left > 0 {
            let part = &mut buffer[..left.min(STEP) as usize];
            self.file.read_exact(part).map_err(&error)?;
            digest.update(part);
            left -= part.len() as u64;
        }
        let mut expected = [0; 32];
        self.file.read_exact(&mut expected).map_err(&error)?;
        match digest.finish().as_ref() == expected {
            true => Ok(()),
            false => Err(damaged(
                &self.path,
                "this recovery file was damaged: its digest differs",
            )),
        }
    }

    /// Shows the bytes with their offsets.
    pub(super) fn for_each(
        &mut self,
        mut show: impl FnMut(u64, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let error = broken(&self.path);
        self.file
            .seek(SeekFrom::Start(MAGIC.len() as u64))
            .map_err(&error)?;
        let mut buffer = vec![0; STEP as usize];
        for &(mut offset, mut length) in &self.header.ranges {
            while length > 0 {
                let part = &mut buffer[..length.min(STEP) as usize];
                self.file.read_exact(part).map_err(&error)?;
                show(offset, part)?;
                offset += part.len() as u64;
                length -= part.len() as u64;
            }
        }
        Ok(())
    }
}
