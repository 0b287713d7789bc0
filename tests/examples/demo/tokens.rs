//! Service tokens: from the minting of one to the check of its audit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use store_core::tokens::{
    AuditOrigin, RateLimit, ServiceToken, ServiceTokenRepository, TokenGrant,
};
use store_core::{Actor, ExposeSecret as _, PageRequest, SecretString, TokenId};
use store_tokens::{AuthenticationRequest, CacheSettings, Rotation, ServiceTokenManager};

use crate::Result;
use crate::report::{self, Report, count, rate};

/// How often the token is authenticated.
const USES: usize = 5000;

/// Tells the whole part.
pub(crate) async fn tell(
    report: &mut Report,
    repository: Arc<dyn ServiceTokenRepository>,
) -> Result<()> {
    let tokens = ServiceTokenManager::builder(Arc::clone(&repository)).prefix("demo").build()?;
    let operator = AuditOrigin::of(Actor::new("ada@example.com")?);
    let (secret, token) = mint(report, &tokens, &operator).await?;
    refuse(report, &tokens, &secret).await?;
    authenticate(report, repository, &secret).await?;
    let family = rotate(report, &tokens, &operator, &secret, &token).await?;
    revoke(report, &tokens, &operator, &family).await?;
    audit(report, &tokens, &token.identifier).await?;
    tokens.close().await?;
    Ok(())
}

async fn mint(
    report: &mut Report,
    tokens: &ServiceTokenManager,
    operator: &AuditOrigin,
) -> Result<(SecretString, ServiceToken)> {
    report.section("Mint a service token");
    let grant = TokenGrant {
        name: Some("dashboard".into()),
        scopes: ["runs:read".into(), "runs:start".into()].into(),
        allowed_ip_ranges: ["203.0.113.0/24".parse()?, "2001:db8::/32".parse()?].into(),
        ..TokenGrant::default()
    };
    let (minted, took) = report::timed(tokens.mint(grant, operator)).await;
    let (secret, token) = minted?;
    report::done(format!("token {} for two scopes and two ranges", token.identifier), took);
    let text = secret.expose_secret();
    report::note(format!("its secret is shown once: {}…{}", &text[..8], &text[text.len() - 6..]));
    Ok((secret, token))
}

/// A request from an address that the token is allowed from.
fn request() -> AuthenticationRequest<'static> {
    AuthenticationRequest {
        ip: Some([203, 0, 113, 7].into()),
        user_agent: Some("demo"),
        required_scopes: &["runs:read"],
        workspace_id: None,
    }
}

async fn refuse(
    report: &mut Report,
    tokens: &ServiceTokenManager,
    secret: &SecretString,
) -> Result<()> {
    report.section("Refuse what is not allowed");
    let secret = secret.expose_secret();
    let mistyped = format!("{secret}x");
    let elsewhere = AuthenticationRequest { ip: Some([198, 51, 100, 7].into()), ..request() };
    let more = AuthenticationRequest { required_scopes: &["admin"], ..request() };
    let attempts = [
        ("a mistyped token, without a query", mistyped.as_str(), request()),
        ("from another address", secret, elsewhere),
        ("for a scope it does not have", secret, more),
    ];
    for (what, presented, request) in attempts {
        let (answer, took) = report::timed(tokens.authenticate(presented, &request)).await;
        let Err(refused) = answer else { return Err(format!("{what}: it was let in").into()) };
        let status = refused.http_status().unwrap_or_default();
        report::done(format!("{what}: {status}"), took);
    }
    Ok(())
}

async fn authenticate(
    report: &mut Report,
    repository: Arc<dyn ServiceTokenRepository>,
    secret: &SecretString,
) -> Result<()> {
    report.section("Authenticate");
    let uncached = ServiceTokenManager::builder(Arc::clone(&repository)).build()?;
    many(&uncached, secret, "with a query each").await?;
    let cached =
        ServiceTokenManager::builder(repository).cache(CacheSettings::default()).build()?;
    many(&cached, secret, "with a cache").await?;
    let (closed, took) =
        report::timed(async { tokio::join!(uncached.close(), cached.close()) }).await;
    closed.0?;
    closed.1?;
    report::done("the counts that were not flushed yet are written", took);
    Ok(())
}

async fn many(tokens: &ServiceTokenManager, secret: &SecretString, how: &str) -> Result<()> {
    let started = Instant::now();
    for _ in 0..USES {
        tokens.authenticate(secret.expose_secret(), &request()).await?;
    }
    let took = started.elapsed();
    report::done(format!("{} times {how}, {}", count(USES as u64), rate(USES, took)), took);
    Ok(())
}

async fn rotate(
    report: &mut Report,
    tokens: &ServiceTokenManager,
    operator: &AuditOrigin,
    secret: &SecretString,
    token: &ServiceToken,
) -> Result<TokenId> {
    report.section("Rotate");
    let mut rotation = Rotation { overlap: Duration::from_secs(600), ..Rotation::default() };
    let limit = RateLimit { limit: 3, interval_seconds: 3600 };
    rotation.changes.rate_limit = store_core::workflow::Patch::Set(limit);
    let (rotated, took) =
        report::timed(tokens.rotate(&token.identifier, rotation.clone(), operator)).await;
    let (new_secret, rotated) = rotated?;
    let successor = rotated.successor.identifier;
    report::done(format!("successor {successor}; both may be used for ten minutes"), took);
    tokens.authenticate(secret.expose_secret(), &request()).await?;
    let mut allowed = 0;
    while tokens.authenticate(new_secret.expose_secret(), &request()).await.is_ok() {
        allowed += 1;
    }
    report::note(format!("the old one is let in, the new one {allowed} times: its rate limit"));
    let again = tokens.rotate(&token.identifier, rotation, operator).await;
    let Err(refused) = again else { return Err("it was rotated twice".into()) };
    report::note(format!("again: {refused}"));
    Ok(successor)
}

async fn revoke(
    report: &mut Report,
    tokens: &ServiceTokenManager,
    operator: &AuditOrigin,
    member: &TokenId,
) -> Result<()> {
    report.section("Revoke the family");
    let (revoked, took) =
        report::timed(tokens.revoke(member, Some("the demo is over"), true, operator)).await;
    report::done(format!("{} tokens revoked at once", revoked?.len()), took);
    Ok(())
}

async fn audit(report: &mut Report, tokens: &ServiceTokenManager, id: &TokenId) -> Result<()> {
    report.section("Check the audit");
    tokens.flush().await?;
    let repository = tokens.repository();
    let token = repository.fetch(id).await?;
    report::note(format!("the token was used {} times", count(token.use_count.unsigned_abs())));
    for entry in repository.audit(id, &PageRequest::default()).await?.items {
        let (at, action, actor) = (entry.sequence, entry.action, entry.actor);
        report::note(format!("{at}. {action} by {actor}: {}", entry.details));
    }
    let (checked, took) = report::timed(repository.verify_audit(id)).await;
    let checked = checked?;
    if !checked.is_intact() {
        return Err(format!("the audit is not intact: {:?}", checked.faults).into());
    }
    report::done(format!("the chain of {} entries is intact", checked.entries), took);
    Ok(())
}
