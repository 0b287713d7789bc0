// parity: SQLite tells other processes nothing.
//! The bell of all processes: `NOTIFY` after a commit, and `LISTEN` on a connection of its own.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use store_core::Result;
use store_core::postgres::{Database, Notice, db_error};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::fronts::Fronts;
use crate::waiting::Bell;
use store_core::postgres::Statement;

/// The least time between two notifications.
const GAP: Duration = Duration::from_millis(5);

/// Rings in this process and in others.
#[derive(Debug, Clone)]
pub(in crate::postgres) struct Bells {
    db: Database,
    pub(in crate::postgres) here: Bell,
    pub(in crate::postgres) fronts: Fronts,
    notices: Notices,
    listening: Arc<OnceCell<Listening>>,
}

/// The task that hears other processes; it ends with the last clone of the store.
#[derive(Debug)]
struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Bells {
    pub(in crate::postgres) fn new(db: &Database) -> Self {
        Self {
            db: db.clone(),
            here: Bell::new(),
            fronts: Fronts::default(),
            notices: Notices::new(db),
            listening: Arc::default(),
        }
    }

    /// Rings for a queue, or for any when it is empty. After the commit, not in it: notifying
    /// transactions commit one after the other. What is lost when the process dies in between is
    /// found by polling.
    pub(in crate::postgres) fn ring(&self, queue: &str) {
        self.here.ring(queue);
        self.notices.add(queue);
    }

    /// Rings when something can be claimed that could not.
    pub(in crate::postgres) fn ring_if(&self, woken: bool) {
        if woken {
            self.fronts.put_somewhere();
            self.ring("");
        }
    }

    /// Hears other processes from now on. Whoever cannot listen polls.
    pub(in crate::postgres) async fn listen(&self) {
        if let Err(error) = self.listening.get_or_try_init(|| self.start()).await {
            tracing::debug!(%error, "no connection to listen on: work is polled for");
        }
    }

    async fn start(&self) -> Result<Listening> {
        let mut listener = self.db.listen(&[self.notices.channel().await?]).await?;
        let (here, fronts) = (self.here.clone(), self.fronts.clone());
        Ok(Listening(tokio::spawn(async move {
            while let Some(notice) = listener.next().await {
                let queue = match notice {
                    Notice::Notification { payload, .. } => payload,
                    Notice::Reconnected => String::new(),
                };
                // Not new jobs alone: some may have come back.
                if queue.is_empty() {
                    fronts.put_somewhere();
                }
                here.ring(&queue);
            }
        })))
    }
}

/// The queues that other processes are still to be told of.
#[derive(Debug, Default)]
struct Pending {
    queues: HashSet<String>,
    /// Whether somebody is telling them.
    running: bool,
}

/// Tells other processes, at once and then not again for a moment: of many rings they need one.
#[derive(Debug, Clone)]
struct Notices {
    db: Database,
    channel: Arc<OnceCell<String>>,
    pending: Arc<Mutex<Pending>>,
}

impl Notices {
    fn new(db: &Database) -> Self {
        Self { db: db.clone(), channel: Arc::default(), pending: Arc::default() }
    }

    fn add(&self, queue: &str) {
        let mut pending = self.pending();
        if !pending.queues.contains(queue) {
            pending.queues.insert(queue.to_owned());
        }
        if !std::mem::replace(&mut pending.running, true) {
            let this = self.clone();
            tokio::spawn(async move { this.run().await });
        }
    }

    async fn run(&self) {
        loop {
            let queues = {
                let mut pending = self.pending();
                pending.running = !pending.queues.is_empty();
                if !pending.running {
                    return;
                }
                std::mem::take(&mut pending.queues)
            };
            if let Err(error) = self.notify(&queues).await {
                tracing::debug!(%error, "other processes were not notified");
            }
            tokio::time::sleep(GAP).await;
        }
    }

    async fn notify(&self, queues: &HashSet<String>) -> Result<()> {
        let queues: Vec<&str> = queues.iter().map(String::as_str).collect();
        self.db.notify(self.channel().await?, &queues).await
    }

    /// Returns the name of the channel: one for each schema of the database.
    async fn channel(&self) -> Result<&str> {
        enum Channel {}
        const CHANNEL: &str = "SELECT 'jobs_' || md5(current_schema())";
        let ask = || async {
            let mut conn = self.db.conn("job_channel").await?;
            Statement::<Channel, Text>::new(CHANNEL, Vec::new())
                .get_result(&mut conn)
                .await
                .map_err(db_error("job_channel"))
        };
        let ask = || self.db.read("job_channel", ask);
        self.channel.get_or_try_init(ask).await.map(String::as_str)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
