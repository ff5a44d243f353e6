//! The HDF5 programs on the PATH: which HDF5 they carry, whether it is new enough, and whether the plugin loads.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::library::{self, Hdf5, Support, Version};
use super::probe::{self, Probe, Verdict};
use super::report::{Finding, Level};
use super::{python, search};

/// Programs that open the file which their arguments name, and end; with what brings a newer one.
const TOOLS: [(&str, &str); 6] = [
    ("h5dump", "hdf5>=1.14"),
    ("h5ls", "hdf5>=1.14"),
    ("h5repack", "hdf5>=1.14"),
    ("ncdump", "libnetcdf"),
    ("nccopy", "libnetcdf"),
    ("gdalinfo", "libgdal-hdf5"),
];

/// A check that is yet to be made.
type Task<'a> = Box<dyn FnOnce() -> Vec<Finding> + Send + 'a>;

/// Why somebody is looked at. What the user names must work; of what merely lies on the PATH, some may be old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Found,
    Named,
}

/// Looks at the usual programs, and at those that the user names.
pub(super) fn check(plugin: Option<&Path>, named: &[String], end: Instant) -> Vec<Finding> {
    let probe = match Probe::new(plugin) {
        Ok(probe) => probe,
        Err(error) => {
            let message = format!("no folder for temporary files can be made: {error}");
            return vec![Finding::fail("programs", message).mend("export TMPDIR=$HOME")];
        }
    };
    let probe = &probe;
    let mut tasks: Vec<Task<'_>> = vec![Box::new(move || python::on_path(probe, end))];
    let named_too = |tool: &str| named.iter().any(|name| name == tool);
    for (name, _) in TOOLS.into_iter().filter(|(tool, _)| !named_too(tool)) {
        if let Some(path) = search::on_path(name) {
            tasks.push(Box::new(move || binary(probe, name, &path, Reason::Found, end)));
        }
    }
    for name in named {
        tasks.push(Box::new(move || given(probe, name, end)));
    }
    let mut findings = all(tasks);
    let all_old = findings.iter().all(|finding| finding.level() == Level::Warn);
    if findings.is_empty() {
        let message = "nothing on the PATH uses HDF5; another program can be named with --program";
        findings.push(Finding::warn("programs", message).mend("python3 -m pip install h5py"));
    } else if all_old {
        let message = "no HDF5 program on the PATH can open remote files";
        findings.push(Finding::fail("programs", message).mend("python3 -m pip install h5py"));
    }
    findings
}

/// Does the tasks at the same time, and keeps their order.
pub(super) fn all(tasks: Vec<Task<'_>>) -> Vec<Finding> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = tasks.into_iter().map(|task| scope.spawn(task)).collect();
        let lost = |_| {
            vec![Finding::fail(
                "programs",
                "the check itself failed; please report this",
            )]
        };
        let findings = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(lost));
        findings.flatten().collect()
    })
}

/// A program that the user names.
fn given(probe: &Probe, name: &str, end: Instant) -> Vec<Finding> {
    let path = match name.contains('/') {
        true => std::path::absolute(name)
            .ok()
            .filter(|path| search::is_program(path)),
        false => search::on_path(name),
    };
    let Some(path) = path else {
        return vec![Finding::fail(name, "there is no such program")];
    };
    match interpreter(&path) {
        None if python::is_python(&path) => python::named(probe, &path, end),
        None => binary(probe, name, &path, Reason::Named, end),
        Some(interpreter) if python::is_python(&interpreter) => python::named(probe, &interpreter, end),
        Some(interpreter) => vec![Finding::warn(
            name,
            format!(
                "it is a script for {}; name the HDF5 program that it runs",
                interpreter.display()
            ),
        )],
    }
}

/// What runs a script, by its first line.
fn interpreter(path: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    let file = File::open(path).ok()?.take(4096);
    BufReader::new(file).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    let mut words = line.strip_prefix("#!")?.split_whitespace();
    let first = PathBuf::from(words.next()?);
    if first.file_name() != Some("env".as_ref()) {
        return Some(first);
    }
    let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    Some(search::on_path(name).unwrap_or_else(|| name.into()))
}

