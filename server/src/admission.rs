//! The gate before every request: who asks, whether they have had enough, and whether there is room.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use tokio::time::{Instant, timeout};

use crate::access::Viewer;
use crate::accounts::Login;
use crate::client::{self, Peer};
use crate::error::Error;
use crate::limits::{self, Account, Owner};
use crate::state::App;

/// How much of a refused request is read, and for how long.
const DRAIN_BYTES: usize = 64 << 10;
const DRAIN_TIME: Duration = Duration::from_secs(1);

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
pub(crate) async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let account = match admit(&gate.app, &mut request).await {
        Ok(account) => account,
        Err(error) => {
            drain(request.into_body()).await;
            return (gate.refuse)(error);
        }
    };
    match (limits::admit(&gate.app, request, next).await, account) {
        (Ok(answer), Some(account)) => account.charge_answer(begin, answer),
        (Ok(answer), None) => answer,
        (Err(error), _) => (gate.refuse)(error),
    }
}

/// Finds out whose a request is, and takes it from their share, if that is counted.
async fn admit(app: &App, request: &mut Request) -> Result<Option<Account>, Error> {
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
        None if app.accounts().is_none() => Viewer::anybody(),
        None => Viewer::anonymous(rules),
    };
    let owner = match &login {
        Some(login) => Owner::User(Arc::clone(&login.user)),
        None => Owner::Machine(client),
    };
    request.extensions_mut().insert(Admitted {
        viewer,
        login,
        owner: owner.clone(),
    });
    let account = app.shares().map(|shares| shares.begin(owner)).transpose();
    account.map_err(|wait| Error::TooMany {
        text: "you have used up your share of this server for now; come back later".to_owned(),
        wait,
    })
}

/// Takes what a refused client is sending anyway: over HTTP/2 an answer that comes before is a failure to
/// some clients.
async fn drain(body: Body) {
    // A client that sends more, or slowly, has to cope.
    let _ = timeout(DRAIN_TIME, Limited::new(body, DRAIN_BYTES).collect()).await;
}

/// For whom a request that passed the gate is answered.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) viewer: Viewer,
    pub(crate) login: Option<Login>,
    /// Whose share of the server's means is used.
    pub(crate) owner: Owner,
}

impl<S: Sync> FromRequestParts<S> for Admitted {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        // Only a route outside of the gate gets here, which would be a mistake of the URL map.
        let missing = || Error::Internal("a request came past the gate".to_owned());
        parts.extensions.get().cloned().ok_or_else(missing)
    }
}
