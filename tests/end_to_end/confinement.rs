//! A server shows its root and nothing else, and a remote file cannot make the client read local files.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use crate::harness::corpus;
use crate::harness::{Language, Outcome, Plugin, Program, Server, compile, hdfstream, python};

const SECRET: i64 = 0x5EC_2E75;

/// A served directory, and beside it what must stay unseen.
struct Scene {
    directory: tempfile::TempDir,
    server: Server,
}

/// Makes `served/` with `script`, which finds `outside`, a directory with `secret.h5` and `secret.raw`.
fn scene(script: &str) -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    let served = directory.path().join("served");
    let outside = directory.path().join("outside");
    std::fs::create_dir(&served).expect("a directory");
    std::fs::create_dir(&outside).expect("a directory");
    corpus::write_with(
        &format!(
            "import write_files, numpy\n\
             write_files.small('secret.h5', {SECRET})\n\
             numpy.full(1000, {SECRET}, 'i8').tofile('secret.raw')"
        ),
        &outside,
    );
    corpus::write_with(
        &format!(
            "import h5py, numpy, os, write_files\n\
             outside = {:?}\n\
             write_files.small('inside.h5', 7)\n\
             numpy.full(1000, 7, 'i8').tofile('inside.raw')\n\
             {script}",
            outside.display().to_string()
        ),
        &served,
    );
    let server = Server::over(&served);
    Scene { directory, server }
}

impl Scene {
    fn served(&self) -> PathBuf {
        self.directory.path().join("served")
    }

    fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    /// Runs a script with `url(path)` and `name`, the URL of `links.h5`.
    fn run(&self, script: &str) -> Outcome {
        python(&format!(
            "import sys, h5py, numpy\nname = sys.argv[1] + '/links.h5'\n\
             def url(path): return sys.argv[1] + '/' + path\n{script}"
        ))
        .arg(self.server.base())
        .plugin(Plugin::On)
        // A working directory from which relative links could find local files.
        .directory(self.served())
        .run()
    }

    /// The script must raise, in words that are about the refusal, and the secret must not be seen.
    #[track_caller]
    fn refuses(&self, script: &str) {
        let outcome = self.run(&format!(
            "try:\n    value = {script}\n    print('got', numpy.asarray(value).tolist())\n\
             except Exception as error: print('refused |', error)"
        ));
        let outcome = outcome.success();
        assert!(outcome.stdout.starts_with("refused | "), "{script}: {outcome}");
        assert!(!outcome.stdout.contains(&SECRET.to_string()), "{outcome}");
    }
}

