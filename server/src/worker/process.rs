//! The worker's side: take a job, do it, say what was touched, take the next.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};

use super::hdf5::Library;
use super::tracer::Tracer;
use super::wire::{self, Event, Job, JobOutcome, MAX_RANGES};
use super::{Error, confine, walk};

/// A worker ends after so many jobs, so that what libhdf5 leaks on damaged files cannot add up.
const JOBS_IN_A_LIFE: u32 = 500;
/// Processor seconds beyond a job's own limit after which the kernel steps in.
const GRACE_SECONDS: u64 = 30;

/// Serves jobs on standard input and output until the former ends. The command line calls it for the
/// hidden subcommand `worker`.
///
/// # Errors
/// When the worker cannot be confined, or the server has gone.
pub fn main_loop(root: &Path) -> Result<(), Error> {
    let born = Instant::now();
    confine::close_inherited()?;
    let at_root = |source| Error::Root {
        path: root.to_owned(),
        source,
    };
    let root = root.canonicalize().map_err(at_root)?;
    let directory = Dir::open_ambient_dir(&root, ambient_authority()).map_err(at_root)?;
    let confinement = confine::confine(&root)?;
    let library = Library::start()?;
    let mut input = io::stdin().lock();
    wire::write(
        &mut io::stdout().lock(),
        &Event::Ready {
            confinement: confinement.description,
            confined: confinement.effective,
        },
    )?;
    for done in 1..=JOBS_IN_A_LIFE {
        let Some(job) = wire::read::<Job>(&mut input)? else {
            return Ok(());
        };
        // One thread cannot have used more processor time than has passed.
        confine::limit_processor_time(born.elapsed().as_secs() + job.limit.as_secs() + GRACE_SECONDS)?;
        let event = match perform(&library, &directory, &job) {
            // After a limit libhdf5 was left with failed reads in the middle of things, and a damaged
            // file may keep it from closing.
            Ok((outcome, closed)) => Event::Done {
                retiring: !outcome.complete || !closed || done == JOBS_IN_A_LIFE,
                outcome,
            },
            Err(error) => Event::Refused(error.to_string()),
        };
        wire::write(&mut io::stdout().lock(), &event)?;
        if matches!(event, Event::Done { retiring: true, .. }) {
            break;
        }
    }
    Ok(())
}

/// Does one job; also returns whether libhdf5 has let go of the file.
fn perform(library: &Library, directory: &Dir, job: &Job) -> io::Result<(JobOutcome, bool)> {
    // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
    let file = directory
        .open_with(
            &job.path,
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK),
        )?
        .into_std();
    let file = Rc::new(file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let tracer = Rc::new(RefCell::new(Tracer::new(
        job.budget_bytes,
        job.limit,
        Box::new(|ranges| report(ranges).is_ok()),
    )));
    let outcome = walk::look(library, &file, metadata.len(), &job.intent, &tracer);
    tracer.borrow_mut().report();
    Ok((outcome, Rc::strong_count(&file) == 1))
}

fn report(ranges: &[(u64, u64)]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for some in ranges.chunks(MAX_RANGES) {
        wire::write(&mut output, &Event::Ranges(some.to_vec()))?;
    }
    output.flush()
}
