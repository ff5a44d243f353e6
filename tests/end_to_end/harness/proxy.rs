//! A TCP proxy that behaves like a long line, or like a broken one.
//!
//! Delay is per direction and pipelined: any number of bytes may be on the way at once, as on a real
//! line, and none is held back longer than the delay. Establishing a connection costs a round trip too,
//! although the kernel on loopback does it in no time.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::{Duration, Instant};

/// What goes wrong with replies from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// After so many more bytes of replies every connection is closed, and new ones as well.
    Cut { after: u64 },
    /// After so many more bytes of replies the connection is closed; then all is well again.
    CutOnce { after: u64 },
    /// After so many more bytes of replies nothing arrives any more, but connections stay open.
    Stall { after: u64 },
    /// Every connection is answered with these bytes and closed; the server sees nothing of it.
    Answer(Vec<u8>),
}

/// A running proxy; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    upstream: SocketAddr,
    one_way: Mutex<Duration>,
    fault: Mutex<Fault>,
    /// Bytes of replies since the fault was set.
    replied: AtomicU64,
    /// Pieces of requests that have passed.
    asked: AtomicU64,
    connections: AtomicU64,
    closed: AtomicBool,
}

/// A piece on its way, and when it may arrive.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
}

impl Proxy {
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let line = Arc::new(Line {
            upstream,
            one_way: Mutex::new(Duration::ZERO),
            fault: Mutex::new(Fault::None),
            replied: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&line);
        std::thread::spawn(move || accepting.accept(&listener));
        Self { address, line }
    }

    /// URL of a file, by way of the proxy.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/hdfstream/{path}", self.address)
    }

    /// Sets the time that a byte takes in each direction: half of the round trip.
    pub(crate) fn set_one_way(&self, delay: Duration) {
        *hold(&self.line.one_way) = delay;
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        let mut held = hold(&self.line.fault);
        self.line.replied.store(0, Ordering::SeqCst);
        *held = fault;
    }

    /// Bytes of replies that have passed since the last [`Proxy::set_fault`].
    pub(crate) fn replied(&self) -> u64 {
        self.line.replied.load(Ordering::SeqCst)
    }

    /// Pieces of requests that have passed so far, each about a request or a part of a large one.
    pub(crate) fn asked(&self) -> u64 {
        self.line.asked.load(Ordering::SeqCst)
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> u64 {
        self.line.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.closed.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

/// What a fault does to a piece of a reply.
enum Verdict {
    Pass(usize),
    PassAndCut(usize),
    Stall(usize),
}

impl Line {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            self.connections.fetch_add(1, Ordering::SeqCst);
            let line = Arc::clone(self);
            std::thread::spawn(move || line.serve(client));
        }
    }

    fn serve(self: Arc<Self>, mut client: TcpStream) {
        let answer = match &*hold(&self.fault) {
            Fault::Answer(bytes) => Some(bytes.clone()),
            _ => None,
        };
        if let Some(bytes) = answer {
            // Take the request first: a reply before it would be reset.
            let _ = client.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = client.read(&mut [0; 65536]);
            let _ = client.write_all(&bytes);
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
        let Ok(server) = TcpStream::connect(self.upstream) else {
            // The server is down: a real line would have refused the connection.
            let _ = client.shutdown(Shutdown::Both);
            return;
        };
        // Small packets must not wait for each other: the delay is ours alone.
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let handshake = Instant::now() + *hold(&self.one_way) * 2;
        let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
            return;
        };
        let line = Arc::clone(&self);
        std::thread::spawn(move || line.forward(from_client, to_server, Some(handshake)));
        self.forward(server, client, None);
    }

    /// Moves bytes one way until either end closes. `handshake` is when a client on a real line could
    /// have begun to send; it is absent for replies, which alone suffer faults.
    fn forward(self: Arc<Self>, mut from: TcpStream, to: TcpStream, handshake: Option<Instant>) {
        let (sender, receiver) = mpsc::channel::<Piece>();
        let Ok(writer) = to.try_clone() else { return };
        let delivery = std::thread::spawn(move || deliver(&receiver, writer));
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            let verdict = if handshake.is_some() {
                self.asked.fetch_add(1, Ordering::SeqCst);
                Verdict::Pass(count)
            } else {
                self.judge(count)
            };
            let (Verdict::Pass(kept) | Verdict::PassAndCut(kept) | Verdict::Stall(kept)) = verdict;
            let sent = Instant::now().max(handshake.unwrap_or_else(Instant::now));
            let piece = Piece {
                due: sent + *hold(&self.one_way),
                bytes: buffer[..kept].to_vec(),
            };
            if sender.send(piece).is_err() {
                break;
            }
            match verdict {
                Verdict::Pass(_) => {}
                Verdict::PassAndCut(_) => break,
                Verdict::Stall(_) => self.wait_for_close(),
            }
        }
        drop(sender);
        // A writer that panicked has nothing left to deliver.
        let _ = delivery.join();
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    fn judge(&self, count: usize) -> Verdict {
        let mut fault = hold(&self.fault);
        let before = self.replied.fetch_add(count as u64, Ordering::SeqCst);
        let kept = |after: u64| usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX);
        match *fault {
            Fault::None | Fault::Answer(_) => Verdict::Pass(count),
            Fault::Cut { after } if kept(after) <= count => Verdict::PassAndCut(kept(after)),
            Fault::CutOnce { after } if kept(after) <= count => {
                *fault = Fault::None;
                Verdict::PassAndCut(kept(after))
            }
            Fault::Stall { after } if kept(after) <= count => Verdict::Stall(kept(after)),
            Fault::Cut { .. } | Fault::CutOnce { .. } | Fault::Stall { .. } => Verdict::Pass(count),
        }
    }

    fn wait_for_close(&self) {
        while !self.closed.load(Ordering::SeqCst) && matches!(*hold(&self.fault), Fault::Stall { .. }) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn deliver(pieces: &mpsc::Receiver<Piece>, mut to: TcpStream) {
    for piece in pieces {
        std::thread::sleep(piece.due.saturating_duration_since(Instant::now()));
        if to.write_all(&piece.bytes).is_err() {
            return;
        }
    }
}

/// A mutex whose holder panicked guards nothing that could be half done here.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
