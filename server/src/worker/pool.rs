//! The front's side: a queue of jobs and a few workers that take from it.
//!
//! Looks at whole files may take seconds; looks at one object, and questions, are waited for by a program.
//! So the latter go first, and one worker more than asked for does nothing else.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdfstream::protocol::Intent;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::Error;
use super::question::{Answer, Question};
use super::slot::{Ended, JobError, Progress, Spawner, Worker};
use super::wire::{Job, JobOutcome, Task};

/// Most jobs of a kind that wait; a client does without hints rather than wait behind more.
const MAX_WAITING: usize = 256;
/// A look at one object that has waited so long comes too late to help.
const MAX_OBJECT_WAIT: Duration = Duration::from_secs(2);
/// A question that has waited so long is not answered: whoever asked is told to come back.
const MAX_QUESTION_WAIT: Duration = Duration::from_secs(30);
/// How often a job is begun whose worker dies. Twice, since a worker may also have been killed for
/// other reasons, lack of memory above all.
const ATTEMPTS: u32 = 2;
/// Pause after a worker could not be started.
const START_PAUSE: Duration = Duration::from_millis(500);

/// The pool of worker processes. Clones share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Workers {
    queue: Arc<Queue>,
    _slots: Arc<Slots>,
}

#[derive(Debug)]
struct Slots(Vec<JoinHandle<()>>);

