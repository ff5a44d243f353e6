//! Servers that are down, silent, foreign, or that live in another time.

use super::responder::{answering, capabilities, silent};
use super::{about, doctor, findings, settings};
use crate::harness::Server;

#[test]
fn a_server_that_is_down() {
    let folder = tempfile::tempdir().expect("a directory");
    let mut server = Server::over(folder.path());
    let config = settings(&format!(
        "aliases:\n  here: {{url: '{}'}}\nmounts:\n  /nonexistent/here: here\n",
        server.base()
    ));
    let program = doctor()
        .env("HDFSTREAM_CONFIG", config.path().join("config.yml"))
        .args(["here:a.h5", "here"]);
    let subject = format!("server here ({})", server.base());
    about(&findings(&program), &subject).says("ok", &["answers in", "without a login"], "");
    server.kill();
    let all = findings(&program);
    about(&all, &subject).says("fail", &["refused the connection"], "");
    // It is said once.
    assert_eq!(all.iter().filter(|it| it.level == "fail").count(), 1, "{all:#?}");
}

#[test]
fn a_clock_that_is_wrong() {
    for (ahead, word) in [(3600, "ahead of"), (-3600, "behind")] {
        let base = format!("http://{}/hdfstream", answering(capabilities(ahead)));
        let all = findings(&doctor().arg(&base));
        let of_server: Vec<_> = all
            .iter()
            .filter(|it| it.subject == format!("server {base}"))
            .collect();
        assert_eq!(of_server.len(), 2, "{all:#?}");
        of_server[0].says("ok", &["answers in"], "");
        of_server[1].says("warn", &["clock", word], "set-ntp");
    }
    let base = format!("http://{}/hdfstream", answering(capabilities(5)));
    about(&findings(&doctor().arg(&base)), &format!("server {base}")).says("ok", &["answers"], "");
}

#[test]
fn whatever_else_may_answer() {
    let not_ours = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let moved = b"HTTP/1.1 301 Moved\r\nlocation: https://else.invalid/\r\ncontent-length: 0\r\n\
                  connection: close\r\n\r\n";
    for (address, word) in [
        (answering(not_ours.to_vec()), "not as an hdfstream server"),
        (answering(moved.to_vec()), "else.invalid"),
        (answering(b"SSH-2.0-OpenSSH\r\n".to_vec()), "makes no sense"),
        (answering(Vec::new()), "cut"),
        (silent(), "did not answer within 1 s"),
    ] {
        let base = format!("http://{address}/hdfstream");
        let program = doctor().env("HDFSTREAM_READ_TIMEOUT", "1").arg(&base);
        about(&findings(&program), &format!("server {base}")).says("fail", &[word], "");
    }
    let base = "http://no-such-host.invalid/hdfstream";
    let all = findings(&doctor().arg(base));
    about(&all, &format!("server {base}")).says("fail", &["no host named no-such-host.invalid"], "");
}
