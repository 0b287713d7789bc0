//! What is watched on every connection: how many statements it ran, and which were slow.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent};

use crate::observe;

/// Counts statements and warns of slow ones. Bind values are never looked at.
pub(crate) struct StatementWatch {
    backend: &'static str,
    statements: Arc<AtomicU64>,
    slow: Duration,
    started: Option<Instant>,
}

impl StatementWatch {
    pub(crate) const fn new(
        backend: &'static str,
        statements: Arc<AtomicU64>,
        slow: Duration,
    ) -> Self {
        Self { backend, statements, slow, started: None }
    }

    fn finished(&self, sql: &dyn fmt::Display) {
        let Some(elapsed) = self.started.map(|started| started.elapsed()) else { return };
        if elapsed < self.slow {
            return;
        }
        let text = sql.to_string();
        let operation = observe::or_of_database("unnamed", self.backend);
        tracing::warn!(
            %operation,
            backend = self.backend,
            elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            sql = without_binds(&text),
            "slow query"
        );
    }
}

/// Cuts off the bind values that Diesel shows behind a statement.
fn without_binds(text: &str) -> &str {
    text.split_once(" -- binds:").map_or(text, |(sql, _)| sql)
}

impl Instrumentation for StatementWatch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => {
                self.statements.fetch_add(1, Ordering::Relaxed);
                self.started = Some(Instant::now());
            }
            InstrumentationEvent::FinishQuery { query, .. } => {
                // Kept: of statements that were sent together, each is as old as the last of them.
                self.finished(&query);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_query_is_shown_without_its_values() {
        assert_eq!(without_binds("SELECT ? -- binds: [\"secret\"]"), "SELECT ?");
        assert_eq!(without_binds("SELECT 1"), "SELECT 1");
    }
}
