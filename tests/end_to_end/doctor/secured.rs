//! Servers with certificates and accounts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{about, doctor, findings};
use crate::harness::{Accounts, Program, Server};

#[test]
fn a_certificate_that_has_expired() {
    let folder = tempfile::tempdir().expect("a directory");
    let (certificate, key) = expired(folder.path());
    let server = Server::with(folder.path(), &["--tls-cert", &certificate, "--tls-key", &key]);
    let subject = format!("server {}", server.base());
    let program = doctor().arg(server.base());
    let all = findings(&program.clone().env("HDFSTREAM_CA", &certificate));
    about(&all, &subject).says("fail", &["expired", "needs a new certificate"], "");
    // Without the authority it is not even that far.
    about(&findings(&program), &subject).says("fail", &["certificate"], "");
}

/// A certificate of the year 2020, which is its own authority, and its key.
fn expired(folder: &Path) -> (String, String) {
    let configuration = "[ca]\ndefault_ca = us\n[us]\ndatabase = index\nserial = serial\nnew_certs_dir = .\n\
                         default_md = sha256\npolicy = names\nx509_extensions = extensions\n\
                         [names]\ncommonName = supplied\n\
                         [extensions]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n\
                         [req]\ndistinguished_name = nobody\n[nobody]\n";
    for (name, text) in [
        ("configuration", configuration),
        ("index", ""),
        ("serial", "01\n"),
    ] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let openssl = || Program::new("/usr/bin/openssl").directory(folder);
    openssl()
        .args([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-subj",
            "/CN=test",
            "-config",
            "configuration",
            "-keyout",
            "a.key",
            "-out",
            "a.csr",
        ])
        .run()
        .success();
    openssl()
        .args([
            "ca",
            "-batch",
            "-selfsign",
            "-notext",
            "-config",
            "configuration",
            "-keyfile",
            "a.key",
        ])
        .args(["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"])
        .args(["-in", "a.csr", "-out", "a.pem"])
        .run()
        .success();
    let shown = |name: &str| folder.join(name).display().to_string();
    (shown("a.pem"), shown("a.key"))
}

#[test]
fn a_password_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a directory");
    let accounts = Accounts::new("anonymous = false\n");
    accounts.add("joe", "right", &[]);
    let server = accounts.serve(folder.path(), &[]);
    let subject = format!("server {}", server.base());
    let login = format!("login {}", server.base());
    let program = doctor().arg(server.base());
    let with = |password: &str| {
        let program = program.clone().env("HDFSTREAM_USER", "joe");
        findings(&program.env("HDFSTREAM_PASSWORD", password))
    };
    about(&with("right"), &subject).says("ok", &["as joe", "environment"], "");
    let all = with("wrong");
    about(&all, &subject).says("fail", &["login"], &login);
    about(&all, &subject).says("fail", &[], "unset HDFSTREAM_USER HDFSTREAM_PASSWORD");
    about(&findings(&program), &subject).says("fail", &["login"], &login);
    // From netrc it is told where it stands.
    let netrc = folder.path().join("netrc");
    std::fs::write(&netrc, "machine 127.0.0.1 login joe password wrong\n").expect("a file");
    std::fs::set_permissions(&netrc, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    let all = findings(&program.env("NETRC", &netrc));
    about(&all, &subject).says("fail", &["netrc"], "NETRC");
}
