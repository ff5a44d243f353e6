//! Storing whole local files on a server.
//!
//! The remote file is there when all of it is, or as it was before: it is written as programs write theirs.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::engine::Engine;
use crate::progress::Progress;
use crate::{Begin, Class, Error, RemoteName, Settings, WritableFile};

/// Bytes read at once.
const STEP: usize = 4 << 20;

/// Whether the user wants an end.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The status of a program that ended so, as shells have it.
const INTERRUPTED_STATUS: i32 = 130;

/// From now on Ctrl-C makes uploads of this process fail, which gives their leases back; a second one ends it at once.
///
/// # Errors
/// [`Error::Engine`] when nobody can wait for it.
pub fn end_uploads_at_interrupt() -> Result<(), Error> {
    Engine::current()?.spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            INTERRUPTED.store(true, Relaxed);
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(INTERRUPTED_STATUS);
            }
        }
    });
    Ok(())
}

/// Why a file was not stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The network or the server.
    #[error(transparent)]
    Remote(#[from] Error),
    /// The local file cannot be read.
    #[error("{}: {error}", path.display())]
    Local {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody wrote the local file at the same time.
    #[error("{}: this file changed while it was sent, and nothing of it is on the server; try again", .0.display())]
    Changed(PathBuf),
    /// The user wanted it: see [`end_uploads_at_interrupt`].
    #[error("{}: interrupted, and nothing of it is on the server", .0.display())]
    Interrupted(PathBuf),
}

/// Stores the local file `path` as `name`, with `replace` also in place of one that is there; says how many bytes it
/// has. Missing directories are made.
///
/// # Errors
/// See [`UploadError`]; the server then has what it had before.
pub fn upload(
    path: &Path,
    name: &RemoteName,
    settings: &Settings,
    replace: bool,
    progress: &Progress,
) -> Result<u64, UploadError> {
    let begin = match replace {
        true => Begin::Replace,
        false => Begin::Create,
    };
    let mut source = File::open(path).map_err(local(path))?;
    let before = source.metadata().map_err(local(path))?;
    let file = WritableFile::open_below(name, settings, begin, true, true)?;
    let sent = send(&mut source, path, &file, progress).and_then(|size| {
        let after = source.metadata().map_err(local(path))?;
        let same = after.len() == size && after.modified().ok() == before.modified().ok();
        match same {
            true => Ok(size),
            false => Err(UploadError::Changed(path.to_path_buf())),
        }
    });
    // Without success nothing is kept on this machine, where the file is.
    let stored = sent.and_then(|size| Ok(file.finish().map(|()| size)?));
    if stored.is_err() {
        file.abandon();
    }
    stored
}

fn send(
    source: &mut File,
    path: &Path,
    file: &WritableFile,
    progress: &Progress,
) -> Result<u64, UploadError> {
    let mut buffer = vec![0; STEP];
    let mut at = 0;
    loop {
        if INTERRUPTED.load(Relaxed) {
            return Err(UploadError::Interrupted(path.to_path_buf()));
        }
        let got = match source.read(&mut buffer) {
            Ok(0) => return Ok(at),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(local(path)(error)),
        };
        file.write_vector(&[(Class::Raw, at, &buffer[..got])])?;
        at += got as u64;
        progress.add(got as u64);
    }
}

fn local(path: &Path) -> impl FnOnce(io::Error) -> UploadError {
    move |error| UploadError::Local {
        path: path.to_path_buf(),
        error,
    }
}
