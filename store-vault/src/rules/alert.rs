use std::time::Duration;

use store_core::vault::{AccessContext, Alert, CredentialScope, NewAlert};
use store_core::{AlertId, Error, Result, Timestamp};

use super::Context;
use super::access::{ScopeTexts, checked_context};
use super::text::checked_long;

/// How long before their end tokens count as expiring, where no template says so.
pub(crate) const DEFAULT_THRESHOLD_MINUTES: i32 = 60;
/// The longest time that is looked ahead: a hundred years of 365.25 days.
const WITHIN_MAX: Duration = Duration::from_secs(36_525 * 24 * 3600);

/// Checks an alert that is to be recorded.
pub(crate) fn checked_alert(access: &AccessContext, new: &NewAlert) -> Result<()> {
    checked_context(access)?;
    if new.message.is_empty() {
        return Err(Error::invalid("message", "must not be empty"));
    }
    checked_long("message", &new.message)
}

/// Makes the alert that is stored unless one of its kind is open.
pub(crate) fn ready_alert(cx: &Context, new: &NewAlert, scope: CredentialScope) -> Alert {
    let now = cx.clock.now();
    Alert {
        id: AlertId::mint(),
        scope,
        template_id: new.template_id,
        credential_id: new.credential_id,
        kind: new.kind,
        severity: new.severity,
        message: new.message.clone(),
        created_at: now,
        updated_at: now,
        acknowledged: None,
    }
}

/// The columns of an alert that are made of its record.
#[derive(Debug, Clone)]
pub(crate) struct AlertTexts {
    pub(crate) scope: ScopeTexts,
    /// What alerts are one by: of each only one is open.
    pub(crate) subject_key: String,
    pub(crate) record_bytes: i64,
}

impl AlertTexts {
    pub(crate) fn of(alert: &Alert) -> Self {
        let scope = ScopeTexts::of(&alert.scope);
        let shown = |id: Option<String>| id.unwrap_or_else(|| "-".to_owned());
        let credential = shown(alert.credential_id.map(|id| id.to_string()));
        let template = shown(alert.template_id.map(|id| id.to_string()));
        let bytes = scope.bytes() + alert.message.len();
        Self {
            scope,
            subject_key: format!("{} {credential} {template}", alert.kind),
            record_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        }
    }
}

/// Returns the instant up to which tokens count as expiring.
pub(crate) fn checked_within(now: Timestamp, within: Duration) -> Result<Timestamp> {
    if within > WITHIN_MAX {
        return Err(Error::invalid("within", "is more than 100 years"));
    }
    now.plus(within).map_err(|_range| Error::invalid("within", "ends after the year 9999"))
}
