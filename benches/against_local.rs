//! h5py through the plugin, on loopback and behind a delay line, compared with h5py on the local file.
//!
//! Prints a Markdown table of medians. Every sample is a process of its own, so nothing is cached but by
//! the kernel; samples of all rows are taken in random order, so that a disturbance hits them alike.
//! `HDFSTREAM_BENCH_SAMPLES` sets how many there are of each.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot run has nothing else to do"
)]

/// The harness of the end-to-end tests: the same server, programs and delay line.
#[path = "../tests/end_to_end"]
mod end_to_end {
    pub(crate) mod harness;
}

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::time::Duration;

use end_to_end::harness::{Plugin, Program, Proxy, Server, corpus, python_file};

/// One measurement: what `measure.py` does with which file, and how the file is reached.
struct Row {
    title: &'static str,
    action: &'static str,
    file: &'static str,
    /// Round trip of the delay line, in milliseconds; rows without are compared with the local file.
    round_trip: Option<u64>,
    local: Vec<f64>,
    remote: Vec<f64>,
    requests: u64,
}

impl Row {
    fn new(title: &'static str, action: &'static str, file: &'static str) -> Self {
        Self {
            title,
            action,
            file,
            round_trip: None,
            local: Vec::new(),
            remote: Vec::new(),
            requests: 0,
        }
    }

    fn behind(self, round_trip: u64) -> Self {
        Self {
            round_trip: Some(round_trip),
            ..self
        }
    }

    fn program(&self, name: &str) -> Program {
        python_file("end_to_end/programs/measure.py")
            .arg(self.action)
            .arg(name)
            .limit(Duration::from_secs(600))
    }

    fn sample(&mut self, directory: &Path, server: &Server, line: &Proxy) {
        if let Some(round_trip) = self.round_trip {
            line.set_one_way(Duration::from_millis(round_trip) / 2);
        } else {
            let local = self.program(&directory.join(self.file).display().to_string());
            self.local.push(seconds(&local.output()));
        }
        let url = if self.round_trip.is_some() {
            line.url(self.file)
        } else {
            server.url(self.file)
        };
        let outcome = self.program(&url).plugin(Plugin::On).run().success();
        self.remote.push(seconds(&outcome.stdout));
        self.requests = outcome.stats().requests;
    }

    fn print(&mut self) {
        let remote = median(&mut self.remote);
        let (local, relation) = match self.round_trip {
            Some(round_trip) => (
                "–".to_owned(),
                format!("{:.1} round trips", remote * 1000.0 / round_trip as f64),
            ),
            None => {
                let local = median(&mut self.local);
                (
                    format!("{:.0} ms", local * 1000.0),
                    format!("{:.2} x", remote / local),
                )
            }
        };
        let title = match self.round_trip {
            Some(round_trip) => format!("{}, {round_trip} ms round trip", self.title),
            None => self.title.to_owned(),
        };
        println!(
            "| {title} | {local} | {:.0} ms | {relation} | {} |",
            remote * 1000.0,
            self.requests
        );
    }
}

fn seconds(printed: &str) -> f64 {
    printed.trim().parse().expect("a number of seconds")
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len() % 2 == 1 {
        samples[middle]
    } else {
        f64::midpoint(samples[middle - 1], samples[middle])
    }
}

/// A random order of `0..count`, by sorting random keys.
fn random_order(count: usize) -> Vec<usize> {
    let mut keyed: Vec<(u64, usize)> = (0..count)
        .map(|index| (RandomState::new().build_hasher().finish(), index))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, index)| index).collect()
}

fn main() {
    let samples: usize = std::env::var("HDFSTREAM_BENCH_SAMPLES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5);
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files\n\
         write_files.contiguous('contiguous.h5', 256 << 20)\n\
         write_files.chunked('compressed.h5', 256, 1 << 16, datasets=4)\n\
         write_files.many_objects('objects.h5', 20000)\n\
         write_files.wide('wide.h5')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    let line = server.behind_proxy();
    let mut rows = [
        Row::new("read 256 MiB contiguous", "read", "contiguous.h5"),
        Row::new("read 4 x 64 MiB gzip and shuffle", "read", "compressed.h5"),
        Row::new("walk 20,000 objects with attributes", "walk", "objects.h5"),
        Row::new("open and list", "list", "wide.h5"),
        Row::new("open and list", "list", "wide.h5").behind(20),
        Row::new("open and list", "list", "wide.h5").behind(100),
        Row::new("walk 20,000 objects with attributes", "walk", "objects.h5").behind(100),
    ];
    // One round to warm up what the kernel and the server keep.
    for row in &mut rows {
        row.sample(directory.path(), &server, &line);
        row.local.clear();
        row.remote.clear();
    }
    for index in random_order(rows.len() * samples) {
        let row = index % rows.len();
        rows[row].sample(directory.path(), &server, &line);
    }
    println!("| h5py, median of {samples} | local | through the plugin | | requests |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for row in &mut rows {
        row.print();
    }
}
