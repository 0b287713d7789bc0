use async_trait::async_trait;

use crate::queue::Counter;
use crate::{Page, PageRequest, Result};

/// Named counters that all processes share.
#[async_trait]
pub trait Counters: Send + Sync {
    /// Adds to a counter, also a negative amount, and returns where it stands. A new one begins at
    /// zero; concurrent calls all count.
    ///
    /// # Errors
    /// `Invalid` for a name that is no 1 to 255 bytes, and when the sum would leave 64 bits.
    async fn increment_counter(&self, name: &str, by: i64) -> Result<i64>;

    /// Returns where a counter stands; zero when nobody counted.
    async fn counter(&self, name: &str) -> Result<i64>;

    /// Lists the counters whose names begin with `prefix`, by name.
    ///
    /// # Errors
    /// `Invalid` for a prefix above 255 bytes.
    async fn list_counters(&self, prefix: &str, page: &PageRequest) -> Result<Page<Counter>>;
}
