use std::time::Duration;

use async_trait::async_trait;
use store_core::queue::{LockGuard, Locks};
use store_core::{Result, observed};

use crate::postgres::PostgresWorkflowRepository;
use crate::postgres::queue::locks;
use crate::rules::queue::lock::{can_be_held, checked_guard, checked_lock};

#[async_trait]
impl Locks for PostgresWorkflowRepository {
    async fn acquire_lock(
        &self,
        name: &str,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<LockGuard>> {
        observed!("workflow", "acquire_lock", "postgres", async {
            checked_lock(name, owner, ttl)?;
            let (name, owner) = (name.to_owned(), owner.to_owned());
            writing_statement!(self, "lock_acquire", |conn, cx| {
                locks::lock_acquire(conn, cx, &name, &owner, ttl)
            })
        })
        .await
    }

    async fn renew_lock(&self, guard: &LockGuard, ttl: Duration) -> Result<LockGuard> {
        observed!("workflow", "renew_lock", "postgres", async {
            checked_lock(&guard.name, &guard.owner, ttl)?;
            let guard = guard.clone();
            writing_statement!(self, "lock_renew", |conn, cx| locks::lock_renew(
                conn, cx, &guard, ttl
            ))
        })
        .await
    }

    async fn release_lock(&self, guard: &LockGuard) -> Result<()> {
        observed!("workflow", "release_lock", "postgres", async {
            let guard = checked_guard(guard)?.clone();
            writing_statement!(self, "lock_release", |conn, _cx| locks::lock_release(conn, &guard))
        })
        .await
    }

    async fn find_lock(&self, name: &str) -> Result<Option<LockGuard>> {
        observed!("workflow", "find_lock", "postgres", async {
            if !can_be_held(name) {
                return Ok(None);
            }
            let name = name.to_owned();
            reading!(self, "lock_find", |conn, cx| locks::lock_find(conn, cx, &name))
        })
        .await
    }
}
