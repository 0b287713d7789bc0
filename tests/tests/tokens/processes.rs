//! Two processes that rotate one token.

use store_core::tokens::{TokenFilter, TokenState};
use store_core::{PageRequest, TokenId};

use crate::support::{Installation, minted};

/// Of 20 rotations by two processes at once one succeeds, in every round.
async fn rotations_by_two_processes_give_one_successor(t: &Installation<'_>) {
    let manager = t.manager();
    for _ in 0..3 {
        let (_, token) = minted(&manager).await;
        let arguments = ["rotate", token.identifier.as_str(), "10"];
        let mut processes = [t.process(&arguments), t.process(&arguments)];
        for process in &mut processes {
            process.tells("ready").await;
        }
        for process in &mut processes {
            process.read("go on").await;
        }
        let [one, two] = processes;
        let (one, two) = tokio::join!(one.end(), two.end());
        let answers: Vec<_> = one.into_iter().chain(two).collect();
        assert_eq!(answers.len(), 20);
        let rotated: Vec<_> = answers.iter().filter(|answer| answer[0] == "rotated").collect();
        assert_eq!(rotated.len(), 1, "{answers:?}");

        let successor: TokenId = serde_json::from_value(rotated[0][1].clone()).unwrap();
        let old = t.store.fetch(&token.identifier).await.unwrap();
        assert_eq!(old.rotated_to.as_ref(), Some(&successor));
        let new = t.store.fetch(&successor).await.unwrap();
        assert_eq!(new.rotated_from.as_ref(), Some(&token.identifier));
        for (identifier, entries) in [(&token.identifier, 2), (&successor, 1)] {
            let report = t.store.verify_audit(identifier).await.unwrap();
            assert!(report.is_intact(), "{report:?}");
            assert_eq!(report.entries, entries);
        }
    }
    let active = TokenFilter { state: Some(TokenState::Active), ..TokenFilter::default() };
    let page = t.store.list(&active, &PageRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 3, "the successors");
}

on_both! { rotations_by_two_processes_give_one_successor }
