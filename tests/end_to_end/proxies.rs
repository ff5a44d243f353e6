//! The way out to the network: proxies, certificate authorities, certificates of clients.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::{Outcome, Plugin, Program, Server, Service, certificates, corpus, python, python_file};

const PASSWORD: &str = "proxy-secret";

/// A server, and a folder for all that is on the way to it.
struct Scene {
    folder: tempfile::TempDir,
    server: Server,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().expect("a directory");
    let served = folder.path().join("served");
    std::fs::create_dir(&served).expect("a directory");
    corpus::write_with("import write_files; write_files.small('small.h5', 5)", &served);
    let server = Server::over(&served);
    Scene { folder, server }
}

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file's URL by an address that is the machine itself on Linux, but not by a name that says so:
    /// proxies are for servers elsewhere.
    fn elsewhere(&self) -> String {
        self.server.url("small.h5").replace("127.0.0.1", "0.0.0.0")
    }

    /// Opens a file twice, with the settings file of the scene.
    fn open(&self, url: &str) -> Program {
        let script = "import h5py, sys\nfor _ in range(2): print('opened', sorted(h5py.File(sys.argv[1])))";
        let settings = self.path("config.yml");
        if !settings.exists() {
            self.settings("");
        }
        python(script)
            .arg(url)
            .plugin(Plugin::On)
            .env("HDFSTREAM_CONFIG", settings)
            .env("SSL_CERT_FILE", "/nonexistent")
    }

    fn settings(&self, text: &str) {
        std::fs::write(self.path("config.yml"), text).expect("a file");
    }
}

#[track_caller]
fn opens(program: Program) -> Outcome {
    let outcome = program.run().success();
    assert_eq!(outcome.stdout, "opened ['x']\n".repeat(2), "{outcome}");
    assert!(!outcome.stderr.contains("secret"), "{outcome}");
    outcome
}

/// It fails in words that hold all of `said`, and no secret.
#[track_caller]
fn fails(program: Program, said: &[&str]) {
    let outcome = program.run().failure();
    for words in said {
        assert!(outcome.stderr.contains(words), "{words:?} is missing: {outcome}");
    }
    assert!(!outcome.stderr.contains("secret"), "{outcome}");
}

/// A real forward proxy.
struct Forward {
    address: String,
    log: PathBuf,
    _running: crate::harness::Running,
}

