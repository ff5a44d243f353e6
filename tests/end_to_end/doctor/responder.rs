//! Servers that answer as no good server does: a few bytes over TCP, the same to everybody.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hdfstream::protocol::{self, Capabilities};

/// Answers every request with `answer`, until the test program ends.
pub(super) fn answering(answer: Vec<u8>) -> SocketAddr {
    let answer = Arc::new(answer);
    serve(move |stream| {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        // Requests are read as a whole: closing with unread bytes would cut the answer.
        let mut length = 0;
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        let mut body = vec![0; length];
        // A client that goes away is not the test's concern, here and below.
        let _ = reader.read_exact(&mut body);
        let _ = reader.get_mut().write_all(&answer);
    })
}

/// Takes connections and never says anything.
pub(super) fn silent() -> SocketAddr {
    serve(|mut stream| {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
    })
}

fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = Arc::clone(&each);
            std::thread::spawn(move || each(stream));
        }
    });
    address
}

/// What a server says of itself whose clock is `ahead` seconds ahead.
pub(super) fn capabilities(ahead: i64) -> Vec<u8> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970");
    let body = protocol::encode(&Capabilities {
        protocol: protocol::VERSION,
        server: "test/1".to_owned(),
        writable: false,
        max_read_bytes: 1,
        max_runs: 1,
        user: None,
        time: Some(now.as_secs().cast_signed() + ahead),
    })
    .expect("a reply");
    let head = format!(
        "HTTP/1.1 200 OK\r\nhdfstream-protocol: 2\r\ncontent-type: application/x-msgpack\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
