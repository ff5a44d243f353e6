//! Sockets: listen, accept within limits, and end in order.

mod watch;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::client::Peer;
use crate::config::Config;
use crate::tls::Tls;
use watch::Watched;

/// How long running requests may take when the server is told to end.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// A connection on which nothing moves for so long is closed: idle ones and those of stuck clients.
/// Longer than HTTP clients usually keep idle connections, so that mostly they close first.
const STILL: Duration = Duration::from_secs(120);
/// The head of a request must arrive within this time, waiting for it included.
const HEAD: Duration = Duration::from_secs(110);
/// Streams in one HTTP/2 connection.
const STREAMS: u32 = 64;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address cannot be used.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// As configured.
        address: String,
        /// The cause.
        source: io::Error,
    },
    /// Plain HTTP would leave this machine.
    #[error(
        "{0} can be reached from other machines, and plain HTTP shows everything to anybody on the way; \
         give a certificate (--tls-cert, --tls-key), listen on 127.0.0.1 behind a proxy with TLS, or say \
         --insecure-http"
    )]
    Insecure(SocketAddr),
}

/// Binds the configured address.
///
/// # Errors
/// See [`ListenError`].
pub async fn listen(config: &Config) -> Result<TcpListener, ListenError> {
    let failed = |source| ListenError::Address {
        address: config.listen.clone(),
        source,
    };
    let addresses: Vec<SocketAddr> = lookup_host(&config.listen).await.map_err(failed)?.collect();
    let exposed = addresses.iter().find(|address| !address.ip().is_loopback());
    match exposed {
        Some(address) if !config.insecure_http && config.tls.is_none() => {
            Err(ListenError::Insecure(*address))
        }
        exposed => {
            if exposed.is_some() && config.writable && config.users.is_none() {
                tracing::warn!(
                    "--writable without accounts: whoever reaches this port can change and remove everything"
                );
            }
            TcpListener::bind(&addresses[..]).await.map_err(failed)
        }
    }
}

/// Answers requests, over TLS if there is a certificate, until SIGTERM or SIGINT; then accepts no more, lets running requests finish and
/// returns. A second signal cuts them short.
///
/// # Errors
/// When signals cannot be received.
pub async fn run(
    listener: TcpListener,
    tls: Option<Tls>,
    app: Router,
    max_connections: usize,
) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let connections = Connections::new(app, tls, max_connections);
    tokio::select! {
        () = connections.accept(&listener) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drop(listener);
    tokio::select! {
        () = connections.finish() => {}
        // Told twice.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

struct Connections {
    app: Router,
    tls: Option<Tls>,
    http: Builder<TokioExecutor>,
    ending: GracefulShutdown,
    places: Arc<Semaphore>,
}

impl Connections {
    fn new(app: Router, tls: Option<Tls>, max: usize) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(1 << 20)
            .max_send_buf_size(1 << 20);
        Self {
            app,
            tls,
            http,
            ending: GracefulShutdown::new(),
            places: Arc::new(Semaphore::new(max)),
        }
    }

    async fn accept(&self, listener: &TcpListener) {
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => self.serve(stream, Peer(peer.ip()), place),
                Err(error) => {
                    // Mostly a lack of descriptors: connections that end free some.
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) {
        // Without it small answers may wait for the client's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("no TCP_NODELAY: {error}");
        }
        let stream = Watched::new(stream, STILL);
        let conversation = Conversation {
            app: self.app.clone(),
            http: self.http.clone(),
            ending: self.ending.watcher(),
            peer,
        };
        let tls = self.tls.clone();
        tokio::spawn(async move {
            match tls {
                None => conversation.hold(stream).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => conversation.hold(stream).await,
                    Err(error) => tracing::debug!("no TLS with {}: {error}", peer.0),
                },
            }
            drop(place);
        });
    }

    async fn finish(self) {
        let running = self.ending.count();
        tracing::info!("ending; {running} connections are open");
        if tokio::time::timeout(LAST_REQUESTS, self.ending.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("some requests did not finish in time and are broken off");
        }
    }
}

/// One connection.
struct Conversation {
    app: Router,
    http: Builder<TokioExecutor>,
    ending: Watcher,
    peer: Peer,
}

impl Conversation {
    async fn hold(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let peer = self.peer;
        let app = self
            .app
            .map_request(move |mut request: axum::http::Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            });
        let service = TowerToHyperService::new(app);
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = self.ending.watch(connection.into_owned()).await {
            tracing::debug!("a connection ended: {error}");
        }
    }
}
