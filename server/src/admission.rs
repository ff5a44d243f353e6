//! The gate before every request: who asks, whether they have had enough, and whether there is room.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use crate::access::Viewer;
use crate::accounts::Login;
use crate::client::{self, Peer};
use crate::error::Error;
use crate::limits::{self, Owner};
use crate::state::App;

/// The gate of one part of the URL map.
#[derive(Clone)]
pub(crate) struct Gate {
    app: App,
    /// How a refusal is put there.
    refuse: fn(Error) -> Response,
}

impl Gate {
    pub(crate) fn new(app: &App, refuse: fn(Error) -> Response) -> Self {
        Self {
            app: app.clone(),
            refuse,
        }
    }
}

/// Lets a request pass as somebody's.
pub(crate) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    admit(&gate.app, request, next).await.unwrap_or_else(gate.refuse)
}

async fn admit(app: &App, mut request: Request, next: Next) -> Result<Response, Error> {
    let begin = Instant::now();
    // Requests that come by no connection are those of this very process.
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0);
    let client = client::client(peer, request.headers(), app.proxies());
    let login = match app.accounts() {
        Some(accounts) => accounts.login(request.headers(), client).await?,
        None => None,
    };
    // Nothing behind this needs it.
    request.headers_mut().remove(header::AUTHORIZATION);
    let rules = Arc::clone(app.rules());
    let viewer = match &login {
        Some(Login { user, roles, .. }) => Viewer::user(rules, Arc::clone(user), Arc::clone(roles)),
        None => Viewer::anonymous(rules),
    };
    let owner = match &login {
        Some(login) => Owner::User(Arc::clone(&login.user)),
        None => Owner::Machine(client),
    };
    request.extensions_mut().insert(Admitted { viewer, login });
    let Some(shares) = app.shares() else {
        return limits::admit(app, request, next).await;
    };
    let account = shares.begin(owner).map_err(|wait| Error::TooMany {
        text: "you have used up your share of this server for now; come back later".to_owned(),
        wait,
    })?;
    let answer = limits::admit(app, request, next).await?;
    Ok(account.charge_answer(begin, answer))
}

/// For whom a request that passed the gate is answered.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) viewer: Viewer,
    pub(crate) login: Option<Login>,
}

impl<S: Sync> FromRequestParts<S> for Admitted {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        // Only a route outside of the gate gets here, which would be a mistake of the URL map.
        let missing = || Error::Internal("a request came past the gate".to_owned());
        parts.extensions.get().cloned().ok_or_else(missing)
    }
}
