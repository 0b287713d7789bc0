use std::time::Duration;

use async_trait::async_trait;
use store_core::vault::{
    AccessContext, Alert, AlertFilter, Credential, CredentialGovernance, CredentialTemplate,
    NewAlert, NewIssuance, NewTemplate, TemplateUpdate, VaultAuditAction,
};
use store_core::{
    AlertId, CredentialId, Listing, Order, Page, PageRequest, Result, TemplateId, observed,
    observed_read,
};

use crate::postgres::PostgresCredentialVault;
use crate::postgres::{alerts, due, issuing, templates};
use crate::rules::access::{Reach, checked_context};
use crate::rules::alert::{checked_alert, checked_within};
use crate::rules::chain::{ReadyEntry, details};
use crate::rules::template::{ReadyTemplateUpdate, checked_issuance, ready_template};

#[async_trait]
impl CredentialGovernance for PostgresCredentialVault {
    async fn create_template(
        &self,
        context: &AccessContext,
        new: NewTemplate,
    ) -> Result<CredentialTemplate> {
        observed!("vault", "create_template", "postgres", async {
            let template = ready_template(&self.context, context, new)?;
            let (id, created) = (template.id, VaultAuditAction::Created);
            let entry = ReadyEntry::new(&self.context, id, created, context, details([]))?;
            writing!(self, "template_create", |conn, _cx| {
                templates::template_create(conn, &template, &entry)
            })?;
            Ok(template)
        })
        .await
    }

    async fn fetch_template(
        &self,
        context: &AccessContext,
        id: TemplateId,
    ) -> Result<CredentialTemplate> {
        observed_read!("vault", "fetch_template", "postgres", async {
            checked_context(context)?;
            reading!(self, "template_fetch", |conn, _cx| {
                templates::template_fetch(conn, context, id)
            })
        })
        .await
    }

    async fn list_templates(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<CredentialTemplate>> {
        observed_read!("vault", "list_templates", "postgres", async {
            let reach = Reach::of(context)?;
            let listing = Listing::new("vault.templates", &reach, page, Order::Desc)?;
            reading!(self, "template_list", |conn, _cx| {
                templates::template_list(conn, &reach, &listing)
            })
        })
        .await
    }

    async fn update_template(
        &self,
        context: &AccessContext,
        id: TemplateId,
        update: TemplateUpdate,
    ) -> Result<CredentialTemplate> {
        observed!("vault", "update_template", "postgres", async {
            let update = ReadyTemplateUpdate::new(context, update)?;
            writing!(self, "template_update", |conn, cx| {
                templates::template_update(conn, cx, context, id, &update)
            })
        })
        .await
    }

    async fn delete_template(&self, context: &AccessContext, id: TemplateId) -> Result<()> {
        observed!("vault", "delete_template", "postgres", async {
            checked_context(context)?;
            writing!(self, "template_remove", |conn, cx| {
                templates::template_remove(conn, cx, context, id)
            })
        })
        .await
    }

    async fn issue_from_template(
        &self,
        context: &AccessContext,
        id: TemplateId,
        new: NewIssuance,
    ) -> Result<Credential> {
        observed!("vault", "issue_from_template", "postgres", async {
            checked_issuance(context, &new)?;
            writing!(self, "template_issue", |conn, cx| {
                issuing::template_issue(conn, cx, context, id, &new)
            })
        })
        .await
    }

    async fn due_for_rotation(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<Credential>> {
        observed!("vault", "due_for_rotation", "postgres", async {
            let reach = Reach::of(context)?;
            let listing = Listing::new("vault.due_for_rotation", &reach, page, Order::Asc)?;
            let now = self.context.clock.now();
            reading!(self, "rotation_due_list", |conn, _cx| {
                due::rotation_due_list(conn, &reach, now, &listing)
            })
        })
        .await
    }

    async fn expiring(
        &self,
        context: &AccessContext,
        within: Option<Duration>,
        page: &PageRequest,
    ) -> Result<Page<Credential>> {
        observed!("vault", "expiring", "postgres", async {
            let reach = Reach::of(context)?;
            let listing = Listing::new("vault.expiring", &(&reach, within), page, Order::Asc)?;
            let now = self.context.clock.now();
            let by = within.map(|within| checked_within(now, within)).transpose()?;
            reading!(self, "expiring_list", |conn, _cx| {
                due::expiring_list(conn, &reach, now, by, &listing)
            })
        })
        .await
    }

    async fn record_alert(&self, context: &AccessContext, new: NewAlert) -> Result<Alert> {
        observed!("vault", "record_alert", "postgres", async {
            checked_alert(context, &new)?;
            writing!(self, "alert_record", |conn, cx| {
                alerts::alert_record(conn, cx, context, &new)
            })
        })
        .await
    }

    async fn list_alerts(
        &self,
        context: &AccessContext,
        filter: &AlertFilter,
        page: &PageRequest,
    ) -> Result<Page<Alert>> {
        observed_read!("vault", "list_alerts", "postgres", async {
            let reach = Reach::of(context)?;
            let listing = Listing::new("vault.alerts", &(&reach, filter), page, Order::Desc)?;
            reading!(self, "alert_list", |conn, _cx| {
                alerts::alert_list(conn, &reach, filter, &listing)
            })
        })
        .await
    }

    async fn acknowledge_alert(&self, context: &AccessContext, id: AlertId) -> Result<Alert> {
        observed!("vault", "acknowledge_alert", "postgres", async {
            checked_context(context)?;
            writing!(self, "alert_acknowledge", |conn, cx| {
                alerts::alert_acknowledge(conn, cx, context, id)
            })
        })
        .await
    }

    async fn resolve_alerts(
        &self,
        context: &AccessContext,
        credential_id: CredentialId,
    ) -> Result<Vec<Alert>> {
        observed!("vault", "resolve_alerts", "postgres", async {
            checked_context(context)?;
            writing!(self, "alerts_resolve", |conn, cx| {
                alerts::alerts_resolve(conn, cx, context, credential_id)
            })
        })
        .await
    }
}
