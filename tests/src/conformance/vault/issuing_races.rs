//! Many that issue at once, beside changes and the end of the template.

use store_core::vault::{NewIssuance, NewTemplate, TemplateUpdate};
use store_core::{Error, PageRequest};

use super::assert_conflict;
use super::governance::{issuance, template_now};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    assert_vault_intact, caller, credential_now, operator, put_template, revealed, secret_of,
    secret_template, texts,
};

/// How many rows a table has.
async fn rows(t: &Vaults, table: &str) -> i64 {
    t.count(&format!("SELECT COUNT(*) FROM {table}")).await
}

behaviours! {
    emits vault_issuing_races_tests from vault::issuing_races;

    /// Of 16 that issue a credential of one name at once, one succeeds, and nothing is left of the
    /// others.
    async fn concurrent_issuances_of_one_name_give_one(t: &Vaults) {
        let template = put_template(t, secret_template("Straße")).await;
        let answers = t.at_once(16, |number, store| async move {
            let secret = format!("secret {number}");
            let new = match number % 3 {
                0 => NewIssuance::of(secret),
                1 => NewIssuance { name: Some("STRAẞE".into()), ..NewIssuance::of(secret) },
                _ => NewIssuance { name: Some(" straße".into()), ..NewIssuance::of(secret) },
            };
            store.issue_from_template(&caller(), template.id, new).await
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        bad.into_iter().for_each(assert_conflict);
        let issued = good.into_iter().next().unwrap().unwrap();
        assert_eq!(credential_now(t, issued.id).await, issued);
        assert!(revealed(t, issued.id).await.starts_with("secret "));
        for table in ["vault_credentials", "vault_secrets", "vault_issuances"] {
            assert_eq!(rows(t, table).await, 1, "{table}");
        }
        assert_vault_intact(t, issued.id, 2).await;
    }

    /// 32 that issue from one template at once all succeed.
    async fn concurrent_issuances_do_not_disturb_each_other(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await;
        let answers = t.at_once(32, |number, store| async move {
            let new = issuance(&format!("issued {number}"));
            store.issue_from_template(&caller(), template.id, new).await.unwrap()
        });
        for issued in answers.await {
            assert_eq!(credential_now(t, issued.id).await, issued);
            assert_eq!(revealed(t, issued.id).await, secret_of(&issued.name));
            assert_vault_intact(t, issued.id, 2).await;
        }
        assert_eq!(rows(t, "vault_issuances").await, 32);
    }

    /// Beside the deletion of its template, an issuance comes before it, whole, or finds nothing.
    async fn an_issuance_beside_the_deletion_of_its_template_is_whole_or_nothing(t: &Vaults) {
        for round in 0..4 {
            let template = put_template(t, secret_template("a")).await;
            let answers = t.at_once(16, |number, store| async move {
                if number == 7 {
                    store.delete_template(&caller(), template.id).await.unwrap();
                    return None;
                }
                let new = issuance(&format!("{round} {number}"));
                match store.issue_from_template(&caller(), template.id, new).await {
                    Ok(issued) => Some(issued),
                    Err(Error::NotFound { .. }) => None,
                    Err(error) => panic!("{error}"),
                }
            });
            let issued: Vec<_> = answers.await.into_iter().flatten().collect();
            let count = i64::try_from(issued.len()).unwrap();
            for table in ["vault_credentials", "vault_secrets", "vault_issuances"] {
                assert_eq!(rows(t, table).await, count, "{table}");
            }
            for credential in issued {
                let described = t.store.describe(&operator(), credential.id).await.unwrap();
                assert_eq!(described.credential.template_id, None);
                let issuance = described.issuance.unwrap();
                assert_eq!((issuance.template_id, issuance.template_name.as_str()), (None, "a"));
                assert_eq!(revealed(t, credential.id).await, secret_of(&credential.name));
                t.store.delete(&operator(), credential.id).await.unwrap();
            }
            assert_vault_intact(t, template.id, 2).await;
        }
    }

    /// Beside changes of its template, a credential has all of it before a change or all of it
    /// after.
    async fn an_issuance_beside_changes_of_its_template_is_of_one_piece(t: &Vaults) {
        let new = NewTemplate { scopes: texts(["of 0"]), ..secret_template("0") };
        let template = put_template(t, NewTemplate { provider: "0".into(), ..new }).await;
        let answers = t.at_once(32, |number, store| async move {
            if number % 4 == 0 {
                let update = TemplateUpdate {
                    name: Some(number.to_string()),
                    provider: Some(number.to_string()),
                    scopes: Some(texts([format!("of {number}").as_str()])),
                    ..TemplateUpdate::default()
                };
                store.update_template(&caller(), template.id, update).await.unwrap();
                return None;
            }
            let new = issuance(&format!("issued {number}"));
            Some(store.issue_from_template(&caller(), template.id, new).await.unwrap())
        });
        let issued: Vec<_> = answers.await.into_iter().flatten().collect();
        assert_eq!(issued.len(), 24);
        for credential in issued {
            let scope = format!("of {}", credential.provider);
            assert_eq!(credential.scopes, texts([scope.as_str()]));
            let described = t.store.describe(&operator(), credential.id).await.unwrap();
            assert_eq!(described.issuance.unwrap().template_name, credential.provider);
        }
        assert!(template_now(t, template.id).await.row_version >= 8);
    }

    /// Beside a policy that is made stricter, what was issued without a refresh token came before
    /// it: afterwards nothing of the kind is.
    async fn no_issuance_slips_past_a_stricter_policy(t: &Vaults) {
        let template = put_template(t, crate::samples::oauth_template("a")).await;
        t.at_once(16, |number, store| async move {
            if number == 5 {
                let issuance_policy = store_core::vault::IssuancePolicy {
                    require_refresh_token: true,
                    ..Default::default()
                };
                let update = TemplateUpdate {
                    issuance_policy: Some(issuance_policy),
                    ..TemplateUpdate::default()
                };
                store.update_template(&caller(), template.id, update).await.unwrap();
                let new = issuance("too late");
                let late = store.issue_from_template(&caller(), template.id, new).await;
                super::assert_invalid(late, "oauth");
                return;
            }
            let new = issuance(&format!("issued {number}"));
            match store.issue_from_template(&caller(), template.id, new).await {
                Ok(_) | Err(Error::Invalid { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        })
        .await;
        let page = t.store.list(&caller(), &PageRequest::first(1000)).await.unwrap();
        assert_eq!(rows(t, "vault_issuances").await, i64::try_from(page.items.len()).unwrap());
        assert!(page.items.iter().all(|credential| credential.name != "too late"));
    }
}
