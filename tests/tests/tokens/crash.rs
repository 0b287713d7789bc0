//! A process that is killed between two flushes.

use store_tokens::AuthenticationRequest;

use crate::support::{Installation, minted, origin};

/// What was counted and not flushed is lost, and nothing else: what was flushed is there, the
/// token can be used, and its audit is whole.
async fn a_killed_process_loses_its_counts_and_nothing_else(t: &Installation<'_>) {
    let manager = t.manager();
    let (text, token) = minted(&manager).await;
    let mut process = t.process(&["use", "40", "60"]);
    process.read(&text).await;
    process.tells("flushed").await;
    process.tells("left").await;
    process.kill().await;
    let found = t.store.fetch(&token.identifier).await.unwrap();
    assert_eq!(found.use_count, 40);
    assert!(found.last_used_at.is_some());
    let report = t.store.verify_audit(&token.identifier).await.unwrap();
    assert!(report.is_intact() && report.entries == 1, "{report:?}");

    let anyone = AuthenticationRequest::default();
    manager.authenticate(&text, &anyone).await.unwrap();
    manager.close().await.unwrap();
    assert_eq!(t.store.fetch(&token.identifier).await.unwrap().use_count, 41);
    t.store.revoke(&token.identifier, None, true, &origin()).await.unwrap();
    manager.authenticate(&text, &anyone).await.unwrap_err();
}

on_both! { a_killed_process_loses_its_counts_and_nothing_else }
