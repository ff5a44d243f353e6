//! The writer, the server, the line, two who look on, and what must be true.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Moment, Victim};
use crate::harness::{Fault, Plugin, Program, Proxy, Server, Talk, python_file, served_names, tool};

/// Short, so that little time is spent waiting for the leases of the dead.
const OPTIONS: [&str; 3] = ["--writable", "--lease-seconds", "5"];
const PATIENCE: Duration = Duration::from_secs(120);
/// Times that a file is looked at until it is what it must be: the server may just be busy with a commit.
const LOOKS: u32 = 50;

pub(super) struct Scene {
    directory: tempfile::TempDir,
    server: Server,
    proxy: Proxy,
    writer: Talk,
    reader: Talk,
    looker: Talk,
    seed: u64,
    writers: u64,
    /// The last generation whose flush succeeded, and the one under way.
    done: u64,
    begun: u64,
    /// What the reader saw last.
    seen: u64,
    last: String,
    kills: BTreeMap<Victim, u64>,
    counts: BTreeMap<&'static str, u64>,
}

impl Scene {
    pub(super) fn new(seed: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("served")).expect("a directory");
        let server = Server::started(directory.path().join("served"), "127.0.0.1:0", &OPTIONS);
        let proxy = server.behind_proxy();
        let program = |arguments: &[&str]| python_file("end_to_end/programs/generations.py").args(arguments);
        let state = directory.path().join("state");
        let writer = Talk::with(&writer(&state, &proxy.url("file.h5"), seed));
        let reader = program(&["read", &server.url("file.h5")]).plugin(Plugin::On);
        let looker = program(&["look"]).env("HDF5_USE_FILE_LOCKING", "FALSE");
        Self {
            reader: Talk::with(&reader),
            looker: Talk::with(&looker),
            directory,
            server,
            proxy,
            writer,
            seed,
            writers: 1,
            done: 0,
            begun: 0,
            seen: 0,
            last: String::new(),
            kills: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("served/file.h5")
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Hears what the writer says for so long, and returns whether it said that a generation is done.
    fn hear(&mut self, limit: Duration) -> Option<bool> {
        let line = self.writer.line(limit)?;
        let mut words = line.split(' ');
        let (what, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
        match (what, number) {
            (Some("found"), Some(found)) => {
                assert!(self.allows(found), "a writer found {found}\n{self:?}");
                (self.done, self.begun) = (found, found);
            }
            (Some("begin"), Some(begun)) => self.begun = begun,
            (Some("done"), Some(done)) => (self.done, self.begun) = (done, done),
            (Some("failed" | "gave"), _) if line.contains("errno = 116") => {
                println!("kill {}: {line}", self.kills.values().sum::<u64>());
                self.count("leases lost");
                // Who is told that cannot have been saved.
                self.begun = self.done;
            }
            (Some("failed"), _) => {
                println!("kill {}: {line}", self.kills.values().sum::<u64>());
                self.count("flushes that failed at first");
            }
            (Some("gave"), _) => {
                println!("kill {}: {line}", self.kills.values().sum::<u64>());
                self.count("writers that gave up");
            }
            (Some("wait"), _) => self.count("waits for a lease or server"),
            _ => panic!("the writer said {line:?}\n{self:?}"),
        }
        let done = what == Some("done");
        self.last.push_str(&line);
        self.last.push('\n');
        let cut = self.last.len().saturating_sub(4000);
        if let Some(begin) = (cut..self.last.len()).find(|&at| self.last.is_char_boundary(at)) {
            self.last.drain(..begin);
        }
        Some(done)
    }

    fn hear_all(&mut self) {
        while self.hear(Duration::from_millis(20)).is_some() {}
    }

    fn allows(&self, generation: u64) -> bool {
        generation == self.done || generation == self.begun
    }

    /// Waits until the writer, or the next one, has done one more generation: no lease is stuck, and what failed can
    /// be done again.
    pub(super) fn progress(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            if self.hear(Duration::from_millis(200)) == Some(true) {
                return;
            }
            if self.writer.has_ended() {
                self.hear_all();
                self.start_writer();
            }
            assert!(Instant::now() < end, "nothing is written any more\n{self:?}");
        }
    }

    fn start_writer(&mut self) {
        let url = self.proxy.url("file.h5");
        let state = self.directory.path().join("state");
        self.writer = Talk::with(&writer(&state, &url, self.seed ^ self.writers));
        self.writers += 1;
    }

    pub(super) fn kill(&mut self, number: u64, victim: Victim, moment: Moment) {
        self.last
            .push_str(&format!("-- kill {number}: {victim:?}, {moment:?}\n"));
        self.wait_for(moment);
        *self.kills.entry(victim).or_default() += 1;
        match victim {
            Victim::Client => {
                self.writer.kill();
                self.hear_all();
            }
            Victim::Server => {
                self.server.kill();
                // So that nobody writes while the file is looked at.
                self.writer.signal("STOP");
                let address = self.server.address().to_string();
                if self.server.log().contains("was found") {
                    self.count("leases found after a restart");
                }
                self.server = Server::started(self.directory.path().join("served"), &address, &OPTIONS);
            }
            Victim::Line => {
                // The answer that is under way, if one is, does not arrive.
                self.proxy.set_fault(Fault::Cut { after: 0 });
                self.writer.signal("STOP");
            }
        }
    }

    fn wait_for(&mut self, moment: Moment) {
        let end = Instant::now() + Duration::from_secs(5);
        let (asked, answered) = (self.proxy.asked(), self.proxy.replied());
        let is_due = |scene: &Self| match moment {
            Moment::Asked(more) => scene.proxy.asked() >= asked + more,
            Moment::Answered(more) => scene.proxy.replied() >= answered + more,
            Moment::Later(milliseconds) => {
                Instant::now() + Duration::from_secs(5) >= end + Duration::from_millis(milliseconds)
            }
        };
        while !is_due(self) && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// The file on the server's disk is the last generation that was flushed, or the one under way, for a plain
    /// HDF5.
    pub(super) fn check(&mut self) {
        let file = self.file();
        let mut found = String::new();
        let mut right = false;
        for _ in 0..LOOKS {
            self.hear_all();
            let question = file.to_str().expect("a path").to_owned();
            found = self.looker.ask(&question).expect("an answer");
            right = match found.strip_prefix("whole ") {
                Some(generation) => generation.parse().is_ok_and(|found| self.allows(found)),
                None => found == "missing" && self.done == 0,
            };
            if right {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(right, "the file is {found:?}\n{self:?}");
        if self.kills.values().sum::<u64>() % 10 == 0 && found != "missing" {
            let dump = tool("h5dump").arg("-H").arg(&file);
            dump.env("HDF5_USE_FILE_LOCKING", "FALSE").run().success();
        }
        self.proxy.set_fault(Fault::None);
        self.writer.signal("CONT");
        self.check_reader();
    }

    /// Readers see whole generations only, and never an older one after a newer.
    fn check_reader(&mut self) {
        while let Some(line) = self.reader.line(Duration::ZERO) {
            match line.split_once(' ') {
                Some(("whole", generation)) => {
                    let generation = generation.parse().expect("a number");
                    assert!(generation >= self.seen, "{} and then {line}\n{self:?}", self.seen);
                    self.seen = generation;
                    self.count("whole files that the reader saw");
                }
                Some(("error", _)) => self.count("errors that the reader saw"),
                _ if line == "missing" && self.seen == 0 => {}
                _ => panic!("the reader saw {line:?}\n{self:?}"),
            }
        }
        assert!(
            !self.reader.has_ended(),
            "the reader has ended: {}",
            self.reader.errors()
        );
    }

    /// When all is over nothing is left beside the file.
    pub(super) fn end(&mut self) {
        self.progress();
        self.writer.kill();
        self.hear_all();
        let end = Instant::now() + PATIENCE;
        let served = self.directory.path().join("served");
        let left = || {
            let mut names = served_names(&served);
            names.retain(|name| name != "file.h5");
            names
        };
        while !left().is_empty() {
            assert!(Instant::now() < end, "{:?} left\n{self:?}", left());
            std::thread::sleep(Duration::from_millis(100));
        }
        self.check();
    }

    pub(super) fn report(&self) -> String {
        let mut report = format!("{} generations", self.done);
        for (victim, count) in &self.kills {
            report.push_str(&format!(", {count} of {victim:?}"));
        }
        for (what, count) in &self.counts {
            report.push_str(&format!(", {count} {what}"));
        }
        format!("{report}; none lost, none torn")
    }
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "seed {}, done {}, begun {}", self.seed, self.done, self.begun)?;
        writeln!(f, "the writer said:\n{}", self.last)?;
        writeln!(f, "its errors:\n{}", self.writer.errors())?;
        writeln!(f, "so far: {:?} {:?}", self.kills, self.counts)
    }
}

fn writer(state: &std::path::Path, url: &str, seed: u64) -> Program {
    python_file("end_to_end/programs/generations.py")
        .args(["write", url, &seed.to_string()])
        .plugin(Plugin::On)
        .env("XDG_STATE_HOME", state)
        // So that parts are sent ahead.
        .env("HDFSTREAM_WRITE_MEMORY", "1M")
        .env("HDFSTREAM_CONNECT_TIMEOUT", "5")
        .env("HDFSTREAM_READ_TIMEOUT", "10")
        .env("HDFSTREAM_RETRIES", "20")
}
