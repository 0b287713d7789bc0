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

use crate::rules::access::{Reach, checked_context};
use crate::rules::alert::{checked_alert, checked_within};
use crate::rules::chain::{ReadyEntry, details};
use crate::rules::template::{ReadyTemplateUpdate, checked_issuance, ready_template};
use crate::sqlite::SqliteCredentialVault;
use crate::sqlite::{alerts, due, issuing, templates};

#[async_trait]
impl CredentialGovernance for SqliteCredentialVault {
    async fn create_template(
        &self,
        context: &AccessContext,
        new: NewTemplate,
    ) -> Result<CredentialTemplate> {
        observed!("vault", "create_template", "sqlite", async {
            let template = ready_template(&self.context, context, new)?;
            let (id, created) = (template.id, VaultAuditAction::Created);
            let entry = ReadyEntry::new(&self.context, id, created, context, details([]))?;
            let stored = template.clone();
            writing!(self, "template_create", |conn, _cx| {
                templates::template_create(conn, &stored, &entry)
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
        observed_read!("vault", "fetch_template", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            reading!(self, "template_fetch", |conn, _cx| {
                templates::template_fetch(conn, &access, id)
            })
        })
        .await
    }

    async fn list_templates(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<CredentialTemplate>> {
        observed_read!("vault", "list_templates", "sqlite", async {
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
        observed!("vault", "update_template", "sqlite", async {
            let update = ReadyTemplateUpdate::new(context, update)?;
            let access = context.clone();
            writing!(self, "template_update", |conn, cx| {
                templates::template_update(conn, cx, &access, id, &update)
            })
        })
        .await
    }

    async fn delete_template(&self, context: &AccessContext, id: TemplateId) -> Result<()> {
        observed!("vault", "delete_template", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            writing!(self, "template_remove", |conn, cx| {
                templates::template_remove(conn, cx, &access, id)
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
        observed!("vault", "issue_from_template", "sqlite", async {
            checked_issuance(context, &new)?;
            let access = context.clone();
            writing!(self, "template_issue", |conn, cx| {
                issuing::template_issue(conn, cx, &access, id, &new)
            })
        })
        .await
    }

    async fn due_for_rotation(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<Credential>> {
        observed!("vault", "due_for_rotation", "sqlite", async {
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
        observed!("vault", "expiring", "sqlite", async {
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
        observed!("vault", "record_alert", "sqlite", async {
            checked_alert(context, &new)?;
            let access = context.clone();
            writing!(self, "alert_record", |conn, cx| {
                alerts::alert_record(conn, cx, &access, &new)
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
        observed_read!("vault", "list_alerts", "sqlite", async {
            let reach = Reach::of(context)?;
            let listing = Listing::new("vault.alerts", &(&reach, filter), page, Order::Desc)?;
            let filter = filter.clone();
            reading!(self, "alert_list", |conn, _cx| {
                alerts::alert_list(conn, &reach, &filter, &listing)
            })
        })
        .await
    }

    async fn acknowledge_alert(&self, context: &AccessContext, id: AlertId) -> Result<Alert> {
        observed!("vault", "acknowledge_alert", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            writing!(self, "alert_acknowledge", |conn, cx| {
                alerts::alert_acknowledge(conn, cx, &access, id)
            })
        })
        .await
    }

    async fn resolve_alerts(
        &self,
        context: &AccessContext,
        credential_id: CredentialId,
    ) -> Result<Vec<Alert>> {
        observed!("vault", "resolve_alerts", "sqlite", async {
            checked_context(context)?;
            let access = context.clone();
            writing!(self, "alerts_resolve", |conn, cx| {
                alerts::alerts_resolve(conn, cx, &access, credential_id)
            })
        })
        .await
    }
}