impl Forward {
    fn start(scene: &Scene, name: &str, more: &str) -> Self {
        // It cannot choose a port by itself; the one just given back is not given out again so soon.
        let free = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("its address");
        let (settings, log) = (scene.path(name), scene.path(&format!("{name}.log")));
        std::fs::write(&log, "").expect("a file");
        let text = format!(
            "Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nAllow 127.0.0.1\nLogLevel Connect\n\
             LogFile \"{}\"\n{more}\n",
            free.port(),
            log.display()
        );
        std::fs::write(&settings, text).expect("a file");
        let running = Program::new("/usr/bin/tinyproxy")
            .arg("-d")
            .arg("-c")
            .arg(&settings)
            .start();
        let end = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(free).is_err() {
            assert!(Instant::now() < end, "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            address: free.to_string(),
            log,
            _running: running,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that went through it.
    fn requests(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).expect("the log of the proxy");
        log.matches("Request (file descriptor").count()
    }
}

#[test]
fn variables_and_settings_lead_through_a_proxy() {
    let scene = scene();
    let url = scene.elsewhere();
    let proxy = Forward::start(&scene, "proxy", "");
    let mut before = proxy.requests();
    let mut used = || {
        let now = proxy.requests();
        let used = now > before;
        before = now;
        used
    };
    let nowhere = "http://127.0.0.1:9";
    let file = scene.path("config.yml").display().to_string();
    for (settings, variables, through) in [
        ("", vec![], false),
        ("", vec![("http_proxy", proxy.url())], true),
        ("", vec![("HTTP_PROXY", proxy.url())], true),
        ("", vec![("ALL_PROXY", proxy.address.clone())], true),
        ("", vec![("https_proxy", nowhere.to_owned())], false),
        (
            "",
            vec![("http_proxy", proxy.url()), ("HTTP_PROXY", nowhere.to_owned())],
            true,
        ),
        (
            "",
            vec![
                ("http_proxy", nowhere.to_owned()),
                ("NO_PROXY", "x, 0.0.0.0/8".to_owned()),
            ],
            false,
        ),
        // Of a request to a web server that runs us.
        (
            "",
            vec![
                ("HTTP_PROXY", nowhere.to_owned()),
                ("REQUEST_METHOD", "GET".to_owned()),
            ],
            false,
        ),
        (
            "proxy: PROXY",
            vec![("http_proxy", nowhere.to_owned()), ("NO_PROXY", "*".to_owned())],
            true,
        ),
        ("proxy: off", vec![("http_proxy", nowhere.to_owned())], false),
        (
            "proxy: http://127.0.0.1:9",
            vec![("HDFSTREAM_PROXY", proxy.url())],
            true,
        ),
        (
            "servers: {BASE: {proxy: PROXY}}",
            vec![("HDFSTREAM_PROXY", nowhere.to_owned())],
            true,
        ),
        (
            "servers: {BASE: {proxy: off}}",
            vec![("HDFSTREAM_PROXY", nowhere.to_owned())],
            false,
        ),
    ] {
        let base = format!("{:?}", url.trim_end_matches("/small.h5"));
        let address = format!("{:?}", proxy.url());
        std::fs::write(&file, settings.replace("PROXY", &address).replace("BASE", &base)).expect("a file");
        let mut program = scene.open(&url);
        for (name, value) in &variables {
            program = program.env(name, value);
        }
        opens(program);
        assert_eq!(used(), through, "{settings} {variables:?}");
    }
}

#[test]
fn servers_of_this_machine_need_no_proxy_unless_it_is_said_of_them() {
    let scene = scene();
    let url = scene.server.url("small.h5");
    let nowhere = "http://127.0.0.1:9";
    opens(
        scene
            .open(&url)
            .env("http_proxy", nowhere)
            .env("HDFSTREAM_PROXY", nowhere),
    );
    let proxy = Forward::start(&scene, "proxy", "");
    scene.settings(&format!(
        "servers: {{{:?}: {{proxy: {:?}}}}}",
        scene.server.base(),
        proxy.url()
    ));
    opens(scene.open(&url));
    assert!(proxy.requests() > 0);
}

#[test]
fn what_fails_at_the_proxy_is_said_to_be_its_fault() {
    let scene = scene();
    let url = scene.elsewhere();
    scene.certificates();
    let through = |url: &str, proxy: &str| {
        let program = scene.open(url).env("HDFSTREAM_PROXY", proxy);
        program.env("HDFSTREAM_CA", scene.path("ca.pem"))
    };
    let proxy = Forward::start(&scene, "proxy", &format!("BasicAuth joe {PASSWORD}"));
    let at = &proxy.address;
    let secure = url.replace("http:", "https:");
    opens(through(&url, &format!("http://joe:{PASSWORD}@{at}")));
    for url in [&url, &secure] {
        let asks = [
            "the proxy http://127.0.0.1:",
            "(setting proxy)",
            "wants a login of its own",
        ];
        fails(through(url, &format!("http://{at}")), &asks);
        // Right by half.
        fails(through(url, &format!("http://joe:other-secret@{at}")), &asks[..2]);
        fails(
            through(url, "http://joe:secret@127.0.0.1:9"),
            &["proxy http://127.0.0.1:9", "refuses connections"],
        );
        fails(
            through(url, "http://joe:secret@no-such-host.invalid"),
            &["proxy http://no-such-host.invalid"],
        );
        fails(
            through(url, "http://joe:se/cret@proxy"),
            &["is not the address of a proxy"],
        );
    }
    let restricted = Forward::start(&scene, "restricted", "ConnectPort 1");
    fails(
        through(&secure, &restricted.url()),
        &["does not connect to this server"],
    );
}

/// A way to the scene's server through TLS.
impl Scene {
    /// An authority, and certificates by it: `ca.pem`, then for each of these names a file with certificate and key.
    fn certificates(&self) {
        let folder = self.folder.path();
        let [ca, other] = ["ca", "other"].map(|name| certificates::authority(folder, name));
        for (name, authority, days) in [
            ("server", &ca, "30"),
            ("expired", &ca, "-1"),
            ("client", &ca, "30"),
            ("stranger", &other, "30"),
        ] {
            let pair = certificates::by(authority, folder, name, days);
            let text = |path: &Path| std::fs::read_to_string(path).expect("a file of openssl's");
            let both = text(&pair.certificate) + &text(&pair.key);
            std::fs::write(self.path(&format!("{name}.pem")), both).expect("a file");
        }
    }

    fn front(&self, identity: &str, clients: Option<&str>) -> (Service, String) {
        let program = python_file("end_to_end/programs/tls_front.py")
            .arg(self.server.address().port().to_string())
            .arg(self.path(identity))
            .args(clients.map(|clients| self.path(clients)));
        let service = Service::start(&program);
        let url = format!("https://127.0.0.1:{}/hdfstream", service.line());
        (service, url)
    }
}

#[test]
fn certificates_are_checked_against_the_authorities_that_are_set() {
    let scene = scene();
    scene.certificates();
    let (_front, base) = scene.front("server.pem", None);
    let url = format!("{base}/small.h5");
    let ca = scene.path("ca.pem");
    let open = || scene.open(&url);
    fails(open(), &["set HDFSTREAM_CA"]);
    fails(
        open().env("HDFSTREAM_CA", scene.path("other.pem")),
        &["UnknownIssuer", "set HDFSTREAM_CA"],
    );
    opens(open().env("HDFSTREAM_CA", &ca));
    opens(open().env("SSL_CERT_FILE", &ca));
    opens(open().env("REQUESTS_CA_BUNDLE", &ca));
    scene.settings(&format!("servers: {{{base:?}: {{ca: {ca:?}}}}}"));
    opens(open());
    // Beside what holds for all.
    opens(open().env("HDFSTREAM_CA", scene.path("other.pem")));
    scene.settings(&format!("servers: {{'{base}/elsewhere': {{ca: {ca:?}}}}}"));
    fails(open(), &["set HDFSTREAM_CA"]);
    for (file, said) in [
        ("nothing.pem", "No such file"),
        ("extensions", "no certificate in PEM format"),
    ] {
        let said = [file, said, "(setting ca"];
        fails(open().env("HDFSTREAM_CA", scene.path(file)), &said);
        scene.settings(&format!("servers: {{{base:?}: {{ca: {:?}}}}}", scene.path(file)));
        fails(
            open(),
            &[&said[..], &["of the server https://127.0.0.1"]].concat(),
        );
        scene.settings("");
    }
}

#[test]
fn certificates_that_are_not_checked_are_warned_of_once() {
    let scene = scene();
    scene.certificates();
    let (_front, base) = scene.front("stranger.pem", None);
    let (_expired, other) = scene.front("expired.pem", None);
    let url = format!("{base}/small.h5");
    scene.settings(&format!("servers: {{{base:?}: {{verify: false}}}}"));
    let outcome = opens(scene.open(&url));
    let warning = format!(
        "hdfstream: the certificate of {} is not checked (verify: false in {})\n",
        base.trim_end_matches("/hdfstream"),
        scene.path("config.yml").display()
    );
    assert_eq!(outcome.stderr, warning, "{outcome}");
    // Others are checked as ever.
    let other = format!("{other}/small.h5");
    fails(scene.open(&other), &["no certificate authorities"]);
    fails(
        scene.open(&other).env("HDFSTREAM_CA", scene.path("ca.pem")),
        &["Expired", "a new certificate"],
    );
}

#[test]
fn servers_that_ask_for_a_certificate_get_it() {
    let scene = scene();
    scene.certificates();
    let (_front, base) = scene.front("server.pem", Some("ca.pem"));
    let url = format!("{base}/small.h5");
    let at = |name: &str| scene.path(name);
    let open = || scene.open(&url).env("HDFSTREAM_CA", at("ca.pem"));
    let with = |certificate: &str| open().env("HDFSTREAM_CLIENT_CERTIFICATE", at(certificate));
    fails(open(), &["set client_certificate"]);
    fails(with("stranger.pem"), &["check client_certificate"]);
    opens(with("client.pem"));
    opens(with("client.crt").env("HDFSTREAM_CLIENT_KEY", at("client.key")));
    let own = |certificate: &str| {
        format!(
            "servers: {{{base:?}: {{client_certificate: {:?}}}}}",
            at(certificate)
        )
    };
    scene.settings(&own("client.pem"));
    opens(open());
    // What is said of a server counts before what holds for all.
    opens(with("stranger.pem"));
    scene.settings("");
    for (certificate, key, said) in [
        (
            "nothing.pem",
            None,
            ["nothing.pem", "No such file", "(setting client_certificate)"],
        ),
        (
            "client.crt",
            None,
            ["client.crt", "no private key", "(setting client_certificate)"],
        ),
        (
            "extensions",
            None,
            ["extensions", "no certificate", "(setting client_certificate)"],
        ),
        (
            "client.crt",
            Some("server.key"),
            [
                "server.key",
                "not that of the certificate",
                "(setting client_key)",
            ],
        ),
        (
            "client.crt",
            Some("nothing.key"),
            ["nothing.key", "No such file", "(setting client_key)"],
        ),
    ] {
        let program = with(certificate);
        fails(
            key.map_or(program.clone(), |key| {
                program.env("HDFSTREAM_CLIENT_KEY", at(key))
            }),
            &said,
        );
    }
}

#[test]
fn encrypted_connections_go_through_proxies_as_they_are() {
    let scene = scene();
    scene.certificates();
    let (_front, base) = scene.front("server.pem", None);
    let proxy = Forward::start(&scene, "proxy", &format!("BasicAuth joe {PASSWORD}"));
    scene.settings(&format!(
        "servers: {{{base:?}: {{proxy: 'http://joe:{PASSWORD}@{}', ca: {:?}}}}}",
        proxy.address,
        scene.path("ca.pem")
    ));
    opens(scene.open(&format!("{base}/small.h5")));
    let log = std::fs::read_to_string(&proxy.log).expect("the log of the proxy");
    assert!(
        log.contains("CONNECT 127.0.0.1:") && !log.contains("small.h5"),
        "{log}"
    );
    // The server's certificate is still what is checked.
    scene.settings(&format!(
        "servers: {{{base:?}: {{proxy: 'http://joe:{PASSWORD}@{}'}}}}",
        proxy.address
    ));
    let open = scene
        .open(&format!("{base}/small.h5"))
        .env("HDFSTREAM_CA", scene.path("other.pem"));
    fails(open, &["UnknownIssuer"]);
}
