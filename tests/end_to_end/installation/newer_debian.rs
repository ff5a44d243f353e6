//! The Debian packages in a Debian 13, with its own HDF5 and h5py and a newer C library.
//!
//! Every test has a system of its own, unpacked from the archive that `tests/tools/provision` made. Entering
//! it needs root; other users get a user namespace, for which Debian's package `uidmap` and their lines in
//! `/etc/subuid` and `/etc/subgid` are needed.

use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::debian_packages;
use crate::harness::comparison::without_addresses;
use crate::harness::{Program, Server, assert_same, built, corpus, hdfstream};

/// A system in a folder; it goes when dropped.
struct Debian {
    directory: tempfile::TempDir,
}

/// A program as root, in truth or in a user namespace, that may mount for itself.
fn as_root(program: &str) -> Program {
    let mut root = Program::new("/usr/bin/unshare").arg("--mount");
    if std::fs::metadata("/proc/self").expect("this process").uid() != 0 {
        root = root.args(["--map-root-user", "--map-auto"]);
    }
    root.arg(program)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env_remove("HDF5_PLUGIN_PATH")
}

impl Debian {
    /// As it came from the mirror.
    fn pristine() -> Self {
        let archive = built::tools().join("debian-13/root.tar");
        assert!(
            archive.exists(),
            "{} is missing: run tests/tools/provision",
            archive.display()
        );
        let directory = tempfile::tempdir().expect("a directory");
        as_root("tar")
            // Only root can make devices; those of the host will do.
            .args(["--extract", "--exclude=./dev/*", "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(directory.path())
            .run()
            .success();
        Self { directory }
    }

    /// With our packages.
    fn with_packages() -> Self {
        let debian = Self::pristine();
        let inside: Vec<_> = debian_packages()
            .iter()
            .map(|package| debian.copy(package))
            .collect();
        debian
            .program(
                [PathBuf::from("dpkg"), PathBuf::from("--install")]
                    .into_iter()
                    .chain(inside),
            )
            .run()
            .success();
        debian
    }

    /// Copies a file into `/srv`; returns its path there.
    fn copy(&self, file: &Path) -> PathBuf {
        let inside = Path::new("/srv").join(file.file_name().expect("a file's name"));
        as_root("cp").arg(file).arg(self.host(&inside)).run().success();
        inside
    }

    /// The path that a file inside has outside.
    fn host(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.directory
            .path()
            .join(path.strip_prefix("/").expect("a full path"))
    }

    /// A program of the system, which sees the host's devices, processes and network.
    fn program<A: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = A>) -> Program {
        let enter =
            r#"mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc" && exec chroot "$0" "$@""#;
        as_root("sh")
            .args(["-c", enter])
            .arg(self.directory.path())
            .args(command)
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        // The files may belong to users of the namespace. What cannot be removed stays in the temporary folder.
        as_root("rm").arg("-rf").arg(self.directory.path()).run();
    }
}

/// A folder with files, the same inside, and a server over it.
fn scene(debian: &Debian) -> (tempfile::TempDir, Server) {
    let files = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.mixed('mixed.h5'); write_files.plain('plain.h5')",
        files.path(),
    );
    let programs = built::checkout().join("tests/end_to_end/programs");
    for file in [
        files.path().join("mixed.h5"),
        files.path().join("plain.h5"),
        programs.join("read_h5py.py"),
        programs.join("shown.py"),
    ] {
        debian.copy(&file);
    }
    let server = Server::over(files.path());
    (files, server)
}

#[test]
fn its_own_programs_read_the_same() {
    let debian = Debian::with_packages();
    let (_files, server) = scene(&debian);
    let programs: [&[&str]; 3] = [&["h5dump"], &["h5ls", "-rv"], &["python3", "/srv/read_h5py.py"]];
    for program in programs {
        for file in ["mixed.h5", "plain.h5"] {
            let (path, url) = (format!("/srv/{file}"), server.url(file));
            let local = debian.program(program).arg(&path).run().success();
            let local = local.stdout.replace(&path, "FILE");
            assert!(local.lines().count() > 5, "{local}");
            let switched = debian.program(["hdfstream", "run", "--"]).args(program).arg(&url);
            let remote = switched.env("HDFSTREAM_STATS", "1").run().success();
            assert!(remote.stats().requests > 0, "{remote}");
            assert_same(
                &without_addresses(&local),
                &without_addresses(&remote.stdout.replace(&url, "FILE")),
            );
        }
    }
}

