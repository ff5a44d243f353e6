//! The worker's side: take a job, do it, say what was touched, take the next.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};

use super::encode::{self, Answered};
use super::hdf5::Library;
use super::question::{Answer, Failure};
use super::tracer::Tracer;
use super::wire::{self, Event, Job, JobOutcome, MAX_RANGES, Task};
use super::{Error, confine, walk};

/// A worker ends after so much wear, so that what libhdf5 leaks on damaged files cannot add up.
const LIFE: u32 = 10_000;
/// Wear by a look at a file; an answer wears by one.
const LOOK_WEAR: u32 = 20;
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
    let mut kept = None;
    let mut wear = 0;
    while let Some(task) = wire::read::<Task>(&mut input)? {
        // One thread cannot have used more processor time than has passed.
        confine::limit_processor_time(born.elapsed().as_secs() + task.limit().as_secs() + GRACE_SECONDS)?;
        let (event, bytes) = match &task {
            Task::Look(job) => {
                wear += LOOK_WEAR;
                kept = None;
                (look(&library, &directory, job, wear >= LIFE), Vec::new())
            }
            Task::Ask(question) => {
                wear += 1;
                let answered = open(&directory, &question.path)
                    .map(|file| encode::answer(&library, &mut kept, file, question));
                ask(answered, wear >= LIFE)
            }
        };
        let mut output = io::stdout().lock();
        wire::write(&mut output, &event)?;
        output.write_all(&bytes)?;
        output.flush()?;
        if matches!(
            event,
            Event::Done { retiring: true, .. } | Event::Answered { retiring: true, .. }
        ) {
            break;
        }
    }
    Ok(())
}

fn look(library: &Library, directory: &Dir, job: &Job, worn: bool) -> Event {
    match perform(library, directory, job) {
        // After a limit libhdf5 was left with failed reads in the middle of things, and a damaged
        // file may keep it from closing.
        Ok((outcome, closed)) => Event::Done {
            retiring: !outcome.complete || !closed || worn,
            outcome,
        },
        Err(error) => Event::Refused(error.to_string()),
    }
}

fn ask(answered: io::Result<Answered>, worn: bool) -> (Event, Vec<u8>) {
    match answered {
        Ok((answer, bytes)) => {
            // See `look`.
            let retiring = worn || matches!(answer, Answer::Failed(Failure::TooSlow));
            (Event::Answered { answer, retiring }, bytes)
        }
        Err(error) => (Event::Refused(error.to_string()), Vec::new()),
    }
}

/// Opens a regular file.
fn open(directory: &Dir, path: &str) -> io::Result<File> {
    // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
    let file = directory
        .open_with(path, OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK))?
        .into_std();
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Does one job; also returns whether libhdf5 has let go of the file.
fn perform(library: &Library, directory: &Dir, job: &Job) -> io::Result<(JobOutcome, bool)> {
    let file = Rc::new(open(directory, &job.path)?);
    let size = file.metadata()?.len();
    let tracer = Rc::new(RefCell::new(Tracer::new(
        job.budget_bytes,
        job.limit,
        Box::new(|ranges| report(ranges).is_ok()),
    )));
    let outcome = walk::look(library, &file, size, &job.intent, &tracer);
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
