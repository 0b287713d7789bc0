//! Loading by `COPY`: several connections, each batch with its note in one transaction, committed in
//! the order of reading.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::{State, connect, quote};
use crate::error::postgres;
use crate::model::Table;
use crate::state::BatchNote;
use crate::{Error, Location, Result};

/// A batch whose bytes are still being read.
pub(crate) struct Batch {
    /// Its place among all batches of this run: they commit in this order, so that what was copied
    /// has no holes.
    pub(crate) order: u64,
    /// The statement that takes it.
    pub(crate) copy: Arc<str>,
    pub(crate) parts: mpsc::Receiver<Part>,
}

/// A piece of a batch.
pub(crate) enum Part {
    /// The next bytes.
    Bytes(Bytes),
    /// It is whole.
    End(Box<BatchNote>),
}

/// What is told of a batch that was committed.
pub(crate) type Committed = Arc<dyn Fn(&BatchNote) + Send + Sync>;

/// Connections that load batches.
pub(crate) struct Loaders {
    tasks: JoinSet<Result<()>>,
}

/// Which batch commits next; none after a failure.
type Turn = watch::Sender<Option<u64>>;

impl Loaders {
    /// Starts loaders, and returns them with where batches are given to them.
    pub(crate) async fn start(
        location: &Location,
        count: usize,
        migration: &str,
        committed: Committed,
    ) -> Result<(Self, mpsc::Sender<Batch>)> {
        let (sender, receiver) = mpsc::channel(1);
        let receiver = Arc::new(Mutex::new(receiver));
        let turn: Arc<Turn> = Arc::new(watch::Sender::new(Some(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let client = connect(location).await?;
            // A crash of the server may lose the last batches, and their notes with them.
            client
                .batch_execute("SET synchronous_commit = off")
                .await
                .map_err(postgres("preparing to load"))?;
            let loader = Loader {
                client,
                migration: migration.to_owned(),
                batches: Arc::clone(&receiver),
                turn: Arc::clone(&turn),
                committed: Arc::clone(&committed),
            };
            tasks.spawn(loader.run());
        }
        Ok((Self { tasks }, sender))
    }

    /// Waits until every batch is committed.
    ///
    /// # Errors
    /// The first failure; nothing behind that batch was committed.
    pub(crate) async fn finish(mut self) -> Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(Error::refused(error.to_string())));
            // Those that waited for a batch that failed say only that they stopped.
            match (&outcome, ended) {
                (Ok(()), ended) => outcome = ended,
                (Err(Error::Stopped), Err(error)) => outcome = Err(error),
                (Err(_), _) => {}
            }
        }
        outcome
    }
}

struct Loader {
    client: Client,
    migration: String,
    batches: Arc<Mutex<mpsc::Receiver<Batch>>>,
    turn: Arc<Turn>,
    committed: Committed,
}

impl Loader {
    async fn run(mut self) -> Result<()> {
        loop {
            let batch = self.batches.lock().await.recv().await;
            let Some(batch) = batch else { return Ok(()) };
            if let Err(error) = self.load(batch).await {
                self.turn.send_replace(None);
                // Whoever reads finds out by the closed channel.
                self.batches.lock().await.close();
                return Err(error);
            }
        }
    }

    async fn load(&mut self, mut batch: Batch) -> Result<()> {
        let doing = || format!("loading ({})", batch.copy);
        let txn = self.client.transaction().await.map_err(postgres("beginning a batch"))?;
        let sink = txn.copy_in::<_, Bytes>(&*batch.copy).await.map_err(postgres(doing()))?;
        let mut sink = std::pin::pin!(sink);
        let note = loop {
            match batch.parts.recv().await {
                Some(Part::Bytes(bytes)) => sink.send(bytes).await.map_err(postgres(doing()))?,
                Some(Part::End(note)) => break note,
                // The reader failed or was stopped within the batch: it is left undone.
                None => return Err(Error::Stopped),
            }
        };
        sink.as_mut().finish().await.map_err(postgres(doing()))?;
        let mut turn = self.turn.subscribe();
        let mine = turn
            .wait_for(|next| next.is_none_or(|next| next == batch.order))
            .await
            .map_err(|_closed| Error::Stopped)?
            .is_some();
        if !mine {
            return Err(Error::Stopped);
        }
        State::note(&txn, &self.migration, &note).await?;
        txn.commit().await.map_err(postgres("committing a batch"))?;
        // Unless a later one failed meanwhile: then nobody commits any more.
        self.turn.send_modify(|next| *next = next.map(|_mine| batch.order + 1));
        (self.committed)(&note);
        Ok(())
    }
}

/// Returns the statement that loads a table.
pub(crate) fn copy_of(table: &Table) -> Arc<str> {
    let columns: Vec<_> = table.columns.iter().map(|column| quote(&column.postgres)).collect();
    let sql = format!(
        "COPY {} ({}) FROM STDIN (FORMAT binary)",
        quote(&table.postgres),
        columns.join(", ")
    );
    sql.into()
}
