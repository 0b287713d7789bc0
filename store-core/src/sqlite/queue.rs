//! The queue of the writer.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::job::Job;

/// Jobs that can wait before callers have to.
const ROOM: usize = 4096;
/// How long the writer looks for another job before it sleeps. A caller that was answered and
/// writes again is back within this time, and waking a thread would add to each of its commits.
const LINGER: Duration = Duration::from_micros(60);

/// Where callers put their jobs.
pub(super) type Jobs = Sender<Box<dyn Job>>;

/// The writer's end; it ends when it is empty and all of the others are gone.
pub(super) struct Queue(Receiver<Box<dyn Job>>);

impl Queue {
    pub(super) fn new() -> (Jobs, Self) {
        let (jobs, queue) = mpsc::channel(ROOM);
        (jobs, Self(queue))
    }

    /// Waits for a job, at first without sleeping. Whoever else wants the processor gets it.
    pub(super) fn wait(&mut self) -> Option<Box<dyn Job>> {
        let started = Instant::now();
        loop {
            match self.0.try_recv() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if started.elapsed() < LINGER => thread::yield_now(),
                Err(TryRecvError::Empty) => return self.0.blocking_recv(),
            }
        }
    }

    /// Takes a job that waits.
    pub(super) fn try_next(&mut self) -> Option<Box<dyn Job>> {
        self.0.try_recv().ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
