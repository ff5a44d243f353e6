//! Real sockets, and servers that misbehave on them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::protocol::{self, OpenReply};
use crate::{Class, Error, RemoteFile, RemoteName, Secret, Settings};

const SIZE: u64 = 3 << 20;

fn settings() -> Settings {
    Settings {
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(1500),
        cache_dir: crate::settings::CacheDir::Off,
        ..Settings::default()
    }
}

/// A server that answers the requests of its connections, one request at a time, by `script`; the
/// number of the request comes first. Ends a connection when the script says so by `false`.
fn serve(script: impl Fn(usize, &mut TcpStream) -> bool + Send + 'static) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hdfstream/x.h5", listener.local_addr().unwrap());
    let (heads, received) = channel();
    let numbered = Arc::new(Mutex::new((0, script)));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (heads, numbered) = (heads.clone(), Arc::clone(&numbered));
            // A client may keep one connection and come by another.
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(head) = request(&mut reader) {
                    let _ = heads.send(head);
                    let mut numbered = numbered.lock().unwrap();
                    let number = numbered.0;
                    numbered.0 += 1;
                    if !(numbered.1)(number, &mut stream) {
                        break;
                    }
                }
            });
        }
    });
    (url, received)
}

/// Reads one request; returns its head.
fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(head)
}

fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) -> bool {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .is_ok()
}

const OURS: &str = "hdfstream-protocol: 2\r\n";

fn opened(stream: &mut TcpStream) -> bool {
    let body = OpenReply {
        path: "x.h5".to_owned(),
        version: "1".to_owned(),
        size: SIZE,
        modified: 0,
        unchanged: false,
        pack: None,
        complete: false,
    };
    reply(stream, "200 OK", OURS, &protocol::encode(&body).unwrap())
}

fn open(url: &str, settings: &Settings) -> Result<std::sync::Arc<RemoteFile>, Error> {
    RemoteFile::open(&RemoteName::parse(url).unwrap(), settings, false)
}

#[test]
fn a_file_is_read_over_one_kept_connection() {
    let (url, heads) = serve(|number, stream| match number {
        0 => opened(stream),
        _ => reply(stream, "200 OK", OURS, &vec![7; 2 << 20]),
    });
    let mut settings = settings();
    settings.login.token = Some(Secret::new("abc".to_owned()));
    let file = open(&url, &settings).unwrap();
    let mut buffer = vec![0; 2 << 20];
    file.read(Class::Raw, 0, &mut buffer).unwrap();
    assert!(buffer.iter().all(|&byte| byte == 7));
    let heads: Vec<String> = heads.try_iter().collect();
    assert!(
        heads[0].starts_with("POST /hdfstream/v2/open HTTP/1.1"),
        "{}",
        heads[0]
    );
    assert!(heads[1].starts_with("POST /hdfstream/v2/read"), "{}", heads[1]);
    assert!(
        heads
            .iter()
            .all(|head| head.to_ascii_lowercase().contains("authorization: bearer abc"))
    );
}

#[test]
fn unreachable_servers_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = open(&format!("http://{free}/hdfstream/x.h5"), &settings()).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    let error = open("http://no-such-host.invalid/hdfstream/x.h5", &settings()).unwrap_err();
    // Where there is no resolver at all, the wait for one may run out first.
    assert!(
        matches!(error, Error::UnknownHost { .. } | Error::TimedOut { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[test]
fn silence_ends_in_bounded_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let begun = Instant::now();
    let error = open(
        &format!("http://{}/hdfstream/x.h5", silent.local_addr().unwrap()),
        &settings(),
    )
    .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(9));

    let (url, _heads) = serve(|number, stream| match number {
        0 => opened(stream),
        _ => {
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\n{OURS}content-length: 100000\r\n\r\nsome"
            );
            std::thread::sleep(Duration::from_secs(9));
            false
        }
    });
    let file = open(&url, &settings()).unwrap();
    let error = file.read(Class::Raw, 0, &mut vec![0; 1 << 20]).unwrap_err();
    // The length is wrong too, and noticed before anything is waited for.
    assert!(matches!(error, Error::Garbage { .. }), "{error}");
    let (url, _heads) = serve(|number, stream| match number {
        0 => opened(stream),
        _ => {
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\n{OURS}content-length: 1048576\r\n\r\nsome"
            );
            std::thread::sleep(Duration::from_secs(9));
            false
        }
    });
    let file = open(&url, &settings()).unwrap();
    let error = file.read(Class::Raw, 0, &mut vec![0; 1 << 20]).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
}

