//! Many that create, update and delete a template at once.

use serde_json::json;
use store_core::vault::TemplateUpdate;

use super::governance::template_now;
use super::template_updates::named;
use super::{assert_conflict, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    assert_vault_intact, audit_of_vault, caller, deeds_in_vault, put_template, secret_template,
};

behaviours! {
    emits vault_template_races_tests from vault::template_races;

    /// Of 16 that create a template of one name at once, in other cases, one succeeds.
    async fn concurrent_creations_of_a_template_name_give_one(t: &Vaults) {
        let names = ["straße", "STRAẞE", " Straße", "STRAßE "];
        let answers = t.at_once(16, |number, store| async move {
            store.create_template(&caller(), secret_template(names[number % 4])).await
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_conflict);
        let stored = good.into_iter().next().unwrap().unwrap();
        assert_eq!(t.count("SELECT COUNT(*) FROM vault_templates").await, 1);
        assert_eq!(template_now(t, stored.id).await, stored);
        assert_vault_intact(t, stored.id, 1).await;
    }

    /// Of 8 that delete a template at once, one succeeds.
    async fn concurrent_deletions_of_a_template_give_one(t: &Vaults) {
        let id = put_template(t, secret_template("a")).await.id;
        let answers = t.at_once(8, |_, store| async move {
            store.delete_template(&caller(), id).await
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_not_found);
        assert_vault_intact(t, id, 2).await;
    }

    /// Of 8 updates at once that expect one row version, one succeeds.
    async fn concurrent_updates_that_expect_a_row_version_give_one(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        let answers = t.at_once(8, |number, store| async move {
            let update = TemplateUpdate {
                expected_row_version: Some(1),
                ..named(&format!("by {number}"))
            };
            store.update_template(&caller(), stored.id, update).await
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_conflict);
        assert_eq!(template_now(t, stored.id).await, good.into_iter().next().unwrap().unwrap());
        assert_vault_intact(t, stored.id, 2).await;
    }

    /// 16 updates at once follow each other: each moves the row version by one, and its entry says
    /// what was there before it.
    async fn concurrent_updates_of_a_template_follow_each_other(t: &Vaults) {
        let stored = put_template(t, secret_template("a")).await;
        let answers = t.at_once(16, |number, store| async move {
            let name = named(&format!("by {number}"));
            store.update_template(&caller(), stored.id, name).await.unwrap().row_version
        });
        let mut versions = answers.await;
        versions.sort_unstable();
        assert_eq!(versions, (2..=17).collect::<Vec<_>>());
        let entries = audit_of_vault(t, stored.id).await;
        let mut name = json!("a");
        for entry in &entries[1..] {
            assert_eq!(entry.details["name"]["from"], name);
            name = entry.details["name"]["to"].clone();
        }
        assert_eq!(json!(template_now(t, stored.id).await.name), name);
        assert_vault_intact(t, stored.id, 17).await;
    }

    /// Of an update and a deletion at once both succeed, or the update finds nothing.
    async fn an_update_beside_a_deletion_comes_before_it_or_not_at_all(t: &Vaults) {
        for round in 0..8 {
            let stored = put_template(t, secret_template("a")).await;
            let answers = t.at_once(2, |number, store| async move {
                if number == 0 {
                    store.update_template(&caller(), stored.id, named("b")).await.map(drop)
                } else {
                    store.delete_template(&caller(), stored.id).await
                }
            });
            let mut answers = answers.await;
            answers.pop().unwrap().unwrap();
            let deeds = deeds_in_vault(t, stored.id).await;
            match answers.pop().unwrap() {
                Ok(()) => assert_eq!(deeds, ["created", "updated", "deleted"], "round {round}"),
                lost => {
                    assert_not_found(lost);
                    assert_eq!(deeds, ["created", "deleted"], "round {round}");
                }
            }
            assert_vault_intact(t, stored.id, deeds.len() as u64).await;
        }
    }
}
