//! Tokens are minted, used, rotated and revoked.

use serde_json::{Value, json};
use store_core::tokens::{AuditOrigin, TokenGrant};
use store_core::{Actor, Error, ExposeSecret as _, Result, SecretString, TokenId};
use store_tokens::{AuthenticationRequest, NewToken, Rotation};

use super::caller::Caller;
use super::verify::Findings;

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let origin = AuditOrigin::of(Actor::new(caller.name.clone())?);
    while caller.goes_on() {
        let id = TokenId::new(caller.fresh())?;
        // A secret that was made and never heard of is lost: the token is revoked.
        let Some(secret) = mint(caller, &id, &origin).await? else {
            revoke(caller, &id, &origin).await?;
            continue;
        };
        for _ in 0..3 {
            accepted(caller, &secret).await?;
        }
        match caller.draw(4) {
            0 => revoke(caller, &id, &origin).await?,
            1 => {}
            _ => rotate(caller, &id, &secret, &origin).await?,
        }
    }
    Ok(())
}

async fn mint(caller: &Caller, id: &TokenId, origin: &AuditOrigin) -> Result<Option<SecretString>> {
    let tokens = &caller.stores().tokens;
    let new = NewToken { identifier: Some(id.clone()), grant: TokenGrant::default() };
    let call = async || Ok(Some(tokens.mint(new.clone(), origin).await?.0));
    let look = async || Ok(tokens.repository().find(id).await?.map(|_token| None));
    let secret = caller.settle("token_mint", call, look).await?;
    caller.acknowledged(&json!(["token", id]));
    Ok(secret)
}

async fn accepted(caller: &Caller, secret: &SecretString) -> Result<()> {
    let tokens = &caller.stores().tokens;
    let request = AuthenticationRequest::default();
    let call = || tokens.authenticate(secret.expose_secret(), &request);
    caller.read("token_authenticate", call).await.map(drop)
}

async fn revoke(caller: &Caller, id: &TokenId, origin: &AuditOrigin) -> Result<()> {
    let tokens = &caller.stores().tokens;
    let look = async || Ok(tokens.repository().fetch(id).await?.revoked_at.map(|_at| Vec::new()));
    let call = || tokens.revoke(id, Some("on purpose"), false, origin);
    caller.settle("token_revoke", call, look).await?;
    caller.acknowledged(&json!(["revoked", id]));
    Ok(())
}

/// Afterwards the old secret is refused, and the new one accepted.
async fn rotate(
    caller: &Caller,
    id: &TokenId,
    old: &SecretString,
    origin: &AuditOrigin,
) -> Result<()> {
    let tokens = &caller.stores().tokens;
    let call = async || {
        let (secret, rotated) = tokens.rotate(id, Rotation::default(), origin).await?;
        Ok((rotated.successor.identifier, Some(secret)))
    };
    let look = async || {
        let successor = tokens.repository().fetch(id).await?.rotated_to;
        Ok(successor.map(|successor| (successor, None)))
    };
    let (successor, secret) = caller.settle("token_rotate", call, look).await?;
    caller.acknowledged(&json!(["rotated", id, successor]));
    match accepted(caller, old).await {
        Err(Error::Denied { .. }) => {}
        answer => caller.unexpected("token", format!("{id} was rotated, and is {answer:?}")),
    }
    match secret {
        Some(secret) => accepted(caller, &secret).await,
        None => revoke(caller, &successor, origin).await,
    }
}

/// Tokens are as was acknowledged, and so are their audits.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    let repository = found.stores.tokens.repository();
    let (revoked, rotated) = (found.by_first("revoked"), found.by_first("rotated"));
    found
        .each("token", async |fact: &Value| {
            let name = fact[1].as_str().expect("an id");
            let id = TokenId::new(name)?;
            let token = repository.fetch(&id).await?;
            let gone = revoked.contains_key(name);
            found.check(!gone || token.revoked_at.is_some(), || format!("{id} is not revoked"));
            let mut chain = vec![id.clone()];
            if let Some(facts) = rotated.get(name) {
                let successor = TokenId::new(facts[0][2].as_str().expect("an id"))?;
                found.check(token.rotated_to == Some(successor.clone()), || {
                    format!("{id} was not rotated to {successor}")
                });
                chain.push(successor);
            }
            for id in chain {
                let report = repository.verify_audit(&id).await?;
                found.check(report.is_intact() && report.entries > 0, || {
                    format!("the audit of {id}: {report:?}")
                });
            }
            Ok(())
        })
        .await
}
