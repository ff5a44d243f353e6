//! Asking a server about a login before it is kept: whether it is good, and for a token in its place.

use super::Credentials;
use crate::protocol::{TokenReply, TokenRequest};
use crate::server::{Server, Target};
use crate::v1::{self, Question};
use crate::{Error, RemoteName, Settings};

/// Asks the server at `base` whether it knows these credentials, and whose they are. A server of the older protocol
/// only tells that they are not wrong.
///
/// # Errors
/// [`Error::Unauthorized`] when it does not; any other of [`Error`]'s about the network and the server.
pub fn verify(
    base: &RemoteName,
    credentials: &Credentials,
    settings: &Settings,
) -> Result<Option<String>, Error> {
    let server = Server::with_login(base, credentials, settings)?;
    let path = path(base);
    let present = match server.capabilities(target(&path, "", &base.url())) {
        Ok(capabilities) => return Ok(capabilities.user),
        Err(error @ Error::NotHdfstream { .. }) => error,
        Err(error) => return Err(error),
    };
    match (v1::ask(&server, &path, "", &Question::default()), credentials) {
        (Ok(_), Credentials::Basic { user, .. }) => Ok(Some(user.clone())),
        (Ok(_), Credentials::Bearer(_)) => Ok(None),
        (Err(Error::NotHdfstream { .. }), _) => Err(present),
        (Err(error), _) => Err(error),
    }
}

/// Asks the server at `base` for a token in place of these credentials, good for `days` days or as long as the
/// server allows. `None` when it gives no tokens.
///
/// # Errors
/// As [`verify`].
pub fn request_token(
    base: &RemoteName,
    credentials: &Credentials,
    days: Option<u32>,
    settings: &Settings,
) -> Result<Option<TokenReply>, Error> {
    let server = Server::with_login(base, credentials, settings)?;
    match server.ask(target(&path(base), "token", &base.url()), &TokenRequest { days }) {
        Ok(reply) => Ok(Some(reply)),
        // Servers without accounts, and those of before tokens, do not know the operation.
        Err(Error::NotFound { .. } | Error::NotHdfstream { .. } | Error::Rejected { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Path of a base URL, escaped.
fn path(base: &RemoteName) -> String {
    base.components()
        .iter()
        .map(|component| format!("/{}", crate::name::escape(component)))
        .collect()
}

fn target<'a>(base: &'a str, operation: &'static str, url: &'a str) -> Target<'a> {
    Target { base, operation, url }
}
