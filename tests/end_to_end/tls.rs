//! The server speaks TLS by itself, and takes new certificates while it runs.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::certificates::{self, Pair};
use crate::harness::corpus;
use crate::harness::{Plugin, Program, Server, Service, built, python};

/// A directory with a file to serve in `root`, and certificates.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("root");
        std::fs::create_dir(&root).expect("a directory");
        corpus::write_with("import write_files; write_files.small('small.h5', 5)", &root);
        Self(directory)
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    fn pair(&self, name: &str) -> Pair {
        certificates::by_itself(self.0.path(), name)
    }

    fn serve(&self, pair: &Pair, options: &[&str]) -> Server {
        let tls = pair.options();
        let tls = tls.each_ref().map(String::as_str);
        Server::with(self.root(), &[&tls, options].concat())
    }
}

/// Puts a pair in the place of another, certificate first.
fn replace(other: &Pair, pair: &Pair) {
    std::fs::copy(&pair.certificate, &other.certificate).expect("a copy");
    std::fs::copy(&pair.key, &other.key).expect("a copy");
}

/// The version of HTTP and the status, when the server's certificate is this one.
fn curl(server: &Server, pair: &Pair, version: &str) -> Program {
    Program::new("/usr/bin/curl")
        .args([
            "-sS",
            "--max-time",
            "20",
            "-o",
            "/dev/null",
            "-w",
            "%{http_version} %{http_code}",
            version,
        ])
        .arg("--cacert")
        .arg(&pair.certificate)
        .arg(server.url("download/small.h5"))
}

#[test]
fn programs_read_over_tls() {
    let scene = Scene::new();
    let pair = scene.pair("server");
    let server = scene.serve(&pair, &[]);
    assert!(
        server.base().starts_with("https://127.0.0.1:"),
        "{}",
        server.base()
    );
    assert_eq!(curl(&server, &pair, "--http1.1").output(), "1.1 200");
    assert_eq!(curl(&server, &pair, "--http2").output(), "2 200");
    let script = "import h5py, sys; print(sorted(h5py.File(sys.argv[1])))";
    let read = |name: &str| python(script).arg(name).plugin(Plugin::On);
    let local = read(scene.root().join("small.h5").to_str().expect("plain letters")).output();
    let remote = read(&server.url("small.h5")).env("HDFSTREAM_CA", &pair.certificate);
    assert_eq!(remote.output(), local);
    // Nobody is believed without a certificate that is known.
    let refused = read(&server.url("small.h5")).run().failure();
    assert!(refused.stderr.contains("certificate"), "{refused}");
    let other = scene.pair("other");
    curl(&server, &other, "--http2").run().failure();
}

#[test]
fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let scene = Scene::new();
    let (pair, first, second) = (scene.pair("server"), scene.pair("first"), scene.pair("second"));
    replace(&pair, &first);
    let server = scene.serve(&pair, &[]);
    assert_eq!(curl(&server, &first, "--http2").output(), "2 200");
    replace(&pair, &second);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(curl(&server, &second, "--http2").output(), "2 200");
    curl(&server, &first, "--http2").run().failure();
    // Half of a pair, then nonsense: the last good pair goes on.
    for (path, content) in [
        (&pair.key, std::fs::read(&first.key).expect("a key")),
        (&pair.certificate, b"nonsense".to_vec()),
    ] {
        std::fs::write(path, content).expect("a file");
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(curl(&server, &second, "--http2").output(), "2 200");
    }
    let log = server.log();
    assert!(log.contains("server.key") && log.contains("ERROR"), "{log}");
    replace(&pair, &first);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(curl(&server, &first, "--http2").output(), "2 200");
}

#[test]
fn clients_that_do_not_shake_hands_hold_nobody_up() {
    let scene = Scene::new();
    let pair = scene.pair("server");
    let server = scene.serve(&pair, &[]);
    let silent: Vec<_> = (0..50)
        .map(|_| TcpStream::connect(server.address()).expect("a connection"))
        .collect();
    assert_eq!(curl(&server, &pair, "--http2").output(), "2 200");
    // Plain HTTP is no TLS.
    let plain = server.base().replace("https", "http");
    Program::new("/usr/bin/curl")
        .args(["-sS", "--max-time", "20", &plain])
        .run()
        .failure();
    assert_eq!(curl(&server, &pair, "--http2").output(), "2 200");
    drop(silent);
}

#[test]
fn tls_needs_a_pair_that_fits_and_then_may_leave_the_machine() {
    let scene = Scene::new();
    let (pair, other) = (scene.pair("server"), scene.pair("other"));
    let start = |certificate: &Path, key: &Path| {
        let program = Program::new(built::server()).args(["--listen", "127.0.0.1:0", "--root"]);
        let program = program.arg(scene.root()).arg("--tls-cert").arg(certificate);
        program.arg("--tls-key").arg(key).run().failure().stderr
    };
    let text = start(&pair.certificate, &other.key);
    assert!(
        text.contains("server.pem") && text.contains("other.key"),
        "{text}"
    );
    let text = start(&scene.0.path().join("none.pem"), &pair.key);
    assert!(
        text.contains("none.pem") && text.contains("No such file"),
        "{text}"
    );
    let text = start(&pair.key, &pair.key);
    assert!(
        text.contains("server.key") && text.contains("certificate"),
        "{text}"
    );
    let exposed = || {
        Program::new(built::server())
            .args(["--listen", "0.0.0.0:0", "--root"])
            .arg(scene.root())
    };
    let text = exposed().run().failure().stderr;
    assert!(
        text.contains("--tls-cert") && text.contains("--insecure-http"),
        "{text}"
    );
    let exposed = exposed().arg("--tls-cert").arg(&pair.certificate);
    let service = Service::start(&exposed.arg("--tls-key").arg(&pair.key));
    assert!(
        service.line().starts_with("listening on https://0.0.0.0:"),
        "{}",
        service.line()
    );
}
