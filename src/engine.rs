//! The threads and connections that this process uses for the network: one tokio runtime, its clients.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::Error;
use crate::per_process::PerProcess;

static ENGINE: PerProcess<Engine> = PerProcess::new();

/// Runtime and HTTP clients of one process.
pub(crate) struct Engine {
    runtime: Runtime,
    clients: Mutex<Vec<(ClientKey, reqwest::Client)>>,
}

/// What makes a client differ from another.
pub(crate) type ClientKey = crate::transport::http::Kind;

impl Engine {
    /// The engine of this process.
    pub(crate) fn current() -> Result<Arc<Self>, Error> {
        ENGINE.get(Self::start)
    }

    fn start() -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("hdfstream")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::Engine {
                reason: error.to_string(),
            })?;
        Ok(Self {
            runtime,
            clients: Mutex::new(Vec::new()),
        })
    }

    /// The client for `key`, made by `make` when it is the first.
    pub(crate) fn client<E>(
        &self,
        key: &ClientKey,
        make: impl FnOnce() -> Result<reqwest::Client, E>,
    ) -> Result<reqwest::Client, E> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| known == key) {
            return Ok(client.clone());
        }
        let client = make()?;
        clients.push((key.clone(), client.clone()));
        Ok(client)
    }

    /// Runs `task` on the threads of the runtime.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Runs `task` on the threads of the runtime until it is done, and does `meanwhile` on this one.
    pub(crate) fn run<F>(&self, task: F, meanwhile: impl FnOnce()) -> Result<F::Output, Error>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let task = self.runtime.spawn(task);
        meanwhile();
        self.wait(task).map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Error::Engine {
                reason: error.to_string(),
            },
        })
    }

    /// Runs `future` on this thread until it is done, while the runtime's threads drive sockets and
    /// timers. The future may borrow, so replies land directly in the caller's memory.
    ///
    /// Unlike tokio's `block_on` this works on any thread, also on one of a runtime that the host
    /// program has of its own, and when a program ends: HDF5 then closes files after the thread's local values are
    /// gone, without which tokio does nothing. Another thread waits in its place.
    pub(crate) fn wait<F>(&self, future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        let ending = Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed());
        if !ending {
            return self.wait_here(future);
        }
        std::thread::scope(|scope| match scope.spawn(|| self.wait_here(future)).join() {
            Ok(output) => output,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    fn wait_here<F: Future>(&self, future: F) -> F::Output {
        let _context = self.runtime.handle().enter();
        let signal = Arc::new(Signal::default());
        let waker = Waker::from(Arc::clone(&signal));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            signal.wait();
        }
    }
}

/// Wakes the thread that waits. Not `thread::park`, whose token an outer executor may be relying on.
#[derive(Default)]
struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn wait(&self) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        while !*raised {
            raised = self.changed.wait(raised).unwrap_or_else(PoisonError::into_inner);
        }
        *raised = false;
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_waits_on_threads_of_a_foreign_runtime_too() {
        let foreign = Builder::new_current_thread().build().unwrap();
        let answer = foreign.block_on(async {
            let engine = Engine::current().unwrap();
            engine.wait(async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                42
            })
        });
        assert_eq!(answer, 42);
    }

    #[test]
    fn every_thread_gets_the_same_engine() {
        let engines: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Engine::current().unwrap()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(engines.iter().all(|engine| Arc::ptr_eq(engine, &engines[0])));
    }
}
