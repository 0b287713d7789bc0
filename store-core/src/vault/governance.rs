use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    AccessContext, Alert, AlertFilter, Credential, CredentialTemplate, NewAlert, NewIssuance,
    NewTemplate, TemplateUpdate,
};
use crate::{AlertId, CredentialId, Page, PageRequest, Result, TemplateId};

/// What governs credentials: the templates they are issued from, and alerts about them.
///
/// The scope of a template, and that of an alert, restricts callers as the scope of a credential
/// does: `Denied`, and in no listing. A change of a template and its entry in the audit are one
/// transaction. Every check of input comes before a connection is taken: `Invalid` changes nothing.
/// Any method can fail with `Backend`, and with `Corrupt` when a stored row cannot be read.
#[async_trait]
pub trait CredentialGovernance: Send + Sync + fmt::Debug {
    /// Stores a template and returns it.
    ///
    /// # Errors
    /// `Conflict` when the name is taken; `Invalid`, also for a policy that requires refresh tokens of
    /// credentials that are not OAuth.
    async fn create_template(
        &self,
        context: &AccessContext,
        new: NewTemplate,
    ) -> Result<CredentialTemplate>;

    /// Returns a template.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn fetch_template(
        &self,
        context: &AccessContext,
        id: TemplateId,
    ) -> Result<CredentialTemplate>;

    /// Lists the templates whose scope allows the caller, newest first unless asked otherwise; those
    /// of one instant by id: one query, which does the filtering.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn list_templates(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<CredentialTemplate>>;

    /// Changes a template and returns it. An update that changes nothing writes nothing.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `Conflict` when the name is taken, or the row version is another than
    /// expected; `Invalid`, also for a policy that does not fit the kind.
    async fn update_template(
        &self,
        context: &AccessContext,
        id: TemplateId,
        update: TemplateUpdate,
    ) -> Result<CredentialTemplate>;

    /// Deletes a template with its alerts. Its audit stays, and so do the credentials that were
    /// issued from it, which are then no longer due by its policy.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn delete_template(&self, context: &AccessContext, id: TemplateId) -> Result<()>;

    /// Issues a credential from a template, with the template's provider, kind and scope: the
    /// credential, the record of its issuance and its audit are one transaction. A change of the
    /// template beside it comes before or after all of it.
    ///
    /// # Errors
    /// `NotFound`; `Denied`; `Conflict` when the name is taken; `Invalid`, also for tokens that the
    /// kind does not have, and for none, or no refresh token, where the policy requires one.
    async fn issue_from_template(
        &self,
        context: &AccessContext,
        id: TemplateId,
        new: NewIssuance,
    ) -> Result<Credential>;

    /// Lists the credentials within the caller's reach whose secret should have been rotated by
    /// now, by the policy of their template, by id.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn due_for_rotation(
        &self,
        context: &AccessContext,
        page: &PageRequest,
    ) -> Result<Page<Credential>>;

    /// Lists the OAuth credentials within the caller's reach whose access token ends within a time
    /// from now, or has ended, by id. Without a time it is that of their template, and one hour
    /// for those without.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000, a cursor of another listing, and a time of more than
    /// 100 years.
    async fn expiring(
        &self,
        context: &AccessContext,
        within: Option<Duration>,
        page: &PageRequest,
    ) -> Result<Page<Credential>>;

    /// Records an alert and returns it. While one of its kind about the same credential and
    /// template is open, that one gets the severity and the message instead.
    ///
    /// # Errors
    /// `NotFound` for a credential or a template that is not there; `Denied`; `Invalid`.
    async fn record_alert(&self, context: &AccessContext, new: NewAlert) -> Result<Alert>;

    /// Lists alerts whose scope allows the caller, newest first unless asked otherwise.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    async fn list_alerts(
        &self,
        context: &AccessContext,
        filter: &AlertFilter,
        page: &PageRequest,
    ) -> Result<Page<Alert>>;

    /// Says that somebody has seen to an alert, and returns it. The first acknowledgement stays.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn acknowledge_alert(&self, context: &AccessContext, id: AlertId) -> Result<Alert>;

    /// Acknowledges all open alerts about a credential, and returns those, by id.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    async fn resolve_alerts(
        &self,
        context: &AccessContext,
        credential_id: CredentialId,
    ) -> Result<Vec<Alert>>;
}