/// Sends bytes as they are, since clients tidy up paths before they ask.
fn raw_request(server: &Server, line: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("the server");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a limit");
    write!(stream, "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("a request");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("a reply");
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn paths_do_not_climb_out() {
    let scene = scene("");
    let inside = raw_request(&scene.server, "GET /hdfstream/download/inside.h5");
    assert!(inside.starts_with("HTTP/1.1 200"), "{inside}");
    let absolute = scene.outside().join("secret.h5").display().to_string();
    for path in [
        "../outside/secret.h5",
        "%2e%2e/outside/secret.h5",
        "..%2foutside%2fsecret.h5",
        "%2e%2e%2foutside/secret.h5",
        "./../outside/secret.h5",
        "x/../../outside/secret.h5",
        "..%5coutside%5csecret.h5",
        "%00/../outside/secret.h5",
        "inside.h5%00",
        &absolute,
        &absolute.replace('/', "%2f"),
    ] {
        let reply = raw_request(&scene.server, &format!("GET /hdfstream/download/{path}"));
        let status = reply.get(9..10);
        assert_eq!(status, Some("4"), "{path}: {reply}");
        // Escaped once more, for the client not to tidy up.
        scene.refuses(&format!("h5py.File(url({path:?}))['x'][0]"));
    }
}

#[test]
fn symbolic_links_do_not_lead_out() {
    let scene = scene("");
    let (served, outside) = (scene.served(), scene.outside());
    symlink(outside.join("secret.h5"), served.join("file.h5")).expect("a link");
    symlink("../outside/secret.h5", served.join("relative.h5")).expect("a link");
    symlink(&outside, served.join("folder")).expect("a link");
    symlink("inside.h5", served.join("fine.h5")).expect("a link");
    let fine = scene.run("print(h5py.File(url('fine.h5'))['x'][0])").success();
    assert_eq!(fine.stdout, "7\n");
    for path in ["file.h5", "relative.h5", "folder/secret.h5"] {
        scene.refuses(&format!("h5py.File(url('{path}'))['x'][0]"));
    }
    let listing = hdfstream()
        .arg("ls")
        .arg(scene.server.url("folder"))
        .run()
        .failure();
    assert!(!listing.stdout.contains("secret"), "{listing}");
    let log = scene.server.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn external_links_do_not_lead_out() {
    let scene = scene(
        "with h5py.File('links.h5', 'w') as f:\n\
         \x20   f['absolute'] = h5py.ExternalLink(os.path.join(outside, 'secret.h5'), '/x')\n\
         \x20   f['relative'] = h5py.ExternalLink('../outside/secret.h5', '/x')\n\
         \x20   f['fine'] = h5py.ExternalLink('inside.h5', '/x')\n\
         \x20   f['fine_absolute'] = h5py.ExternalLink(os.path.abspath('inside.h5'), '/x')",
    );
    for link in ["fine", "fine_absolute"] {
        let fine = scene
            .run(&format!("print(h5py.File(name)['{link}'][0])"))
            .success();
        assert_eq!(fine.stdout, "7\n", "{link}");
    }
    for link in ["absolute", "relative"] {
        scene.refuses(&format!("h5py.File(name)['{link}'][0]"));
    }
}

#[test]
fn external_links_never_reach_files_of_the_client() {
    // What the link names exists on the client alone: in its working directory, or by absolute path.
    let scene = scene(
        "with h5py.File('links.h5', 'w') as f:\n\
         \x20   f['relative'] = h5py.ExternalLink('only_local.h5', '/x')\n\
         \x20   f['absolute'] = h5py.ExternalLink(os.path.join(outside, 'secret.h5'), '/x')\n\
         \x20   f['passwd'] = h5py.ExternalLink('/etc/passwd', '/x')",
    );
    let client = tempfile::tempdir().expect("a directory");
    std::fs::copy(
        scene.outside().join("secret.h5"),
        client.path().join("only_local.h5"),
    )
    .expect("a copy");
    for link in ["relative", "absolute", "passwd"] {
        let outcome = python(
            "import sys, h5py\nf = h5py.File(sys.argv[1])\n\
             try: print('got', f[sys.argv[2]][0])\n\
             except Exception as error: print('refused')",
        )
        .arg(scene.server.url("links.h5"))
        .arg(link)
        .directory(client.path())
        .env("HDF5_EXT_PREFIX", client.path())
        .plugin(Plugin::On)
        .run()
        .success();
        assert_eq!(outcome.stdout, "refused\n", "{link}: {outcome}");
    }
}

#[test]
fn access_lists_for_links_never_reach_files_of_the_client() {
    let make = |value: i64| {
        format!(
            "def make(name):\n\
             \x20   with h5py.File(name, 'w') as f:\n\
             \x20       f['x'] = 1\n\
             \x20       f['t'] = numpy.dtype('i8')\n\
             \x20       for object in f, f['x'], f['t']: object.attrs['a'] = {value}\n"
        )
    };
    let scene = scene(&format!(
        "{}\nmake('both.h5')\n\
         with h5py.File('links.h5', 'w') as f:\n\
         \x20   f['both'] = h5py.ExternalLink('both.h5', '/')\n\
         \x20   f['relative'] = h5py.ExternalLink('only_local.h5', '/')\n\
         \x20   f['absolute'] = h5py.ExternalLink(os.path.join(outside, 'only_local.h5'), '/')",
        make(7)
    ));
    let client = scene.outside();
    let script = format!(
        "import h5py, numpy\n{}\nmake('only_local.h5')\nmake('both.h5')",
        make(SECRET)
    );
    corpus::write_with(&script, &client);
    let local = ["only_local.h5", "both.h5"].map(|name| client.join(name));
    let before = local
        .each_ref()
        .map(|path| std::fs::read(path).expect("the file"));
    let source = scene.directory.path().join("follows.c");
    std::fs::write(&source, include_str!("programs/follows.c")).expect("a file");
    let program = compile(Language::C, &source);
    let run = |group: &str| {
        let outcome = Program::new(&program)
            .arg(scene.server.url("links.h5"))
            .arg(group)
            .directory(&client)
            .plugin(Plugin::On)
            .run()
            .success();
        outcome.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for group in ["relative", "absolute"] {
        let seen = run(group);
        assert_eq!(seen.len(), 4 * 14);
        assert!(
            seen.iter().all(|line| line.ends_with(" -1")),
            "{group}: {seen:#?}"
        );
    }
    // Where the server has the file, that one is shown; it is served to be read only.
    let seen = run("both");
    assert_eq!(seen.len(), 4 * 14);
    for line in seen {
        let expected = match line.contains(" makes ") {
            true => &[" -1"][..],
            false => &[" 7", " 1"],
        };
        assert!(expected.iter().any(|end| line.ends_with(end)), "{line}");
    }
    assert!(before == local.map(|path| std::fs::read(path).expect("the file")));
}

#[test]
fn virtual_datasets_do_not_lead_out() {
    let scene = scene(
        "def virtual(f, key, source):\n\
         \x20   layout = h5py.VirtualLayout((1000,), 'i8')\n\
         \x20   layout[:] = h5py.VirtualSource(source, 'x', (1000,))\n\
         \x20   f.create_virtual_dataset(key, layout, fillvalue=-1)\n\
         with h5py.File('links.h5', 'w') as f:\n\
         \x20   virtual(f, 'fine', 'inside.h5')\n\
         \x20   virtual(f, 'absolute', os.path.join(outside, 'secret.h5'))\n\
         \x20   virtual(f, 'relative', '../outside/secret.h5')",
    );
    let fine = scene.run("print(h5py.File(name)['fine'][0])").success();
    assert_eq!(fine.stdout, "7\n");
    for key in ["absolute", "relative"] {
        // HDF5 itself fills in for a source that it cannot open, so a fill value is right as well.
        let outcome = scene.run(&format!(
            "try: print(set(h5py.File(name)['{key}'][:].tolist()))\nexcept Exception: print('refused')"
        ));
        let outcome = outcome.success();
        assert!(
            ["{-1}\n", "refused\n"].contains(&outcome.stdout.as_str()),
            "{key}: {outcome}"
        );
    }
}

#[test]
fn external_raw_files_do_not_lead_out() {
    let scene = scene(
        "with h5py.File('links.h5', 'w') as f:\n\
         \x20   for key, path in (('fine', 'inside.raw'), ('absolute', os.path.join(outside, 'secret.raw')),\n\
         \x20                     ('relative', '../outside/secret.raw')):\n\
         \x20       f.create_dataset(key, (1000,), 'i8', external=[(path, 0, 8000)])",
    );
    let fine = scene.run("print(h5py.File(name)['fine'][0])").success();
    assert_eq!(fine.stdout, "7\n");
    for key in ["absolute", "relative"] {
        scene.refuses(&format!("h5py.File(name)['{key}'][:]"));
    }
}

#[test]
fn external_raw_files_of_the_client_are_never_read() {
    let scene = scene(
        "with h5py.File('links.h5', 'w') as f:\n\
         \x20   f.create_dataset('relative', (1000,), 'i8', external=[('only_local.raw', 0, 8000)])\n\
         \x20   f.create_dataset('absolute', (1000,), 'i8', external=[(os.path.join(outside, 'secret.raw'), 0, 8000)])\n\
         \x20   layout = h5py.VirtualLayout((1000,), 'i8')\n\
         \x20   layout[:] = h5py.VirtualSource('.', 'absolute', (1000,))\n\
         \x20   f.create_virtual_dataset('virtual', layout)\n\
         with h5py.File('elsewhere.h5', 'w') as f:\n\
         \x20   layout[:] = h5py.VirtualSource('links.h5', 'virtual', (1000,))\n\
         \x20   f.create_virtual_dataset('nested', layout)",
    );
    let client = tempfile::tempdir().expect("a directory");
    std::fs::copy(
        scene.outside().join("secret.raw"),
        client.path().join("only_local.raw"),
    )
    .expect("a copy");
    for plugin in [Plugin::On, Plugin::Discovery] {
        for (file, key) in [
            ("links.h5", "relative"),
            ("links.h5", "absolute"),
            ("links.h5", "virtual"),
            ("elsewhere.h5", "nested"),
        ] {
            let outcome = python(
                "import sys, h5py\n\
                 try: print(h5py.File(sys.argv[1])[sys.argv[2]][:5].tolist())\n\
                 except Exception as error: print('refused')",
            )
            .arg(scene.server.url(file))
            .arg(key)
            .directory(client.path())
            .plugin(plugin)
            .run()
            .success();
            // In discovery HDF5 itself takes a source that does not open for a missing one.
            let missing = key == "nested" && matches!(plugin, Plugin::Discovery);
            let expected = if missing { "[0, 0, 0, 0, 0]\n" } else { "refused\n" };
            assert_eq!(outcome.stdout, expected, "{key} {plugin:?}: {outcome}");
        }
    }
}
