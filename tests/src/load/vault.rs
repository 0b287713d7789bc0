//! A credential for each caller, whose secret is rotated and revealed.

use serde_json::{Value, json};
use store_core::vault::{AccessContext, Credential, NewCredential};
use store_core::{Actor, CredentialId, ExposeSecret as _, Result, SecretString};

use super::caller::Caller;
use super::verify::Findings;

/// Rotations after which a credential is left for the next one.
const ROTATIONS: u32 = 50;

fn administrator(name: &str) -> Result<AccessContext> {
    Ok(AccessContext::administrator(Actor::new(name)?))
}

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let vault = &caller.stores().vault;
    let cx = administrator(&caller.name)?;
    while caller.goes_on() {
        let name = caller.fresh();
        let mut secret = caller.fresh();
        let new = NewCredential::secret(name.clone(), "load", secret.clone());
        let call = || vault.create(&cx, new.clone());
        let credential =
            caller.settle("credential_create", call, || vault.find_by_name(&cx, &name)).await?;
        told(caller, &credential, &secret);
        for _ in 0..ROTATIONS {
            if !caller.goes_on() {
                break;
            }
            secret = caller.fresh();
            let id = credential.id;
            let look = || rotated(caller, &cx, id, &secret);
            let call = || vault.rotate(&cx, id, SecretString::from(secret.clone()));
            let credential = caller.settle("credential_rotate", call, look).await?;
            told(caller, &credential, &secret);
            let revealed = caller.read("credential_reveal", || vault.reveal(&cx, id)).await?;
            if revealed.expose_secret() != secret {
                caller.unexpected("vault", format!("{name} has another secret"));
            }
        }
    }
    Ok(())
}

/// The credential, if this is its secret.
async fn rotated(
    caller: &Caller,
    cx: &AccessContext,
    id: CredentialId,
    secret: &str,
) -> Result<Option<Credential>> {
    let vault = &caller.stores().vault;
    let is_ours = vault.reveal(cx, id).await?.expose_secret() == secret;
    if is_ours { vault.fetch(cx, id).await.map(Some) } else { Ok(None) }
}

fn told(caller: &Caller, credential: &Credential, secret: &str) {
    // No secret but a name: it protects nothing.
    let fact = json!(["secret", credential.id, credential.secret_version, secret]);
    caller.acknowledged(&fact);
}

/// Each credential has the secret that was acknowledged last, or a later one of a caller that was
/// killed, and its audit holds.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    let cx = administrator("the auditor")?;
    let vault = &found.stores.vault;
    for (id, facts) in found.by_first("secret") {
        let id: CredentialId = id.parse()?;
        let last = facts.iter().max_by_key(|fact: &&Value| fact[2].as_i64()).expect("there is one");
        let version = last[2].as_i64().expect("a version");
        let credential = vault.fetch(&cx, id).await?;
        let stored = credential.secret_version;
        found.check((version..=version + 1).contains(&stored), || {
            format!("credential {id} has version {stored}, and {version} was acknowledged")
        });
        if stored == version {
            let secret = vault.reveal(&cx, id).await?;
            found.check(Some(secret.expose_secret()) == last[3].as_str(), || {
                format!("credential {id} has another secret")
            });
        }
        let report = vault.verify_audit(&cx, id.into()).await?;
        found.check(report.is_intact() && report.entries >= facts.len() as u64, || {
            format!("the audit of credential {id}: {report:?}")
        });
    }
    Ok(())
}
