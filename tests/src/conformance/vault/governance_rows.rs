//! Rows of templates and alerts that cannot be read, and changes whose entry in the audit cannot be
//! written.

use store_core::vault::{AlertFilter, AlertKind, TemplateUpdate};
use store_core::{Error, PageRequest, Result};

use super::governance::{alert, issuance, record};
use super::template_updates::named;
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{operator, put_template, secret_template};

/// Asserts that an answer says which column of which row cannot be read, and not what it holds.
#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(answer: Result<T>, place: (&str, &str), row: &str) {
    let error = answer.expect_err("the row cannot be read");
    let Error::Corrupt { table, column, id, .. } = &error else { panic!("{error}") };
    assert_eq!(((*table, *column), id.as_str()), (place, row));
    assert!(!format!("{error} {error:?}").contains("nonsense"), "{error:?}");
}

/// Asserts that an answer is an error of the database.
#[track_caller]
fn assert_failed<T: std::fmt::Debug>(answer: Result<T>) {
    let error = answer.expect_err("the audit cannot be written");
    assert!(matches!(error, Error::Backend { .. }), "{error}");
}

/// Takes the table of the audit away.
async fn hide_the_audit(t: &Vaults) {
    t.sql("ALTER TABLE vault_audit RENAME TO hidden_audit").await;
}

behaviours! {
    emits vault_governance_rows_tests from vault::governance_rows;

    /// A set of a template that is no list of texts is named, whichever way the template is read.
    async fn a_template_that_cannot_be_read_is_named(t: &Vaults) {
        for column in ["scopes", "workflow_ids", "workspace_ids", "roles"] {
            for value in ["'[1]'", "'[null]'", "'[[\"nonsense\"]]'"] {
                let template = put_template(t, secret_template("a")).await.id;
                t.sql(&format!("UPDATE vault_templates SET {column} = {value}")).await;
                let (place, row) = (("vault_templates", column), template.to_string());
                assert_corrupt(t.store.fetch_template(&operator(), template).await, place, &row);
                let page = PageRequest::default();
                assert_corrupt(t.store.list_templates(&operator(), &page).await, place, &row);
                let updated = t.store.update_template(&operator(), template, named("b")).await;
                assert_corrupt(updated, place, &row);
                let new = issuance("c");
                let issued = t.store.issue_from_template(&operator(), template, new).await;
                assert_corrupt(issued, place, &row);
                assert_eq!(t.count("SELECT COUNT(*) FROM vault_credentials").await, 0);
                t.sql("DELETE FROM vault_templates").await;
            }
        }
    }

    /// A set of an alert that is no list of texts is named, whichever way the alert is read.
    async fn an_alert_that_cannot_be_read_is_named(t: &Vaults) {
        for column in ["workflow_ids", "workspace_ids", "roles"] {
            for value in ["'[1]'", "'[[\"nonsense\"]]'"] {
                let stored = record(t, alert(AlertKind::TokenExpiring, "soon")).await;
                t.sql(&format!("UPDATE vault_alerts SET {column} = {value}")).await;
                let (place, row) = (("vault_alerts", column), stored.id.to_string());
                let acknowledged = t.store.acknowledge_alert(&operator(), stored.id).await;
                assert_corrupt(acknowledged, place, &row);
                let (filter, page) = (AlertFilter::default(), PageRequest::default());
                let listed = t.store.list_alerts(&operator(), &filter, &page).await;
                assert_corrupt(listed, place, &row);
                t.sql("DELETE FROM vault_alerts").await;
            }
        }
    }

    /// A change of a template whose entry in the audit cannot be written is not made, and neither
    /// is an issuance.
    async fn a_change_whose_audit_cannot_be_written_is_not_made(t: &Vaults) {
        let template = put_template(t, secret_template("a")).await.id;
        let before = t.contents().await;
        hide_the_audit(t).await;
        assert_failed(t.store.create_template(&operator(), secret_template("b")).await);
        assert_failed(t.store.update_template(&operator(), template, named("c")).await);
        assert_failed(t.store.delete_template(&operator(), template).await);
        let issued = t.store.issue_from_template(&operator(), template, issuance("d")).await;
        assert_failed(issued);
        t.sql("ALTER TABLE hidden_audit RENAME TO vault_audit").await;
        assert_eq!(t.contents().await, before);
        let update = TemplateUpdate { expected_row_version: Some(1), ..named("c") };
        t.store.update_template(&operator(), template, update).await.unwrap();
        t.store.issue_from_template(&operator(), template, issuance("d")).await.unwrap();
    }
}
