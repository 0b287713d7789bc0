use super::Credential;
use crate::{Actor, CredentialId, TemplateId, Timestamp};

/// A version of a credential's secret, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersion {
    /// Its number.
    pub version: i64,
    /// Whether it is the one that is revealed.
    pub is_current: bool,
    /// The key that it is sealed with.
    pub key_id: String,
    /// When it was stored.
    pub created_at: Timestamp,
    /// Who stored it.
    pub created_by: Actor,
}

/// That a credential was issued from a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuance {
    /// The credential.
    pub credential_id: CredentialId,
    /// The template, as long as it is there.
    pub template_id: Option<TemplateId>,
    /// What the template was called then.
    pub template_name: String,
    /// When.
    pub issued_at: Timestamp,
    /// Who issued it.
    pub issued_by: Actor,
}

/// Everything about a credential that is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialDescription {
    /// The credential.
    pub credential: Credential,
    /// The versions of its secret that are kept, newest first.
    pub versions: Vec<SecretVersion>,
    /// The template it was issued from.
    pub issuance: Option<Issuance>,
    /// How many alerts about it nobody has acknowledged.
    pub open_alerts: u64,
}
