//! Directories with roles, as unmodified programs see them.

use crate::harness::corpus;
use crate::harness::{Accounts, Plugin, Server, hdfstream, python};

const PASSWORD: &str = "pw";

struct Scene {
    accounts: Accounts,
    server: Server,
    _directory: tempfile::TempDir,
}

/// Files in `public` and in `private`, which needs the role staff; links of all kinds from the one into
/// the other, and for each of them one like it that leads nowhere.
fn scene() -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["public", "private"] {
        std::fs::create_dir(directory.path().join(name)).expect("a directory");
    }
    corpus::write_with(
        "import h5py, numpy, os, write_files\n\
         write_files.small('private/secret.h5', 7391)\n\
         numpy.full(100, 7391, 'i8').tofile('private/secret.raw')\n\
         with h5py.File('public/links.h5', 'w') as f:\n\
         \x20   for name in ('secret', 'absent'):\n\
         \x20       f['relative-' + name] = h5py.ExternalLink(f'../private/{name}.h5', '/')\n\
         \x20       f['absolute-' + name] = h5py.ExternalLink(f'{os.getcwd()}/private/{name}.h5', '/')\n\
         \x20       f.create_dataset('raw-' + name, (100,), 'i8',\n\
         \x20           external=[(f'../private/{name}.raw', 0, 800)])\n\
         \x20       f.create_dataset('raw-absolute-' + name, (100,), 'i8',\n\
         \x20           external=[(f'{os.getcwd()}/private/{name}.raw', 0, 800)])\n\
         os.symlink('../private/secret.h5', 'public/link-secret.h5')\n\
         os.symlink('../private/absent.h5', 'public/link-absent.h5')\n",
        directory.path(),
    );
    let accounts = Accounts::new("[directories.private]\nread = ['staff']\n");
    accounts.add("ada", PASSWORD, &["staff"]);
    accounts.add("bob", PASSWORD, &[]);
    let server = accounts.serve(directory.path(), &[]);
    Scene {
        accounts,
        server,
        _directory: directory,
    }
}

const OPEN: &str = "import sys, h5py, numpy\n\
    def read(name, what):\n\
    \x20   try:\n\
    \x20       f = h5py.File(name)\n\
    \x20       for part in what: f = f[part]\n\
    \x20       return sorted(f) if isinstance(f, h5py.Group) else numpy.asarray(f).tolist()\n\
    \x20   except Exception as error: return f'{type(error).__name__}: {error}'\n\
    base = sys.argv[1] + '/'\n";

impl Scene {
    fn run(&self, user: Option<&str>, script: &str) -> String {
        let program = python(&format!("{OPEN}{script}"))
            .arg(self.server.base())
            .plugin(Plugin::On);
        let program = match user {
            Some(user) => program
                .env("HDFSTREAM_USER", user)
                .env("HDFSTREAM_PASSWORD", PASSWORD),
            None => program,
        };
        program.output()
    }
}

/// What is read in each of the ways, by the name of what it leads to.
const WAYS: &str = "for what in (sys.argv[2:] or ['secret', 'absent']):\n\
    \x20   for name, parts in [(f'private/{what}.h5', []), (f'public/link-{what}.h5', []),\n\
    \x20           ('public/links.h5', ['relative-' + what]), ('public/links.h5', ['absolute-' + what]),\n\
    \x20           ('public/links.h5', ['raw-' + what]), ('public/links.h5', ['raw-absolute-' + what])]:\n\
    \x20       print(what, '|', repr(read(base + name, parts)).replace(what, 'NAME'))\n";

#[test]
fn what_is_hidden_looks_missing_to_programs() {
    let scene = scene();
    for user in [None, Some("bob")] {
        let told = scene.run(user, WAYS);
        let (secret, absent): (Vec<_>, Vec<_>) = told.lines().partition(|line| line.starts_with("secret"));
        assert_eq!(secret.len(), 6, "{told}");
        for (secret, absent) in secret.iter().zip(&absent) {
            let of = |line: &str| line.split_once(" | ").map(|(_, told)| told.to_owned());
            assert_eq!(of(secret), of(absent), "{user:?}");
        }
        assert!(!told.contains("7391"), "{told}");
        assert!(secret[0].contains("FileNotFoundError"), "{told}");
    }
}

#[test]
fn who_has_the_role_reads_everything() {
    let scene = scene();
    let told = scene.run(Some("ada"), WAYS);
    for line in told.lines().filter(|line| line.starts_with("secret")) {
        assert!(line.contains("| ["), "{told}");
    }
    assert!(told.contains("7391"), "{told}");
}

#[test]
fn listings_show_what_may_be_seen() {
    let scene = scene();
    let list = |path: &str, user: &str| {
        let program = hdfstream().arg("ls").arg(scene.server.url(path));
        let program = match user {
            "" => program,
            user => program.env("HDFSTREAM_TOKEN", scene.accounts.token(user)),
        };
        program.run()
    };
    for user in ["", "bob"] {
        assert_eq!(list("", user).success().stdout.trim(), "public/", "{user}");
        assert_eq!(list("public", user).success().stdout.trim(), "links.h5", "{user}");
        let (hidden, missing) = (list("private", user).failure(), list("privata", user).failure());
        assert_eq!(hidden.stderr.replace("private", "privata"), missing.stderr);
    }
    assert_eq!(list("", "ada").success().stdout, "private/\npublic/\n");
    assert_eq!(
        list("public", "ada").success().stdout,
        "link-secret.h5\nlinks.h5\n"
    );
    assert_eq!(list("private", "ada").success().stdout, "secret.h5\nsecret.raw\n");
}