/// A compiled program.
fn binary(probe: &Probe, name: &str, path: &Path, reason: Reason, end: Instant) -> Vec<Finding> {
    let shown = path.display();
    let tool = TOOLS.iter().find(|(tool, _)| path.ends_with(tool));
    let hdf5 = match library::hdf5_of(path) {
        Ok(Some(hdf5)) => hdf5,
        Ok(None) => {
            // It may start another program, or load HDF5 when it needs it.

            if let Some((tool, _)) = tool.filter(|_| probe.has_plugin())
                && let Ok(Verdict::Works) = tried(probe, tool, path, end)
            {
                return vec![Finding::ok(name, format!("{shown}: the plugin works in it"))];
            }
            if reason == Reason::Found {
                return Vec::new();
            }
            let message = format!("{shown} carries no HDF5 that can be seen from outside");
            return vec![Finding::warn(name, message)];
        }
        Err(why) => return vec![Finding::warn(name, why)],
    };
    let place = match hdf5.linked_in {
        true => "linked in".to_owned(),
        false => hdf5.file.display().to_string(),
    };
    let has = format!("{shown} has HDF5 {} ({place})", hdf5.version.text);

    if let Some(finding) = too_old(name, &has, &hdf5.version, reason) {
        return vec![match tool {
            Some((_, package)) => finding.mend(format!("conda install -c conda-forge '{package}'")),
            None => finding.mend("build the program with HDF5 1.14 or newer"),
        }];
    }
    vec![match tool {
        Some((tool, _)) if probe.has_plugin() => match tried(probe, tool, path, end) {
            Ok(verdict) => verdict_on(name, &has, verdict),
            Err(error) => Finding::fail(name, format!("{shown} cannot be run: {error}")),
        },
        _ => not_tried(name, &has, path, &hdf5),
    }]
}

/// A program that is not run, because nobody knows what it would do.
fn not_tried(name: &str, has: &str, path: &Path, hdf5: &Hdf5) -> Finding {
    if hdf5.linked_in && !library::exports_hdf5(path) {
        let message = format!("{has} without exporting its symbols: the plugin cannot be loaded into it");
        return Finding::fail(name, message).mend("link it with -rdynamic, or with a shared libhdf5");
    }
    Finding::ok(name, format!("{has}, new enough for the plugin; it was not run"))
}

/// Runs a program that is known to open a file and end.
fn tried(probe: &Probe, tool: &str, path: &Path, end: Instant) -> std::io::Result<Verdict> {
    let mut command: Command = probe.switched_on(path);
    if tool == "ncdump" {
        command.arg("-h");
    }
    command.arg(probe.file());
    if matches!(tool, "h5repack" | "nccopy") {
        command.arg(probe.scratch(tool));
    }
    probe::run(&mut command, end).map(|outcome| probe::judge(&outcome))
}

/// A finding when this version of HDF5 cannot load the plugin.
pub(super) fn too_old(subject: &str, has: &str, version: &Version, reason: Reason) -> Option<Finding> {
    let message = match version.support() {
        Support::Works => return None,
        Support::Ignores => format!("{has}: too old, it ignores the plugin; 1.14 or newer is needed"),
        Support::CannotLoad => format!(
            "{has}: too old, it cannot load the plugin, and with HDF5_VOL_CONNECTOR set it cannot start at all; \
             1.14 or newer is needed"
        ),
    };
    Some(match reason {
        Reason::Found => Finding::warn(subject, message),
        Reason::Named => Finding::fail(subject, message),
    })
}

/// What a trial has shown.
pub(super) fn verdict_on(subject: &str, has: &str, verdict: Verdict) -> Finding {
    match verdict {
        Verdict::Works => Finding::ok(subject, format!("{has}, the plugin works in it")),
        Verdict::Refused(why) if why.contains("statically linked") => {
            Finding::fail(subject, format!("{has}, the plugin cannot be used: {why}"))
                .mend("link it with -rdynamic, or with a shared libhdf5")
        }
        Verdict::Refused(why) => Finding::fail(subject, format!("{has}, the plugin cannot be used: {why}")),
        Verdict::Fails(how) => {
            Finding::fail(subject, format!("{has}, but the plugin is not loaded: it {how}"))
        }
    }
}
