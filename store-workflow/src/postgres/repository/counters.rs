use async_trait::async_trait;
use store_core::queue::{Counter, Counters};
use store_core::{Listing, Order, Page, PageRequest, Result, observed, observed_read};

use crate::postgres::PostgresWorkflowRepository;
use crate::postgres::queue::counters;
use crate::rules::queue::counter::{can_be_counted, checked_counter, checked_prefix};

#[async_trait]
impl Counters for PostgresWorkflowRepository {
    async fn increment_counter(&self, name: &str, by: i64) -> Result<i64> {
        observed!("workflow", "increment_counter", "postgres", async {
            checked_counter(name)?;
            let name = name.to_owned();
            writing_statement!(self, "counter_increment", |conn, cx| {
                counters::counter_increment(conn, cx, &name, by)
            })
        })
        .await
    }

    async fn counter(&self, name: &str) -> Result<i64> {
        observed_read!("workflow", "counter", "postgres", async {
            if !can_be_counted(name) {
                return Ok(0);
            }
            let name = name.to_owned();
            let value = reading!(self, "counter_find", |conn, _cx| {
                counters::counter_find(conn, &name)
            })?;
            Ok(value.unwrap_or(0))
        })
        .await
    }

    async fn list_counters(&self, prefix: &str, page: &PageRequest) -> Result<Page<Counter>> {
        observed_read!("workflow", "list_counters", "postgres", async {
            let above = checked_prefix(prefix)?;
            let listing = Listing::new("workflow.counters", &prefix, page, Order::Asc)?;
            let prefix = prefix.to_owned();
            reading!(self, "counter_list", |conn, cx| {
                counters::counter_list(conn, cx, (&prefix, above.as_deref()), &listing)
            })
        })
        .await
    }
}
