//! Protocol v1, which existing clients speak: objects of HDF5 files instead of their bytes.
//!
//! What is in a file is found out by workers, a piece of the reply at a time and never before the client has
//! taken the one before; so a slow client keeps no worker, and no reply has to fit into memory.

mod archive;
mod listing;
mod path;
mod refusal;
mod reply;
mod request;
mod selection;
mod stream;
mod told;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use hdfstream::protocol::{MAX_REQUEST_BYTES, MSGPACK};
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admission::{self, Admitted, Gate};
use crate::error::Error;
use crate::limits;
use crate::state::App;
use crate::store::{File, ServedFile, StoreError, Tree};
use crate::telemetry::Journal;
use refusal::Refusal;
use request::{MAX_NAME, Parameters};
use told::Told;

pub(crate) use archive::{attachment, directory as archive};

/// Longest body: so many blocks as are allowed, each with a start and a count of nine bytes.
const MAX_BODY: usize = 303 << 20;

/// The URL map below the base.
pub(crate) fn router(app: &App) -> Router<App> {
    let answer = get(answer).post(answer).fallback(method);
    Router::new()
        .route("/msgpack", answer.clone())
        .route("/msgpack/", answer.clone())
        .route("/msgpack/{*path}", answer)
        .layer(Extension(Large(Arc::new(Semaphore::new(1)))))
        .layer(Extension(reply::Sources::default()))
        .layer(Extension(Told::default()))
        .layer(middleware::from_fn_with_state(
            Gate::new(app, refusal::respond),
            admission::pass,
        ))
}

/// The one place for a request whose body and what is made of it take hundreds of MiB.
#[derive(Clone)]
struct Large(Arc<Semaphore>);

async fn method(method: Method) -> Response {
    let text = format!("{method} is not answered here");
    Refusal::Said(StatusCode::METHOD_NOT_ALLOWED, text).into_response()
}

async fn answer(
    State(app): State<App>,
    admitted: Admitted,
    large: Extension<Large>,
    Extension(sources): Extension<reply::Sources>,
    Extension(told): Extension<Told>,
    journal: Option<Extension<Journal>>,
    request: axum::extract::Request,
) -> Response {
    let (
        Parts {
            method, uri, headers, ..
        },
        body,
    ) = request.into_parts();
    let journal = journal.map(|journal| journal.0).unwrap_or_default();
    let request = Request {
        app,
        admitted,
        told,
        journal,
        sources,
    };
    let parameters = match method {
        Method::POST => large.collect(body).await.and_then(|(body, place)| {
            let parameters = Parameters::of_body(&headers, &body)?;
            Ok((parameters, place))
        }),
        _ => Parameters::of_query(uri.query()).map(|parameters| (parameters, None)),
    };
    let answered = match parameters {
        Ok((parameters, place)) => request.answer(&uri, parameters, place).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

impl Large {
    /// The body of a request. One that is larger than those of other endpoints waits for its place, which
    /// it keeps as long as what is made of it is needed.
    async fn collect(&self, body: Body) -> Result<(bytes::Bytes, Option<OwnedSemaphorePermit>), Refusal> {
        let announced = body.size_hint().upper().unwrap_or(0);
        if announced <= MAX_REQUEST_BYTES as u64 {
            return Ok((limits::collect(body).await?, None));
        }
        let busy = |_| Refusal::Other(Error::Busy("another large request is being worked on".to_owned()));
        let place = Arc::clone(&self.0).try_acquire_owned().map_err(busy)?;
        Ok((limits::collect_up_to(body, MAX_BODY).await?, Some(place)))
    }
}

struct Request {
    app: App,
    admitted: Admitted,
    told: Told,
    journal: Journal,
    sources: reply::Sources,
}

/// What is at a path.
enum There {
    Directory(Tree),
    File(ServedFile, File),
}

impl Request {
    async fn answer(
        self,
        uri: &Uri,
        parameters: Parameters,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Response, Refusal> {
        let shown = path::shown(uri, "/msgpack");
        if shown.len() > MAX_NAME {
            return Err(Refusal::bad("Path is too long"));
        }
        let name = path::below(uri, "/msgpack").ok_or_else(|| Refusal::no_path(&shown))?;
        self.journal.path(&name);
        match (self.look(name, parameters.max_depth()).await?, parameters) {
            (There::Directory(tree), _) => Ok(whole(listing::directory(&tree))),
            (There::File(_, shown), Parameters { object: None, .. }) => Ok(whole(listing::file(&shown))),
            (There::File(file, _), parameters) => {
                let workers = self.app.workers().ok_or_else(|| {
                    Refusal::Other(Error::Internal(
                        "this server looks into no files: it was started with --workers 0".to_owned(),
                    ))
                })?;
                let subject = reply::Subject {
                    workers: workers.clone(),
                    buffers: self.app.buffers(),
                    sources: self.sources,
                    file,
                    told: self.told,
                };
                let scope = parameters.scope();
                let object = parameters.object.unwrap_or_default();
                match parameters.slice {
                    Some(blocks) => reply::slices(subject, &object, blocks, place).await,
                    None => reply::object(subject, &object, scope).await,
                }
            }
        }
    }

    async fn look(&self, name: String, depth: u32) -> Result<There, Refusal> {
        let found = self
            .app
            .blocking(self.admitted.viewer.clone(), move |view| {
                let opened = match name.as_str() {
                    "" => Err(StoreError::Directory),
                    name => view.open(name),
                };
                Ok(match opened {
                    Ok(file) => {
                        let shown = file.shown();
                        Ok(There::File(file, shown))
                    }
                    Err(StoreError::Directory) => view.tree(&name, depth).map(There::Directory),
                    Err(error) => Err(error),
                }
                .map_err(|error| (name, error)))
            })
            .await?;
        found.map_err(|(name, error)| match error {
            StoreError::Missing | StoreError::Outside | StoreError::NotDirectory | StoreError::Special => {
                Refusal::no_path(&name)
            }
            other => Refusal::Other(Error::at(&name, other)),
        })
    }
}

/// A reply that is at hand.
fn whole(body: Vec<u8>) -> Response {
    typed(Body::from(body))
}

fn typed(body: Body) -> Response {
    let media = HeaderValue::from_static(MSGPACK);
    ([(header::CONTENT_TYPE, media)], body).into_response()
}
