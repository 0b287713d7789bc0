use super::CredentialScope;
use crate::words::words;
use crate::{Actor, AlertId, CredentialId, TemplateId, Timestamp};

words! {
    /// What an alert is about.
    pub enum AlertKind of "kind" {
        /// Tokens end soon.
        TokenExpiring = "token_expiring",
        /// A credential does not work.
        ValidationFailed = "validation_failed",
        /// A secret should have been rotated.
        RotationOverdue = "rotation_overdue",
    }
}

words! {
    /// How bad it is.
    pub enum AlertSeverity of "severity" {
        /// Good to know.
        Info = "info",
        /// Soon somebody has to do something.
        Warning = "warning",
        /// Somebody has to do something now.
        Critical = "critical",
    }
}

/// Something about credentials that somebody should see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// Who may see it: the scope of the credential, or else of the template, when it was recorded.
    pub scope: CredentialScope,
    /// The template it is about.
    pub template_id: Option<TemplateId>,
    /// The credential it is about.
    pub credential_id: Option<CredentialId>,
    /// What it is about.
    pub kind: AlertKind,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// What people read.
    pub message: String,
    /// When it was recorded first.
    pub created_at: Timestamp,
    /// When it was recorded, or acknowledged, last.
    pub updated_at: Timestamp,
    /// That somebody has seen to it.
    pub acknowledged: Option<Acknowledgement>,
}

/// That somebody has seen to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
}

/// An alert to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlert {
    /// What it is about.
    pub kind: AlertKind,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// What people read: 1 to 4096 bytes without NUL.
    pub message: String,
    /// The credential it is about.
    pub credential_id: Option<CredentialId>,
    /// The template it is about.
    pub template_id: Option<TemplateId>,
}

/// Which alerts are listed: those that meet all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertFilter {
    /// Those that were acknowledged, too.
    pub with_acknowledged: bool,
    /// About this credential.
    pub credential_id: Option<CredentialId>,
    /// Of this kind.
    pub kind: Option<AlertKind>,
}
