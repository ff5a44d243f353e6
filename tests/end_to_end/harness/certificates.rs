//! Certificates, made by openssl.

use std::path::{Path, PathBuf};

use super::Program;

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pair {
    fn new(folder: &Path, name: &str, ending: &str) -> Self {
        Self {
            certificate: folder.join(format!("{name}.{ending}")),
            key: folder.join(format!("{name}.key")),
        }
    }

    /// Options of our server.
    pub(crate) fn options(&self) -> [String; 4] {
        let shown = |path: &Path| path.display().to_string();
        let (certificate, key) = (shown(&self.certificate), shown(&self.key));
        ["--tls-cert".to_owned(), certificate, "--tls-key".to_owned(), key]
    }
}

/// A new key, and a certificate or a request for one.
fn made(key: &Path, name: &str, out: &Path) -> Program {
    Program::new("/usr/bin/openssl")
        .args([
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-subj", &format!("/CN={name}")])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(out)
}

/// An authority.
pub(crate) fn authority(folder: &Path, name: &str) -> Pair {
    let pair = Pair::new(folder, name, "pem");
    let made = made(&pair.key, name, &pair.certificate);
    made.args(["-x509", "-days", "30"]).run().success();
    pair
}

/// A server's certificate that is its own authority.
pub(crate) fn by_itself(folder: &Path, name: &str) -> Pair {
    let pair = Pair::new(folder, name, "pem");
    made(&pair.key, name, &pair.certificate)
        .args(["-x509", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .run()
        .success();
    pair
}

/// A certificate by `authority`, for this machine and for so many days: -1 for one that has expired.
pub(crate) fn by(authority: &Pair, folder: &Path, name: &str, days: &str) -> Pair {
    let pair = Pair::new(folder, name, "crt");
    let (request, extensions) = (folder.join(format!("{name}.csr")), folder.join("extensions"));
    made(&pair.key, name, &request).run().success();
    let text = "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n";
    std::fs::write(&extensions, text).expect("a file");
    Program::new("/usr/bin/openssl")
        .args(["x509", "-req", "-CAcreateserial", "-days", days, "-in"])
        .arg(request)
        .arg("-CA")
        .arg(&authority.certificate)
        .arg("-CAkey")
        .arg(&authority.key)
        .arg("-extfile")
        .arg(extensions)
        .arg("-out")
        .arg(&pair.certificate)
        .run()
        .success();
    pair
}
