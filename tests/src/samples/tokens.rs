//! Records of service tokens.

use std::net::IpAddr;
use std::time::Duration;

use store_core::tokens::{
    AuditOrigin, DeniedUses, IpNet, NewRotation, NewServiceToken, RateLimit, Rotated,
    RotationChanges, SecretHash, ServiceToken, TokenAuditEntry, TokenDenial, TokenGrant, TokenUses,
};
use store_core::{ExposeSecret as _, PageRequest, Timestamp, TokenId};
use store_tokens::{AuthenticationRequest, ServiceTokenManager};

use super::ada;
use crate::fixture::Tokens;

/// Makes the identifier of a token.
pub fn token_id(text: &str) -> TokenId {
    TokenId::new(text).expect("a valid identifier")
}

/// The hash of the secret that the token with this identifier has in tests.
pub fn hash_of(identifier: &str) -> SecretHash {
    SecretHash::of(&format!("the secret of {identifier}"))
}

/// Who changes tokens, and nothing else.
pub fn origin() -> AuditOrigin {
    AuditOrigin::of(ada())
}

/// Who changes tokens, from where and with what.
pub fn full_origin() -> AuditOrigin {
    AuditOrigin {
        ip: Some(ip("2001:db8::1")),
        user_agent: Some("späße/1.0 (🎉)".into()),
        ..origin()
    }
}

/// Parses an address.
pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("a valid address")
}

/// Parses ranges of addresses.
pub fn ranges<const N: usize>(texts: [&str; N]) -> std::collections::BTreeSet<IpNet> {
    texts.into_iter().map(|text| text.parse().expect("a valid range")).collect()
}

/// Makes a set of texts.
pub fn texts<const N: usize>(texts: [&str; N]) -> std::collections::BTreeSet<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Makes a limit of uses.
pub fn rate(limit: u32, interval_seconds: u32) -> RateLimit {
    RateLimit { limit, interval_seconds }
}

/// A grant with every field.
pub fn full_grant(expires_at: Timestamp) -> TokenGrant {
    TokenGrant {
        name: Some("Späße & \"more\" 🎉".into()),
        scopes: texts(["workflows:read", "it's", "späße", "日本語"]),
        workspace_ids: texts(["ws-1", "wörk"]),
        expires_at: Some(expires_at),
        allowed_ip_ranges: ranges(["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]),
        rate_limit: Some(rate(i32::MAX.unsigned_abs(), 60)),
    }
}

/// A token that may be used everywhere and for ever, and has no scope.
pub fn token(identifier: &str) -> NewServiceToken {
    granted(identifier, TokenGrant::default())
}

/// A token with a grant.
pub fn granted(identifier: &str, grant: TokenGrant) -> NewServiceToken {
    NewServiceToken {
        identifier: token_id(identifier),
        secret_hash: hash_of(identifier),
        issued_at: None,
        grant,
    }
}

/// A token that expires.
pub fn expiring(identifier: &str, expires_at: Timestamp) -> NewServiceToken {
    granted(identifier, TokenGrant { expires_at: Some(expires_at), ..TokenGrant::default() })
}

/// Stores a token that may be used everywhere and for ever.
pub async fn stored(t: &Tokens, identifier: &str) -> ServiceToken {
    put(t, token(identifier)).await
}

/// Stores a token.
pub async fn put(t: &Tokens, new: NewServiceToken) -> ServiceToken {
    t.store.create(new, &origin()).await.expect("the token is stored")
}

/// Reads a token.
pub async fn read(t: &Tokens, identifier: &str) -> ServiceToken {
    t.store.fetch(&token_id(identifier)).await.expect("the token is there")
}

/// A rotation that changes nothing but the secret.
pub fn rotation(successor: &str, overlap: Duration) -> NewRotation {
    NewRotation {
        successor: token_id(successor),
        secret_hash: hash_of(successor),
        overlap,
        changes: RotationChanges::default(),
    }
}

/// Rotates a token.
pub async fn rotate(t: &Tokens, identifier: &str, rotation: NewRotation) -> Rotated {
    let rotated = t.store.rotate(&token_id(identifier), rotation, &origin()).await;
    rotated.expect("the token is rotated")
}

/// Revokes a token, or its family, and returns what was revoked.
pub async fn revoke(t: &Tokens, identifier: &str, family: bool) -> Vec<String> {
    let revoked = t.store.revoke(&token_id(identifier), None, family, &origin()).await;
    identifiers(&revoked.expect("the token is revoked"))
}

/// The identifiers of tokens.
pub fn identifiers(tokens: &[ServiceToken]) -> Vec<String> {
    tokens.iter().map(|token| token.identifier.to_string()).collect()
}

/// Uses of a token since the last flush.
pub fn uses(identifier: &str, uses: u32, last_used_at: Timestamp) -> TokenUses {
    TokenUses { identifier: token_id(identifier), uses, last_used_at }
}

/// Uses of a token that were refused since the last flush.
pub fn denied(identifier: &str, reason: TokenDenial, count: u32, last_at: Timestamp) -> DeniedUses {
    let identifier = token_id(identifier);
    DeniedUses { identifier, reason, count, last_at, ip: None, user_agent: None }
}

/// The audit of a token, oldest first.
pub async fn audited(t: &Tokens, identifier: &str) -> Vec<TokenAuditEntry> {
    let page = t.store.audit(&token_id(identifier), &PageRequest::first(1000)).await;
    page.expect("the audit is readable").items
}

/// What the audit of a token says was done, oldest first.
pub async fn deeds(t: &Tokens, identifier: &str) -> Vec<&'static str> {
    audited(t, identifier).await.into_iter().map(|entry| entry.action.as_str()).collect()
}

/// Asserts that the audit of a token has so many entries, and that nothing is wrong with it.
pub async fn assert_intact(t: &Tokens, identifier: &str, entries: u64) {
    let report = t.store.verify_audit(&token_id(identifier)).await.expect("there is an audit");
    assert!(report.is_intact(), "{identifier}: {report:?}");
    assert_eq!(report.entries, entries, "{identifier}");
}

/// Mints a token that may be used everywhere and for ever, and returns its text and its record.
pub async fn minted(manager: &ServiceTokenManager) -> (String, ServiceToken) {
    minted_with(manager, TokenGrant::default()).await
}

/// Mints a token with a grant.
pub async fn minted_with(
    manager: &ServiceTokenManager,
    grant: TokenGrant,
) -> (String, ServiceToken) {
    let (secret, token) = manager.mint(grant, &origin()).await.expect("the token is minted");
    (secret.expose_secret().to_owned(), token)
}

/// A request that says nothing of itself.
pub fn anyone() -> AuthenticationRequest<'static> {
    AuthenticationRequest::default()
}

/// A request from an address.
pub fn from_address(address: &str) -> AuthenticationRequest<'static> {
    AuthenticationRequest { ip: Some(ip(address)), ..anyone() }
}

/// Authenticates a request that says nothing of itself.
pub async fn authenticate(
    manager: &ServiceTokenManager,
    presented: &str,
) -> store_core::Result<std::sync::Arc<ServiceToken>> {
    manager.authenticate(presented, &anyone()).await
}
