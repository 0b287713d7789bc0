// parity: SQLite tells other processes nothing.
//! The bell of all processes: `NOTIFY` after a commit, and `LISTEN` on a connection of its own.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use store_core::Result;
use store_core::postgres::{Batch, Coalescer, Database, Notice, db_error};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::statement::{Bind, Statement};
use crate::waiting::Bell;

/// Rings in this process and in others.
#[derive(Debug, Clone)]
pub(in crate::postgres) struct Bells {
    db: Database,
    pub(in crate::postgres) here: Bell,
    notices: Coalescer<NotifyBatch>,
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
            notices: Coalescer::new(NotifyBatch { db: db.clone() }),
            listening: Arc::default(),
        }
    }

    /// Rings for a queue, or for any when it is empty. After the commit, not in it: notifying
    /// transactions commit one after the other. What is lost when the process dies in between is
    /// found by polling.
    pub(in crate::postgres) fn ring(&self, queue: &str) {
        self.here.ring(queue);
        let (notices, queue) = (self.notices.clone(), queue.to_owned());
        tokio::spawn(async move {
            let bytes = queue.len();
            if let Err(error) = notices.submit(&0, queue, bytes).await {
                tracing::debug!(%error, "other processes were not notified");
            }
        });
    }

    /// Rings when something can be claimed that could not.
    pub(in crate::postgres) fn ring_if(&self, woken: bool) {
        if woken {
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
        let channel = channel(&self.db).await?;
        let mut listener = self.db.listen(&[&channel]).await?;
        let here = self.here.clone();
        Ok(Listening(tokio::spawn(async move {
            while let Some(notice) = listener.next().await {
                match notice {
                    Notice::Notification { payload, .. } => here.ring(&payload),
                    Notice::Reconnected => here.ring(""),
                }
            }
        })))
    }
}

/// Returns the name of the channel: one for each schema of the database.
async fn channel(db: &Database) -> Result<String> {
    enum Channel {}
    db.read("job_channel", || async {
        let mut conn = db.conn("job_channel").await?;
        Statement::<Channel, Text>::new("SELECT 'jobs_' || md5(current_schema())", Vec::new())
            .get_result(&mut conn)
            .await
            .map_err(db_error("job_channel"))
    })
    .await
}

/// The notification that rings share.
#[derive(Debug)]
struct NotifyBatch {
    db: Database,
}

#[async_trait]
impl Batch for NotifyBatch {
    type Request = String;
    type Response = ();

    const OPERATION: &'static str = "job_notify";

    async fn run(&self, requests: &[String]) -> Result<Vec<Result<()>>> {
        enum Notify {}
        const NOTIFY: &str = "SELECT pg_notify('jobs_' || md5(current_schema()), queue) \
             FROM (SELECT DISTINCT unnest(?) AS queue) AS queues";
        let queues = requests.iter().map(String::as_str).collect();
        let mut conn = self.db.conn(Self::OPERATION).await?;
        Statement::<Notify, ()>::new(NOTIFY, vec![Bind::Texts(queues)])
            .execute(&mut conn)
            .await
            .map_err(db_error(Self::OPERATION))?;
        Ok(requests.iter().map(|_| Ok(())).collect())
    }
}
