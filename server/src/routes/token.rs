//! `POST /v2/token`: a token in exchange for a login.

use axum::extract::State;
use axum::http::{HeaderName, header};
use hdfstream::protocol::{TokenReply, TokenRequest};

use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { login, .. }: Admitted,
    Message(request): Message<TokenRequest>,
) -> Result<([(HeaderName, &'static str); 1], Reply<TokenReply>), Error> {
    let accounts = app.accounts().ok_or_else(|| {
        Error::Invalid("this server has no accounts, so it gives no tokens; none is needed".to_owned())
    })?;
    let login = login.ok_or_else(|| Error::Unauthorized("a token is given for a login".to_owned()))?;
    let (token, expires) = accounts.issue(&login, request.days).await?;
    let reply = TokenReply {
        token,
        expires,
        user: login.user.to_string(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Reply(reply)))
}