#[test]
fn a_server_that_dies_in_the_middle_is_a_cut_and_one_that_comes_back_is_none() {
    let half = |stream: &mut TcpStream| {
        let head = format!("HTTP/1.1 200 OK\r\n{OURS}content-length: 1048576\r\n\r\n");
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&vec![7; 1 << 19]));
        false
    };
    let (url, heads) = serve(move |number, stream| match number {
        0 => opened(stream),
        1 => half(stream),
        2 => reply(stream, "200 OK", OURS, &vec![7; 1 << 19]),
        _ => half(stream),
    });
    // Nothing is to be fetched ahead.
    let blind = Settings {
        data_memory: 0,
        ..settings()
    };
    let file = open(&url, &blind).unwrap();
    let mut buffer = vec![0; 1 << 20];
    file.read(Class::Raw, 0, &mut buffer).unwrap();
    assert!(buffer.iter().all(|&byte| byte == 7));
    assert_eq!(heads.try_iter().count(), 3);
    let error = file.read(Class::Raw, 2 << 20, &mut buffer).unwrap_err();
    assert!(
        matches!(error, Error::Cut { .. } | Error::Garbage { .. }),
        "{error}"
    );
}

#[test]
fn what_is_no_hdfstream_server_is_said_to_be_none() {
    let (url, _heads) = serve(|_, stream| reply(stream, "200 OK", "", b"<html>hello</html>"));
    let error = open(&url, &settings()).unwrap_err();
    assert!(
        matches!(error, Error::NotHdfstream { status: 200, .. }),
        "{error}"
    );

    let (url, _heads) = serve(|_, stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n").is_ok());
    let error = open(&url, &settings()).unwrap_err();
    assert!(matches!(error, Error::Garbage { .. }), "{error}");

    let (url, _heads) = serve(|_, stream| reply(stream, "200 OK", OURS, b"\xc1\xc1\xc1"));
    let error = open(&url, &settings()).unwrap_err();
    assert!(matches!(error, Error::Garbage { .. }), "{error}");

    let (url, _heads) = serve(|_, stream| reply(stream, "301 Moved", "location: https://other/\r\n", b""));
    let error = open(&url, &settings()).unwrap_err();
    assert!(matches!(error, Error::Redirected { .. }), "{error}");

    // A plain server that is spoken to in TLS.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = format!("https://{}/hdfstream/x.h5", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in plain.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            reply(&mut stream, "400 Bad Request", "", b"");
        }
    });
    let error = open(&secure, &settings()).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let (url, heads) = serve(|number, stream| match number {
        0 => reply(stream, "503 Busy", "retry-after: 1\r\n", b""),
        _ => opened(stream),
    });
    let begun = Instant::now();
    open(&url, &settings()).unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(heads.try_iter().count(), 2);
}

#[test]
fn the_time_to_come_back_may_be_a_date() {
    use super::retry_after;
    use std::time::SystemTime;
    let date = |time: SystemTime| retry_after(&httpdate::fmt_http_date(time));
    let soon = date(SystemTime::now() + Duration::from_secs(100)).unwrap();
    assert!((90..=100).contains(&soon.as_secs()), "{soon:?}");
    assert_eq!(date(SystemTime::UNIX_EPOCH), Some(Duration::ZERO));
    assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
    assert_eq!(retry_after("later"), None);
}
