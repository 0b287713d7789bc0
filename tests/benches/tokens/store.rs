//! The side of the store: calls through the manager, as an application makes them.

use std::sync::Arc;
use std::time::Duration;

use store_core::SystemClock;
use store_core::tokens::ServiceTokenRepository;
use store_tokens::{AuthenticationRequest, CacheSettings, Rotation, ServiceTokenManager};

use crate::common::Result;
use crate::common::load::{Figures, closed_loop};
use crate::operation::{Operation, SCOPES, Seeded, grant, origin};

/// Two managers of one repository, and what they work on.
#[derive(Debug, Clone)]
pub(crate) struct StoreSide {
    tokens: ServiceTokenManager,
    cached: ServiceTokenManager,
    pub(crate) seeded: Arc<Seeded>,
}

impl StoreSide {
    pub(crate) async fn new(repository: Arc<dyn ServiceTokenRepository>) -> Result<Self> {
        let builder =
            || ServiceTokenManager::builder(Arc::clone(&repository)).clock(Arc::new(SystemClock));
        let tokens = builder().build()?;
        let cache = CacheSettings { max_age: Duration::from_secs(3600), capacity: 100_000 };
        let cached = builder().cache(cache).build()?;
        let seeded = Arc::new(crate::operation::seed(&tokens).await?);
        Ok(Self { tokens, cached, seeded })
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
        let request =
            AuthenticationRequest { required_scopes: &SCOPES, ..AuthenticationRequest::default() };
        match operation {
            Operation::Authenticate => {
                self.tokens.authenticate(self.seeded.next(), &request).await?;
            }
            Operation::AuthenticateCached => {
                self.cached.authenticate(self.seeded.next(), &request).await?;
            }
            Operation::Mint => drop(self.tokens.mint(grant(), &origin()).await?),
            Operation::Rotate => {
                let Some(token) = self.seeded.take() else { return Ok(false) };
                let rotation = Rotation::default();
                let (_, rotated) = self.tokens.rotate(&token, rotation, &origin()).await?;
                self.seeded.give_back(rotated.successor.identifier);
            }
        }
        Ok(true)
    }
}
