//! `hdfstream doctor`: why remote files do not open here, and the command that mends it.
//!
//! Each topic looks for itself and returns findings; nothing here changes anything. Every look at something
//! outside this process has a time limit, and there is one for all together.

mod child;
mod environment;
mod library;
mod names;
mod probe;
mod programs;
mod python;
mod remedy;
mod report;
mod search;
mod servers;
mod settings;

use std::collections::BTreeSet;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use clap::Args;

use super::{Failure, output};
use report::{Finding, Level, Report};

/// Longest time for everything.
const LIMIT: Duration = Duration::from_secs(90);
/// Time for what is under way then.
const GRACE: Duration = Duration::from_secs(15);

/// Find out why remote files do not open here, and what to do about it.
///
/// Looks at the plugin, the environment, the settings, the HDF5 programs on the PATH, and the servers that the
/// settings name. Each line says ok, warn or FAIL; below a problem stands a command that mends it. The status is 1
/// when anything failed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print one JSON document instead of lines.
    #[arg(long)]
    json: bool,
    /// Look at this program as well: a name, a path, or a script with its interpreter in the first line.
    #[arg(long = "program", value_name = "PROGRAM")]
    programs: Vec<String>,
    /// Servers, remote files, stubs or folders of stubs to look at as well.
    #[arg(value_name = "NAME_OR_URL")]
    names: Vec<String>,
}

/// Looks at everything and prints what it finds, topic by topic.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (sender, topics) = mpsc::channel();
    let (programs, names) = (arguments.programs.clone(), arguments.names.clone());
    // In a thread of its own: a file system that hangs holds up whoever looks at it, and no limit helps.
    std::thread::spawn(move || look(&programs, &names, &sender));
    let end = Instant::now() + LIMIT + GRACE;
    let mut report = Report::default();
    loop {
        let findings = match topics.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(findings) => findings,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => vec![Finding::fail(
                "doctor",
                "a look at something did not end; does a file system or a mount hang?",
            )],
        };
        if !arguments.json {
            output::write(report::lines(&findings).as_bytes())?;
        }
        report.add(findings);
        if Instant::now() >= end {
            break;
        }
    }
    if arguments.json {
        output::write(report.json().as_bytes())?;
    }
    match report.count(Level::Fail) {
        0 => Ok(()),
        problems => Err(Failure::Unwell(problems)),
    }
}

/// Sends the findings of each topic when they are there.
fn look(programs: &[String], names: &[String], sender: &Sender<Vec<Finding>>) {
    let end = Instant::now() + LIMIT;
    // Nobody receives any more when the output was closed.
    let say = |findings| sender.send(findings).unwrap_or_default();
    let variables = environment::Variables::read();
    let (settings, of_settings) = settings::check();
    let (plugin, of_environment) = environment::check(&variables, settings.as_ref());
    say(of_environment);
    say(of_settings);
    let settings = settings.map(|settings| variables.complete(settings));
    let silent = std::thread::scope(|scope| {
        // The network is slow and so are programs: both at once.
        let servers = scope.spawn(|| servers::check(settings.as_ref(), names));
        say(programs::check(plugin.as_deref(), programs, end));
        let (findings, silent) = servers.join().unwrap_or_else(|_| {
            let lost = Finding::fail("servers", "the check itself failed; please report this");
            (vec![lost], BTreeSet::new())
        });
        say(findings);
        silent
    });
    say(names::check(settings.as_ref(), names, &silent, end));
}
