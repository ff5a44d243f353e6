//! `POST /v2/open`: a file's version and size, and its metadata as far as it is ready.

use std::time::Duration;

use axum::extract::State;
use hdfstream::protocol::{OpenReply, OpenRequest};

use crate::admission::Admitted;
use crate::error::Error;
use crate::leases::{check_access, check_login};
use crate::message::{Message, Reply};
use crate::packs::Prepared;
use crate::state::App;
use crate::store::{ServedFile, View};
use crate::whole;

/// How long the reply waits for metadata to be gathered. What takes longer comes by a trace: a program
/// that wants one object of a million should not wait for them all.
const WAIT: Duration = Duration::from_millis(300);

/// How often a small file that is being written is looked at.
const ATTEMPTS: usize = 3;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<OpenRequest>,
) -> Result<Reply<OpenReply>, Error> {
    if request.write && app.leases().is_none() {
        // Whether it exists or not, lest programs try to create what is missing.
        return Err(Error::ReadOnly(request.path));
    }
    if request.write {
        check_login(&viewer)?;
    }
    let (file, metadata) = app
        .blocking(viewer.clone(), move |view| {
            let write = request.write;
            let (file, metadata) = look(view, request)?;
            if write {
                check_access(&viewer, &file.path)?;
            }
            Ok((file, metadata))
        })
        .await?;
    Ok(Reply(reply(&app, file, metadata).await))
}

/// Tells of a file.
pub(super) async fn reply(app: &App, file: ServedFile, metadata: Metadata) -> OpenReply {
    let unchanged = matches!(metadata, Metadata::Known);
    let Prepared { pack, complete } = match (metadata, app.packs()) {
        (Metadata::Ready(prepared), _) => prepared,
        (Metadata::Wanted, Some(packs)) => packs.open(&file, WAIT).await,
        _ => Prepared::default(),
    };
    OpenReply {
        path: file.name().to_owned(),
        version: file.version,
        size: file.size,
        modified: file.modified,
        unchanged,
        pack,
        complete,
    }
}

/// Opens the file. Blocks.
fn look(view: View<'_>, request: OpenRequest) -> Result<(ServedFile, Metadata), Error> {
    let OpenRequest { path, known, .. } = request;
    let mut attempts = ATTEMPTS;
    loop {
        let file = view.open(&path).map_err(|error| Error::at(&path, error))?;
        attempts -= 1;
        match Metadata::of(&file, known.as_deref()) {
            // Written just now; the next look may find it at rest.
            Err(Error::Changed(_)) if attempts > 0 => {}
            Err(Error::Changed(_)) => return Ok((file, Metadata::Absent)),
            metadata => return Ok((file, metadata?)),
        }
    }
}

/// How the client gets a file's metadata.
pub(super) enum Metadata {
    /// It has it.
    Known,
    /// Here it is.
    Ready(Prepared),
    /// A worker has to look.
    Wanted,
    /// Not at all: it is no HDF5 file, or never at rest.
    Absent,
}

impl Metadata {
    pub(super) fn of(file: &ServedFile, known: Option<&str>) -> Result<Self, Error> {
        Ok(if known == Some(&file.version) {
            Self::Known
        } else if file.size <= whole::WHOLE {
            Self::Ready(Prepared {
                pack: whole::pack(file)?,
                complete: true,
            })
        } else if file.is_hdf5() {
            Self::Wanted
        } else {
            Self::Absent
        })
    }
}
