//! Two processes at once: names, and refreshes of tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use store_core::vault::{CredentialVault, NewCredential, VaultSubject};
use store_core::{Clock as _, CredentialId, ExposeSecret as _, SystemClock};
use store_tests::samples::{numbered_tokens, oauth_credential, operator};

use crate::support::{Installation, Process};

/// Stores an OAuth credential whose access token has just ended.
async fn ended(t: &Installation<'_>, name: &str) -> CredentialId {
    let tokens = numbered_tokens(1, Some(SystemClock.now()));
    t.put(NewCredential { oauth: Some(tokens), ..oauth_credential(name) }).await.id
}

/// Asserts that an audit has so many entries, and that nothing is wrong with it.
async fn assert_intact(vault: &dyn CredentialVault, id: CredentialId, entries: u64) {
    let subject = VaultSubject::Credential(id);
    let report = vault.verify_audit(&operator(), subject).await.unwrap();
    assert!(report.is_intact() && report.entries == entries, "{report:?}");
}

/// Lets both begin at once.
async fn go_on(processes: &mut [Process; 2]) {
    for process in processes {
        process.read("go on").await;
    }
}

/// What both tell until they end.
async fn ends([one, two]: [Process; 2]) -> Vec<Vec<Value>> {
    let (one, two) = tokio::join!(one.end(), two.end());
    one.into_iter().chain(two).collect()
}

/// Waits until one of both says that it called the provider, and returns which.
async fn called(processes: &mut [Process; 2]) -> usize {
    let [one, two] = processes;
    let (who, line) = tokio::select! {
        line = one.next() => (0, line),
        line = two.next() => (1, line),
    };
    assert_eq!(line.expect("it goes on"), ["called"]);
    who
}

/// Of 8 that create a credential of one name in two processes at once, one succeeds, in every
/// round.
async fn creations_of_one_name_by_two_processes_give_one(t: &Installation<'_>) {
    for round in 0..5 {
        let name = format!("späher {round}");
        let arguments = ["create", &name, "4"];
        let mut processes = [t.process("1", &arguments).await, t.process("1", &arguments).await];
        go_on(&mut processes).await;
        let answers = ends(processes).await;
        assert_eq!(answers.len(), 8);
        let created: Vec<_> = answers.iter().filter(|answer| answer[0] == "created").collect();
        assert_eq!(created.len(), 1, "{answers:?}");
        let id: CredentialId = serde_json::from_value(created[0][1].clone()).unwrap();
        let found = t.store.find_by_name(&operator(), &name).await.unwrap().unwrap();
        assert_eq!(found.id, id);
        let secret = t.store.reveal(&operator(), id).await.unwrap();
        assert!(secret.expose_secret().starts_with(&found.name));
        assert_intact(t.store.as_ref(), id, 2).await;
    }
    assert_eq!(t.count("SELECT COUNT(*) FROM vault_credentials").await, 5);
    assert_eq!(t.count("SELECT COUNT(*) FROM vault_secrets").await, 5);
}

/// 20 refreshes in two processes at once call the provider once, in every round, and all get what
/// it gave.
async fn refreshes_by_two_processes_call_the_provider_once(t: &Installation<'_>) {
    for round in 0..3 {
        let id = ended(t, &format!("round {round}")).await;
        let argument = id.to_string();
        let arguments = ["refresh", &argument, "10", "60000"];
        let mut processes = [t.process("1", &arguments).await, t.process("1", &arguments).await];
        go_on(&mut processes).await;
        let who = called(&mut processes).await;
        processes[who].read("answer").await;
        let answers = ends(processes).await;
        assert_eq!(answers.len(), 20, "{answers:?}");
        assert!(answers.iter().all(|answer| answer[0] == "refreshed"), "{answers:?}");
        let tokens: BTreeSet<_> = answers.iter().map(|answer| answer[1].as_str()).collect();
        assert_eq!(tokens.len(), 1, "{answers:?}");
        let stored = t.store.reveal_oauth_tokens(&operator(), id).await.unwrap();
        assert_eq!(stored.version, 2);
        let access = stored.tokens.access_token.unwrap();
        assert_eq!(Some(access.expose_secret()), *tokens.first().unwrap());
        assert!(access.expose_secret().starts_with("after access 1 by "));
        let refresh = stored.tokens.refresh_token.unwrap();
        assert_eq!(refresh.expose_secret(), "refresh 1", "it is kept when there is no other");
    }
}

/// A provider that takes longer than the lease is called once all the same: the lease is renewed.
async fn a_slow_provider_is_called_once(t: &Installation<'_>) {
    let id = ended(t, "slow").await;
    let argument = id.to_string();
    let arguments = ["refresh", &argument, "3", "2000"];
    let mut processes = [t.process("1", &arguments).await, t.process("1", &arguments).await];
    go_on(&mut processes).await;
    let who = called(&mut processes).await;
    processes[who].read("5000").await;
    let answers = ends(processes).await;
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!(answers[0][0], "refreshed");
    let stored = t.store.reveal_oauth_tokens(&operator(), id).await.unwrap();
    assert_eq!(stored.version, 2);
}

/// A process that is killed while the provider is asked leaves the tokens as they are; another one
/// refreshes them as soon as the lease ends.
async fn a_killed_refresh_is_done_by_another_process(t: &Installation<'_>) {
    let id = ended(t, "killed").await;
    let argument = id.to_string();
    let arguments = ["refresh", &argument, "2", "1000"];
    let mut first = t.process("1", &arguments).await;
    first.read("go on").await;
    first.tells("called").await;
    let mut second = t.process("1", &arguments).await;
    second.read("go on").await;
    first.kill().await;
    second.tells("called").await;
    let before = t.store.reveal_oauth_tokens(&operator(), id).await.unwrap();
    assert_eq!(before.version, 1);
    second.read("answer").await;
    let answers = second.end().await;
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert!(answers[0][1].as_str().unwrap().starts_with("after access 1 by "));
    let after = t.store.reveal_oauth_tokens(&operator(), id).await.unwrap();
    assert_eq!(after.version, 2);
    let (context, ttl) = (operator(), Duration::from_secs(1));
    let lease = t.store.acquire_refresh_lease(&context, id, "next", ttl).await.unwrap();
    assert!(lease.expect("it was given back").epoch >= 3);
}

on_both! {
    creations_of_one_name_by_two_processes_give_one,
    refreshes_by_two_processes_call_the_provider_once,
    a_slow_provider_is_called_once,
    a_killed_refresh_is_done_by_another_process,
}