impl Drop for Slots {
    fn drop(&mut self) {
        for slot in &self.0 {
            slot.abort();
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    /// Process numbers of the workers, 0 where there is none.
    processes: Mutex<Vec<u32>>,
    /// Whether the confinement of workers was logged.
    logged: AtomicBool,
    /// Whether the kernel refused the latest worker a read outside the root.
    confined: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    objects: VecDeque<Request>,
    questions: VecDeque<Request>,
    files: VecDeque<Request>,
    seats: Vec<Seat>,
}

/// What is known of a worker by those who wait.
#[derive(Debug, Clone, Default)]
struct Seat {
    idle: bool,
    /// The file of its last question, which it still has open, with chunks that it has decoded.
    path: Option<String>,
}

impl Waiting {
    /// Takes the first question that is not for another idle worker, who has its file open.
    fn question(&mut self, number: usize) -> Option<Request> {
        let has_open = |seat: &Seat, request: &Request| seat.path.as_deref() == Some(request.task.path());
        let Self { questions, seats, .. } = self;
        let at = questions.iter().position(|request| {
            let has = seats.get(number).is_some_and(|seat| has_open(seat, request));
            has || !seats.iter().any(|seat| seat.idle && has_open(seat, request))
        })?;
        questions.remove(at)
    }
}

#[derive(Debug)]
struct Request {
    task: Task,
    since: Instant,
    progress: mpsc::UnboundedSender<Progress>,
}

impl Workers {
    /// Starts `count` workers for the files below `root`, and one more. To be called on a tokio
    /// runtime. A worker that cannot start is tried again when there is work.
    ///
    /// # Errors
    /// When the root or this program's executable cannot be found.
    pub fn start(root: &Path, count: usize) -> Result<Self, Error> {
        // The link keeps leading to this very program when the file is replaced by a newer one.
        Self::start_as(PathBuf::from("/proc/self/exe"), root, count)
    }

    /// [`Workers::start`] with another executable, for callers that are not the server program.
    ///
    /// # Errors
    /// See [`Workers::start`].
    pub fn start_as(executable: PathBuf, root: &Path, count: usize) -> Result<Self, Error> {
        let root = root.canonicalize().map_err(|source| Error::Root {
            path: root.to_owned(),
            source,
        })?;
        let spawner = Spawner::start(executable, root).map_err(Error::Executable)?;
        let queue = Arc::new(Queue::default());
        let count = count.max(1);
        lock(&queue.processes).resize(count + 1, 0);
        lock(&queue.waiting).seats.resize(count + 1, Seat::default());
        let slots = (0..=count)
            .map(|number| {
                tokio::spawn(serve(
                    Arc::clone(&queue),
                    spawner.clone(),
                    number,
                    number == count,
                ))
            })
            .collect();
        Ok(Self {
            queue,
            _slots: Arc::new(Slots(slots)),
        })
    }

    /// Process numbers of the workers that exist at present.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let processes = lock(&self.queue.processes);
        processes
            .iter()
            .copied()
            .filter(|&process| process != 0)
            .collect()
    }

    /// Whether the kernel was seen to refuse a worker a read outside the root.
    #[must_use]
    pub fn confined(&self) -> bool {
        self.queue.confined.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for a worker, so that others should not ask for more than they need at once.
    #[must_use]
    pub fn are_awaited(&self) -> bool {
        let waiting = lock(&self.queue.waiting);
        !waiting.questions.is_empty() || !waiting.objects.is_empty()
    }

    /// Does a job; ranges go to `on_ranges` as they are found, also those of a job that fails.
    ///
    /// # Errors
    /// See [`JobError`]. The other jobs are not touched by it.
    pub async fn run(
        &self,
        job: Job,
        mut on_ranges: impl FnMut(Vec<(u64, u64)>),
    ) -> Result<JobOutcome, JobError> {
        match self.perform(Task::Look(job), &mut on_ranges).await? {
            Ended::Looked(outcome) => Ok(outcome),
            Ended::Answered(..) => Err(out_of_turn()),
        }
    }

    /// Has a question answered; with the bytes that the answer announces.
    ///
    /// # Errors
    /// See [`JobError`]. The other jobs are not touched by it.
    pub async fn ask(&self, question: Question) -> Result<(Answer, Vec<u8>), JobError> {
        match self.perform(Task::Ask(question), |_| {}).await? {
            Ended::Answered(answer, bytes) => Ok((answer, bytes)),
            Ended::Looked(_) => Err(out_of_turn()),
        }
    }

    async fn perform(
        &self,
        task: Task,
        mut on_ranges: impl FnMut(Vec<(u64, u64)>),
    ) -> Result<Ended, JobError> {
        let (progress, mut events) = mpsc::unbounded_channel();
        self.queue.push(Request {
            task,
            since: Instant::now(),
            progress,
        })?;
        loop {
            match events.recv().await {
                Some(Progress::Ranges(ranges)) => on_ranges(ranges),
                Some(Progress::Ended(result)) => return result,
                None => return Err(JobError::Unavailable("the server is ending".into())),
            }
        }
    }
}

impl Queue {
    fn push(&self, request: Request) -> Result<(), JobError> {
        {
            let mut waiting = lock(&self.waiting);
            let line = match &request.task {
                Task::Ask(_) => &mut waiting.questions,
                Task::Look(job) => match job.intent {
                    Intent::File => &mut waiting.files,
                    Intent::Object { .. } => &mut waiting.objects,
                },
            };
            line.retain(|request| !request.progress.is_closed());
            if line.len() >= MAX_WAITING {
                return Err(JobError::Busy);
            }
            line.push_back(request);
        }
        self.arrived.notify_waiters();
        Ok(())
    }

    fn take(&self, number: usize, objects_only: bool) -> Option<Request> {
        let mut waiting = lock(&self.waiting);
        if let Some(seat) = waiting.seats.get_mut(number) {
            seat.idle = true;
        }
        let request = Self::first(&mut waiting, number, objects_only)?;
        if let Some(seat) = waiting.seats.get_mut(number) {
            seat.idle = false;
            seat.path = match &request.task {
                Task::Ask(question) => Some(question.path.clone()),
                Task::Look(_) => None,
            };
        }
        // What was left to this worker may be for others now.
        if !waiting.questions.is_empty() {
            self.arrived.notify_waiters();
        }
        Some(request)
    }

    fn first(waiting: &mut Waiting, number: usize, objects_only: bool) -> Option<Request> {
        while let Some(request) = waiting.objects.pop_front() {
            if request.since.elapsed() < MAX_OBJECT_WAIT {
                return Some(request);
            }
            end(&request, Err(JobError::Busy));
        }
        while let Some(request) = waiting.question(number) {
            if request.since.elapsed() < MAX_QUESTION_WAIT {
                return Some(request);
            }
            end(&request, Err(JobError::Busy));
        }
        if objects_only {
            None
        } else {
            waiting.files.pop_front()
        }
    }

    fn note_process(&self, number: usize, process: u32) {
        if let Some(slot) = lock(&self.processes).get_mut(number) {
            *slot = process;
        }
    }

    /// Waits for a job.
    async fn next(&self, number: usize, objects_only: bool) -> Request {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // From here on no arrival is missed.
            arrived.as_mut().enable();
            match self.take(number, objects_only) {
                Some(request) if request.progress.is_closed() => {}
                Some(request) => return request,
                None => arrived.await,
            }
        }
    }
}

/// One place in the pool, for as long as the pool exists.
async fn serve(queue: Arc<Queue>, spawner: Spawner, number: usize, objects_only: bool) {
    let mut idle = start(&queue, &spawner, number).await.ok();
    loop {
        let request = queue.next(number, objects_only).await;
        let mut result = Err(JobError::Busy);
        for attempt in 0..ATTEMPTS {
            let alive = idle.take().and_then(Worker::if_alive);
            let ready = match alive {
                Some(worker) => Ok(worker),
                None => start(&queue, &spawner, number).await,
            };
            let worker = match ready {
                Ok(worker) => worker,
                Err(error) => {
                    result = Err(JobError::Unavailable(error.to_string()));
                    tokio::time::sleep(START_PAUSE).await;
                    break;
                }
            };
            (result, idle) = worker.perform(&request.task, &request.progress).await;
            if idle.is_none() {
                queue.note_process(number, 0);
            }
            match &result {
                Err(error @ (JobError::Crashed(_) | JobError::TooSlow)) if !request.progress.is_closed() => {
                    tracing::warn!(path = request.task.path(), attempt, "{error}");
                }
                _ => {}
            }
            if !matches!(result, Err(JobError::Crashed(_))) {
                break;
            }
        }
        end(&request, result);
        // A successor is started now, so that nobody waits for that.
        if idle.is_none() {
            idle = start(&queue, &spawner, number).await.ok();
        }
    }
}

async fn start(queue: &Queue, spawner: &Spawner, number: usize) -> std::io::Result<Worker> {
    let started = Worker::start(spawner).await;
    let process = started.as_ref().ok().and_then(Worker::id).unwrap_or(0);
    queue.note_process(number, process);
    if let Ok(worker) = &started {
        queue.confined.store(worker.confined, Ordering::Relaxed);
    }
    match &started {
        Err(error) => tracing::error!("a worker does not start: {error}"),
        Ok(worker) if queue.logged.swap(true, Ordering::Relaxed) => {
            tracing::debug!(process, confinement = worker.confinement, "worker started");
        }
        Ok(worker) if worker.confined => tracing::info!("workers are confined: {}", worker.confinement),
        Ok(worker) => tracing::warn!(
            "workers are not confined by the kernel ({}); they open files below the root only",
            worker.confinement
        ),
    }
    started
}

fn out_of_turn() -> JobError {
    JobError::Crashed("it answered something else".to_owned())
}

fn end(request: &Request, result: Result<Ended, JobError>) {
    // Nobody may be waiting any more.
    let _unwanted = request.progress.send(Progress::Ended(result));
}

/// What the locks guard stays whole when a holder panics: every change to it is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
