//! Each setting does what the documentation says. Where it may stand, and which place wins, is tested beside
//! the settings themselves.

use std::time::Duration;

use crate::harness::corpus;
use crate::harness::{Fault, Outcome, Plugin, Program, Proxy, Server, Service, python, python_file};

struct Scene {
    directory: tempfile::TempDir,
    server: Server,
}

fn scene() -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.small('small.h5', 5)\n\
         import h5py; h5py.File('large.h5', 'w')['data'] = list(range(1 << 20))",
        directory.path(),
    );
    let server = Server::over(directory.path());
    Scene { directory, server }
}

const LIST: &str = "import h5py, sys; print(sorted(h5py.File(sys.argv[1])))";

fn list(url: &str) -> Program {
    python(LIST).arg(url).plugin(Plugin::On)
}

#[test]
fn a_base_url_that_was_hard_to_find_is_remembered_or_configured() {
    let scene = scene();
    let program = python_file("end_to_end/programs/reverse_proxy.py");
    let front = Service::start(&program.arg(scene.server.base()).arg("/far/away/data"));
    let base = format!("http://127.0.0.1:{}/far/away/data", front.line());
    let requests = |program: Program| program.run().success().stats().requests;
    let read = || list(&format!("{base}/small.h5"));
    let guessing = requests(read());
    // Without a place to remember it is found again each time.
    assert_eq!(requests(read()), guessing);
    let cache = scene.directory.path().join("cache");
    let remembering = || read().env("HDFSTREAM_CACHE_DIR", &cache);
    assert_eq!(requests(remembering()), guessing);
    let knowing = requests(remembering());
    assert_eq!(knowing, 1, "{guessing} requests by guessing");
    assert!(guessing > knowing);
    let settings = scene.directory.path().join("config.yml");
    for text in [
        format!("servers:\n  {base}: {{}}\n"),
        format!("aliases:\n  x: {{url: '{base}/'}}\n"),
    ] {
        std::fs::write(&settings, text).expect("a file");
        assert_eq!(requests(read().env("HDFSTREAM_CONFIG", &settings)), knowing);
    }
}

/// Opens a file by way of a proxy that cuts every answer; counts how often that is tried.
fn attempts(scene: &Scene, variables: &[(&str, &str)]) -> u64 {
    let proxy: Proxy = scene.server.behind_proxy();
    proxy.set_fault(Fault::Cut { after: 10 });
    let mut program = list(&proxy.url("small.h5"));
    for (name, value) in variables {
        program = program.env(name, value);
    }
    program.run().failure();
    proxy.connections()
}

#[test]
fn failed_requests_are_repeated_as_often_as_set() {
    let scene = scene();
    assert_eq!(attempts(&scene, &[("HDFSTREAM_RETRIES", "0")]), 1);
    assert_eq!(attempts(&scene, &[("HDFSTREAM_RETRIES", "2")]), 3);
    assert_eq!(attempts(&scene, &[]), 4);
    let briefly = [("HDFSTREAM_RETRIES", "100"), ("HDFSTREAM_RETRY_TIME", "0.5")];
    assert!((2..8).contains(&attempts(&scene, &briefly)));
}

#[test]
fn waits_for_a_connection_are_as_long_as_set() {
    let deaf = Service::start(&python_file("end_to_end/programs/deaf_listener.py"));
    let url = format!("http://127.0.0.1:{}/hdfstream/a.h5", deaf.line());
    let outcome = list(&url)
        .env("HDFSTREAM_CONNECT_TIMEOUT", "1.5")
        .limit(Duration::from_secs(60))
        .run()
        .failure();
    let told = outcome.stderr.contains("within 2 s") && outcome.stderr.contains("connect_timeout");
    assert!(told, "{outcome}");
}

#[test]
fn memory_for_the_cache_is_as_much_as_set() {
    let scene = scene();
    // Twice through the file, in small steps; the second time from memory, if it holds so much.
    let script = "import h5py, sys\n\
                  data = h5py.File(sys.argv[1], rdcc_nbytes=0)['data']\n\
                  for turn in range(2):\n\
                  \x20   for start in range(0, len(data), 8192): data[start:start + 8192]\n";
    let bytes = |memory: &str| {
        let program = python(script)
            .arg(scene.server.url("large.h5"))
            .plugin(Plugin::On);
        let outcome = program.env("HDFSTREAM_CACHE_MEMORY", memory).run().success();
        outcome.stats().bytes_in
    };
    let size = 8 << 20;
    assert!((size..size * 3 / 2).contains(&bytes("64M")));
    assert!(bytes("1M") >= size * 2);
}

#[test]
fn the_log_and_the_statistics_appear_when_asked_for() {
    let scene = scene();
    let url = scene.server.url("small.h5");
    let with = |name: &str, value: &str| -> Outcome {
        let program = python(LIST).arg(&url).plugin(Plugin::On);
        program
            .env("HDFSTREAM_STATS", "0")
            .env(name, value)
            .run()
            .success()
    };
    assert_eq!(with("HDFSTREAM_STATS", "0").stderr, "");
    let logged = with("HDFSTREAM_LOG", "info").stderr;
    assert!(
        logged.starts_with("hdfstream INFO: ") && logged.contains(&url),
        "{logged}"
    );
    // From the settings file too, which the plugin reads when it is loaded.
    let settings = scene.directory.path().join("config.yml");
    std::fs::write(&settings, "stats: 1\n").expect("a file");
    let program = python(LIST)
        .arg(&url)
        .plugin(Plugin::On)
        .env_remove("HDFSTREAM_STATS");
    let outcome = program.env("HDFSTREAM_CONFIG", &settings).run().success();
    assert!(outcome.stats().requests > 0);
}

#[test]
fn settings_in_the_info_string_reach_the_program_that_uses_them() {
    let scene = scene();
    let read = |info: &str| {
        list(&scene.server.url("small.h5"))
            .env("HDF5_VOL_CONNECTOR", info)
            .run()
    };
    read("hdfstream retries=1;read_timeout=5").success();
    let outcome = read("hdfstream retires=1").failure();
    assert!(outcome.stderr.contains("retires"), "{outcome}");
}
