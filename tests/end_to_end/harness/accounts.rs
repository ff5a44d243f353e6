//! Accounts of a server, made with the server's own commands.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Program, Server, built};

/// A users file and a configuration that names it, in a directory of their own.
#[derive(Debug)]
pub(crate) struct Accounts {
    directory: tempfile::TempDir,
}

impl Accounts {
    /// `rules` are lines of the server's configuration, such as `[directories.private]`.
    pub(crate) fn new(rules: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let accounts = Self { directory };
        let text = format!("users = {:?}\n{rules}", accounts.users().display().to_string());
        std::fs::write(accounts.configuration(), text).expect("a file");
        accounts
    }

    /// The users file.
    pub(crate) fn users(&self) -> PathBuf {
        self.directory.path().join("users.toml")
    }

    /// The server's configuration.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.directory.path().join("server.toml")
    }

    /// `hdfstream-server user add`, with the password on its input.
    pub(crate) fn add(&self, user: &str, password: &str, roles: &[&str]) {
        let roles = roles.iter().flat_map(|role| ["--role", role]);
        let mut child = Command::new(built::server())
            .args(["user", "add", user, "--users"])
            .arg(self.users())
            .args(roles)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the server program");
        let mut input = child.stdin.take().expect("a pipe");
        writeln!(input, "{password}").expect("the password is taken");
        drop(input);
        assert!(child.wait().expect("an end").success(), "no account for {user}");
    }

    /// Another command of the server program, about this users file.
    pub(crate) fn administer(&self, arguments: &[&str]) -> Program {
        Program::new(built::server())
            .args(arguments)
            .arg("--users")
            .arg(self.users())
    }

    /// A token that lives for a day.
    pub(crate) fn token(&self, user: &str) -> String {
        let token = self.administer(&["token", user, "--days", "1"]).output();
        token.trim().to_owned()
    }

    /// Serves `root` with these accounts and further options.
    pub(crate) fn serve(&self, root: impl AsRef<Path>, options: &[&str]) -> Server {
        let configuration = self.configuration();
        let configuration = configuration.to_str().expect("a path of plain letters");
        Server::with(root, &[&["--config", configuration], options].concat())
    }
}
