//! A directory as one tar archive.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::HttpBody;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hdfstream::protocol::Run;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::stream::{self, Broken};
use crate::access::Viewer;
use crate::error::Error;
use crate::state::App;
use crate::store::Below;
use crate::transfer::Transfer;

/// Archives are made of blocks.
const BLOCK: u64 = 512;
/// Two empty blocks end an archive.
const END: u64 = 2 * BLOCK;

/// The directory `name` as an archive of the files below that `viewer` may see. Entries have full paths, so
/// that several archives unpack into one tree.
pub(crate) async fn directory(
    app: &App,
    viewer: Viewer,
    name: String,
    body: bool,
) -> Result<Response, Error> {
    if name.is_empty() {
        return Err(Error::Invalid(
            "the whole server cannot be downloaded; choose a directory".to_owned(),
        ));
    }
    let directory = name.clone();
    let files = app
        .blocking(viewer.clone(), move |view| {
            let files = view
                .files_below(&directory)
                .map_err(|(path, error)| Error::at(&path, error))?;
            files.ok_or_else(|| Error::Invalid(format!("`{directory}` has too many files for one archive")))
        })
        .await?;
    let mut length = END;
    let mut entries = Vec::new();
    for Below { path, size, modified } in files {
        let header = entry(&path, size, modified).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        length += header.len() as u64 + size.next_multiple_of(BLOCK);
        entries.push((path, size, header));
    }
    let body = if body {
        let app = app.clone();
        stream::body(Some(length), move |sink| async move {
            for (path, size, header) in entries {
                sink.send(header).await?;
                let mut body = content(&app, viewer.clone(), path, size)
                    .await
                    .map_err(Broken::failed)?;
                while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                    if let Ok(data) = frame.map_err(Broken::failed)?.into_data() {
                        sink.send(data).await?;
                    }
                }
                sink.send(vec![0; (size.next_multiple_of(BLOCK) - size) as usize])
                    .await?;
            }
            sink.send(vec![0; END as usize]).await?;
            Ok(sink)
        })
    } else {
        axum::body::Body::empty()
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-tar"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(
        header::CONTENT_DISPOSITION,
        attachment(&format!("{}.tar", name.replace('/', "_"))),
    );
    Ok(response)
}

/// The header that names a file for whoever keeps it.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let plain = name
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%'));
    let value = if plain {
        format!("attachment; filename=\"{name}\"")
    } else {
        let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
        format!("attachment; filename*=UTF-8''{encoded}")
    };
    HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// The blocks before a file's content.
fn entry(path: &str, size: u64, modified: i64) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(u64::try_from(modified).unwrap_or(0));
    header.set_entry_type(tar::EntryType::Regular);
    let mut extensions = Vec::new();
    let length = size.to_string();
    if header.set_path(path).is_err() {
        header.set_path("long")?;
        extensions.push(("path", path.as_bytes()));
    }
    // Eleven octal digits.
    if size >= 1 << 33 {
        extensions.push(("size", length.as_bytes()));
        header.set_size(0);
    }
    if !extensions.is_empty() {
        archive.append_pax_extensions(extensions)?;
    }
    header.set_cksum();
    let mut blocks = std::mem::take(archive.get_mut());
    blocks.extend_from_slice(header.as_bytes());
    Ok(blocks)
}

/// The content of a file that must still have the announced size.
async fn content(app: &App, viewer: Viewer, path: String, size: u64) -> Result<axum::body::Body, Error> {
    let buffers = app.buffers();
    app.blocking(viewer, move |view| {
        let file = view.open(&path).map_err(|error| Error::at(&path, error))?;
        if file.size != size {
            return Err(Error::Changed(path));
        }
        if size == 0 {
            return Ok(axum::body::Body::empty());
        }
        Ok(Transfer::start(file, vec![Run::range(0, size)], size, 0, buffers)?.into_body())
    })
    .await
}
