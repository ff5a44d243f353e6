//! Packs of small files: the file itself, so that opening and reading it costs one request.

use hdfstream::protocol::Pack;

use crate::error::Error;
use crate::store::ServedFile;

/// Files up to this size are sent whole.
pub(crate) const WHOLE: u64 = 512 << 10;

/// All of a file of at most [`WHOLE`] bytes; nothing for an empty one. Blocks.
pub(crate) fn pack(file: &ServedFile) -> Result<Option<Pack>, Error> {
    let failed = |source| Error::Io {
        path: file.name().to_owned(),
        source,
    };
    if file.size == 0 {
        return Ok(None);
    }
    let size = usize::try_from(file.size).map_err(|_| Error::Internal("file too large to pack".into()))?;
    let mut bytes = vec![0; size];
    let read = file.read_at(&mut bytes, 0);
    if !file.is_current().map_err(failed)? {
        return Err(Error::Changed(file.name().to_owned()));
    }
    read.map_err(failed)?;
    Pack::compress(vec![(0, file.size)], &bytes)
        .map(Some)
        .map_err(|error| Error::Internal(error.to_string()))
}
