use std::collections::BTreeMap;
use std::net::IpAddr;

use secrecy::SecretString;

use super::Patch;
use crate::words::words;
use crate::{Timestamp, WorkflowId};

/// What a request must look like to start a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// The HTTP methods that are accepted; stored in upper case, sorted, without repeats.
    pub allowed_methods: Vec<String>,
    /// Headers that must be there with exactly these values; names are stored in lower case.
    pub required_headers: BTreeMap<String, String>,
    /// Query parameters that must be there with exactly these values.
    pub required_query_params: BTreeMap<String, String>,
    /// The header that carries the shared secret; set together with the secret.
    pub shared_secret_header: Option<String>,
    /// The header that carries the signature; set together with the secret of the signature.
    pub hmac_header: Option<String>,
    /// The hash the signature is made with.
    pub hmac_algorithm: HmacAlgorithm,
    /// What stands before the signature, such as `sha256=`; without it `sha256=`, `v1=` and bare
    /// signatures are understood.
    pub signature_prefix: Option<String>,
    /// The header that carries the seconds since 1970 at which the request was signed.
    pub hmac_timestamp_header: Option<String>,
    /// How old or how far ahead a signed timestamp may be, in seconds; 0 means any age.
    pub hmac_tolerance_seconds: u32,
    /// How many requests are accepted in which time.
    pub rate_limit: Option<RateLimit>,
    /// The header that tells deliveries apart when nothing is signed with a timestamp.
    pub idempotency_header: Option<String>,
}

impl Default for WebhookConfig {
    /// GET and POST, from anybody.
    fn default() -> Self {
        Self {
            allowed_methods: vec!["GET".into(), "POST".into()],
            required_headers: BTreeMap::new(),
            required_query_params: BTreeMap::new(),
            shared_secret_header: None,
            hmac_header: None,
            hmac_algorithm: HmacAlgorithm::default(),
            signature_prefix: None,
            hmac_timestamp_header: None,
            hmac_tolerance_seconds: 300,
            rate_limit: None,
            idempotency_header: None,
        }
    }
}

words! {
    /// The hash of a webhook's signature.
    #[derive(Default)]
    pub enum HmacAlgorithm of "webhook.hmac_algorithm" {
        /// HMAC-SHA-256.
        #[default]
        Sha256 = "sha256",
        /// HMAC-SHA-384.
        Sha384 = "sha384",
        /// HMAC-SHA-512.
        Sha512 = "sha512",
        /// HMAC-SHA-1, for senders that know nothing else.
        Sha1 = "sha1",
    }
}

/// At most `limit` in every window of `interval_seconds`, counted over all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many, at least 1.
    pub limit: u32,
    /// In how many seconds, at least 1.
    pub interval_seconds: u32,
}

/// What `configure_webhook` takes.
#[derive(Debug, Clone, Default)]
pub struct NewWebhook {
    /// The rules.
    pub config: WebhookConfig,
    /// The shared secret: kept, cleared or set.
    pub shared_secret: Patch<SecretString>,
    /// The secret of the signature: kept, cleared or set.
    pub hmac_secret: Patch<SecretString>,
}

/// The webhook trigger of a workflow. Secrets are never returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTrigger {
    /// The workflow it starts.
    pub workflow_id: WorkflowId,
    /// The rules.
    pub config: WebhookConfig,
    /// Whether a shared secret is set.
    pub has_shared_secret: bool,
    /// Whether a secret for signatures is set.
    pub has_hmac_secret: bool,
    /// When it was first configured.
    pub created_at: Timestamp,
    /// When it was last configured.
    pub updated_at: Timestamp,
}

/// An HTTP request as the application received it.
#[derive(Debug, Clone, Default)]
pub struct WebhookRequest {
    /// The method, in any case.
    pub method: String,
    /// The headers as they came: names in any case, values as bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The decoded query parameters, in order.
    pub query: Vec<(String, String)>,
    /// The body, before anybody parsed it: signatures are over these bytes.
    pub body: Vec<u8>,
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
}
