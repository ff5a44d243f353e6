//! One place in the pool: a worker process, replaced whenever it fails or has lived long enough.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::question::Answer;
use super::wire::{self, Event, JobOutcome, Task};

/// Longest time that a worker takes to start.
const START_LIMIT: Duration = Duration::from_secs(10);
/// What a worker may take beyond the limit that its job names, to come back from the last call.
const GRACE: Duration = Duration::from_secs(2);
/// Room in the pipe from a worker: elements come in large pieces, and each time that the pipe is full or empty, one of
/// both processes must be woken.
const PIPE: usize = 1 << 20;
/// Most ranges that are believed to belong to one job.
const MAX_RANGES: usize = 4 << 20;

/// Why a job was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The worker died of it.
    #[error("the worker crashed: {0}")]
    Crashed(String),
    /// The worker was ended because it did not come back.
    #[error("the worker was stopped: it took too long")]
    TooSlow,
    /// The worker cannot open the file, for instance because it is not below the root.
    #[error("the worker refuses the file: {0}")]
    Refused(String),
    /// Too many jobs are waiting.
    #[error("too many files are being looked at")]
    Busy,
    /// No worker can be started.
    #[error("no worker can be started: {0}")]
    Unavailable(String),
}

/// What comes back from a job: ranges while it runs, then how it ended.
#[derive(Debug)]
pub(super) enum Progress {
    Ranges(Vec<(u64, u64)>),
    Ended(Result<Ended, JobError>),
}

/// How a task ended.
#[derive(Debug)]
pub(super) enum Ended {
    Looked(JobOutcome),
    /// With the bytes that follow the answer.
    Answered(Answer, Vec<u8>),
}

/// Starts worker processes, from a thread of its own: a worker is ended by the kernel when the
/// *thread* that started it ends (`PR_SET_PDEATHSIG`), and those of the runtime come and go.
#[derive(Debug, Clone)]
pub(super) struct Spawner {
    requests: std::sync::mpsc::Sender<oneshot::Sender<io::Result<Child>>>,
}

impl Spawner {
    pub(super) fn start(executable: PathBuf, root: PathBuf) -> io::Result<Self> {
        let (requests, waiting) = std::sync::mpsc::channel::<oneshot::Sender<io::Result<Child>>>();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name("workers".into())
            .spawn(move || {
                while let Ok(reply) = waiting.recv() {
                    let _entered = runtime.enter();
                    // A child that nobody waits for any more is ended when it is dropped.
                    let _unwanted = reply.send(command(&executable, &root).spawn());
                }
            })?;
        Ok(Self { requests })
    }

    async fn spawn(&self) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts workers has ended");
        let (reply, child) = oneshot::channel();
        self.requests.send(reply).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

fn command(executable: &Path, root: &Path) -> Command {
    let mut command = Command::new(executable);
    command
        .arg("worker")
        .arg("--root")
        .arg(root)
        // libhdf5 takes drivers, connectors and plugin folders from the environment.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Signals from a terminal are for the front, which ends its workers itself.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// A worker process that has said that it is ready.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// How well it is confined, for the log.
    pub(super) confinement: String,
    /// Whether the kernel refused it a read outside the root.
    pub(super) confined: bool,
}

impl Worker {
    pub(super) async fn start(spawner: &Spawner) -> io::Result<Self> {
        let mut child = spawner.spawn().await?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a worker has no pipes"));
        };
        if let Err(error) = rustix::pipe::fcntl_setpipe_size(&output, PIPE) {
            tracing::debug!("a worker's pipe stays small: {error}");
        }
        let mut output = BufReader::new(output);
        let ready = timeout(START_LIMIT, wire::receive(&mut output)).await;
        match ready.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
            Event::Ready {
                confinement,
                confined,
            } => Ok(Self {
                child,
                input,
                output,
                confinement,
                confined,
            }),
            _ => Err(io::Error::other("a worker speaks out of turn")),
        }
    }

    /// Process number, while the process exists.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The worker, unless its process was killed between jobs, which nobody announces.
    pub(super) fn if_alive(mut self) -> Option<Self> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    /// Does a job; returns the worker when it can do another.
    pub(super) async fn perform(
        mut self,
        task: &Task,
        progress: &mpsc::UnboundedSender<Progress>,
    ) -> (Result<Ended, JobError>, Option<Self>) {
        let deadline = task.limit() + GRACE;
        match timeout(deadline, self.converse(task, progress)).await {
            Ok(Ok((result, retiring))) => (result, (!retiring).then_some(self)),
            Ok(Err(error)) => {
                // The pipe ends a moment before the exit status is there.
                let how = match timeout(GRACE, self.child.wait()).await {
                    Ok(Ok(status)) => status.to_string(),
                    _ => error.to_string(),
                };
                (Err(JobError::Crashed(how)), None)
            }
            Err(_) => (Err(JobError::TooSlow), None),
        }
    }

    async fn converse(
        &mut self,
        task: &Task,
        progress: &mpsc::UnboundedSender<Progress>,
    ) -> io::Result<(Result<Ended, JobError>, bool)> {
        wire::send(&mut self.input, task).await?;
        let mut count = 0usize;
        loop {
            let event = wire::receive(&mut self.output).await?;
            let bytes = match wire::following(&event) {
                0 => Vec::new(),
                count => wire::receive_bytes(&mut self.output, count).await?,
            };
            match event {
                Event::Ranges(ranges) => {
                    count += ranges.len();
                    if count > MAX_RANGES {
                        return Err(io::Error::other("a worker reports endlessly"));
                    }
                    if progress.send(Progress::Ranges(ranges)).is_err() {
                        // Nobody waits for the rest.
                        return Ok((Err(JobError::TooSlow), true));
                    }
                }
                Event::Done { outcome, retiring } => return Ok((Ok(Ended::Looked(outcome)), retiring)),
                Event::Answered { answer, retiring } => {
                    return Ok((Ok(Ended::Answered(answer, bytes)), retiring));
                }
                Event::Refused(why) => return Ok((Err(JobError::Refused(why)), false)),
                Event::Ready { .. } => return Err(io::Error::other("a worker speaks out of turn")),
            }
        }
    }
}