/// netCDF's tools take any URL for OPeNDAP: they read stubs, as of other names.
#[test]
fn netcdf_tools_read_stubs() {
    let debian = Debian::with_packages();
    let files = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_netcdf; write_netcdf.weather('weather.nc')",
        files.path(),
    );
    debian.copy(&files.path().join("weather.nc"));
    let server = Server::over(files.path());
    let run = |command: &str| {
        let program = debian.program(command.split(' '));
        program.env("HDFSTREAM_STATS", "1").run().success()
    };
    run("mkdir /srv/stubs");
    run(&format!(
        "hdfstream stub {} /srv/stubs/weather.nc",
        server.url("weather.nc")
    ));
    let local = run("ncdump /srv/weather.nc").stdout;
    assert!(local.lines().count() > 20, "{local}");
    let remote = run("hdfstream run -- ncdump /srv/stubs/weather.nc");
    assert!(remote.stats().requests > 0, "{remote}");
    assert_same(&local, &remote.stdout);
    run("hdfstream run -- nccopy /srv/stubs/weather.nc /srv/stubs/copy.nc");
    // The name is part of what is shown.
    run("mv /srv/stubs/copy.nc /srv/weather.nc");
    assert_same(&local, &run("ncdump /srv/weather.nc").stdout);
}

#[test]
fn the_server_starts_nothing_serves_as_its_user_and_leaves_nothing() {
    let debian = Debian::with_packages();
    let (_files, _server) = scene(&debian);
    let state = debian.host("/var/lib/hdfstream");
    let mode = std::fs::metadata(&state).expect("the service's folder").mode();
    assert_eq!(mode & 0o777, 0o700, "mode of the service's folder");

    // What is compiled in, HDF5 among it, is named with its licence.
    let notices = "/usr/share/doc/hdfstream-server/third-party-notices.gz";
    debian
        .program(["zgrep", "--quiet", "The HDF Group", notices])
        .run()
        .success();

    // As it is installed it names no directory, and says so.
    let serve = ["hdfstream-server", "--config", "/etc/hdfstream/server.toml"];
    let refused = debian.program(serve).run().failure();
    assert!(refused.stderr.contains("which directory"), "{refused}");

    let unit = "/usr/lib/systemd/system/hdfstream-server.service";
    let verified = debian
        .program(["systemd-analyze", "verify", unit])
        .run()
        .success();
    assert_eq!(verified.stdout + &verified.stderr, "", "of the unit");
    // In tenths; 100 is a service that may do everything.
    debian
        .program([
            "systemd-analyze",
            "security",
            "--offline=yes",
            "--threshold=20",
            unit,
        ])
        .run()
        .success();

    let port = free_port();
    debian
        .program(["sh", "-c"])
        .arg(format!(
            "printf 'root = \"/srv\"\\nlisten = \"127.0.0.1:{port}\"\\n' >> /etc/hdfstream/server.toml"
        ))
        .run()
        .success();
    let as_its_user = [
        "setpriv",
        "--reuid=hdfstream",
        "--regid=hdfstream",
        "--clear-groups",
    ];
    let running = debian.program(as_its_user.into_iter().chain(serve)).start();
    wait_for(port);
    let listed = hdfstream()
        .args(["ls", &format!("http://127.0.0.1:{port}/hdfstream")])
        .output();
    assert!(listed.contains("mixed.h5\nplain.h5\n"), "{listed}");
    drop(running);

    let packages = ["hdfstream", "hdfstream-server"];
    debian
        .program(["dpkg", "--purge"].into_iter().chain(packages))
        .run()
        .success();
    // What `man` made of a page is its own, and goes with time.
    let search = ["find", "/", "-xdev", "-name", "*hdfstream*"];
    let left = ["-not", "-path", "/srv/*", "-not", "-path", "/var/cache/man/*"];
    let search = debian.program(search.into_iter().chain(left));
    assert_eq!(search.output(), "", "left after a purge");
}

/// A port that was free just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

fn wait_for(port: u16) {
    let end = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
