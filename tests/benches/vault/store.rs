//! The side of the store: calls of the vault, as an application makes them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use store_core::PageRequest;
use store_core::vault::VaultStore;
use tokio::sync::Mutex;

use crate::common::Result;
use crate::common::load::{Figures, closed_loop, expect};
use crate::operation::{
    BATCH, Operation, REWRAPPED, Seeded, caller, credential, operator, seed, seed_credentials,
};

/// Opens the vault that is rewrapped: a key that a rewrap has forgotten is registered so.
pub(crate) type Open =
    Arc<dyn Fn([u8; 2]) -> BoxFuture<'static, Result<Arc<dyn VaultStore>>> + Send + Sync>;

/// A vault and what is in it, and another one whose two keys take turns.
#[derive(Clone)]
pub(crate) struct StoreSide {
    vault: Arc<dyn VaultStore>,
    pub(crate) seeded: Arc<Seeded>,
    open: Open,
    turn: Arc<Mutex<[u8; 2]>>,
}

impl StoreSide {
    /// Fills both vaults.
    pub(crate) async fn new(vault: Arc<dyn VaultStore>, open: Open) -> Result<Self> {
        let turn = [1, 2];
        let seeded = Arc::new(seed_credentials(vault.as_ref()).await?);
        seed(open(turn).await?.as_ref(), REWRAPPED).await?;
        Ok(Self { vault, seeded, open, turn: Arc::new(Mutex::new(turn)) })
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = self.clone();
        closed_loop(callers, round, move |_caller| {
            let this = this.clone();
            async move { this.run(operation).await }
        })
        .await
    }

    async fn run(&self, operation: Operation) -> Result<bool> {
        match operation {
            Operation::List => {
                let page = self.vault.list(&caller(), &PageRequest::first(20)).await?;
                expect(page.items.len(), 20)?;
            }
            Operation::Reveal => {
                drop(self.vault.reveal(&operator(), self.seeded.next()).await?);
            }
            Operation::Create => drop(self.vault.create(&operator(), credential()).await?),
            Operation::Rewrap => {
                let mut turn = self.turn.lock().await;
                turn.swap(0, 1);
                let rewrapped = (self.open)(*turn).await?.rewrap(&operator(), BATCH).await?;
                expect(usize::try_from(rewrapped.values)?, u32::try_from(REWRAPPED)?)?;
            }
        }
        Ok(true)
    }
}
