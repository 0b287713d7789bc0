//! Every call that names one credential, for what holds of all of them.

use std::time::Duration;

use store_core::vault::{AccessContext, CredentialVault, HealthStatus, RefreshLease};
use store_core::{CredentialId, Error, PageRequest, Result, SecretString};

use crate::samples::{numbered_tokens, renamed};

const MINUTE: Duration = Duration::from_secs(60);

/// What a call came to.
pub(super) type Answers = Vec<(&'static str, Result<()>)>;

/// Makes every call that names a credential and tells what each came to; the last one deletes it.
pub(super) async fn every_call(
    vault: &dyn CredentialVault,
    cx: &AccessContext,
    id: CredentialId,
    lease: &RefreshLease,
) -> Answers {
    let mut answers = reading(vault, cx, id).await;
    answers.extend(writing(vault, cx, id).await);
    answers.extend(leasing(vault, cx, id, lease).await);
    answers.push(("delete", vault.delete(cx, id).await));
    answers
}

/// Makes every call that changes neither the credential nor its lease.
pub(super) async fn reading(
    vault: &dyn CredentialVault,
    cx: &AccessContext,
    id: CredentialId,
) -> Answers {
    let page = PageRequest::default();
    vec![
        ("fetch", vault.fetch(cx, id).await.map(drop)),
        ("describe", vault.describe(cx, id).await.map(drop)),
        ("versions", vault.versions(cx, id).await.map(drop)),
        ("audit", vault.audit(cx, id.into(), &page).await.map(drop)),
        ("verify_audit", vault.verify_audit(cx, id.into()).await.map(drop)),
    ]
}

/// Makes every call that writes to the audit, except that which deletes.
pub(super) async fn writing(
    vault: &dyn CredentialVault,
    cx: &AccessContext,
    id: CredentialId,
) -> Answers {
    let secret = SecretString::from("another secret");
    let tokens = numbered_tokens(7, None);
    let healthy = HealthStatus::Healthy;
    vec![
        ("update", vault.update(cx, id, renamed("another name")).await.map(drop)),
        ("rotate", vault.rotate(cx, id, secret).await.map(drop)),
        ("reveal", vault.reveal(cx, id).await.map(drop)),
        ("restore_version", vault.restore_version(cx, id, 1).await.map(drop)),
        ("mark_health", vault.mark_health(cx, id, healthy, None).await.map(drop)),
        ("update_oauth_tokens", vault.update_oauth_tokens(cx, id, tokens).await.map(drop)),
        ("reveal_oauth_tokens", vault.reveal_oauth_tokens(cx, id).await.map(drop)),
    ]
}

/// Makes every call on a lease, with one that was taken before.
pub(super) async fn leasing(
    vault: &dyn CredentialVault,
    cx: &AccessContext,
    id: CredentialId,
    lease: &RefreshLease,
) -> Answers {
    let tokens = numbered_tokens(8, None);
    vec![
        ("acquire", vault.acquire_refresh_lease(cx, id, "owner", MINUTE).await.map(drop)),
        ("renew", vault.renew_refresh_lease(cx, lease, MINUTE).await.map(drop)),
        ("complete", vault.complete_refresh(cx, lease, tokens).await.map(drop)),
        ("release", vault.release_refresh_lease(cx, lease).await),
    ]
}

/// Asserts that every answer is the same error, as the function sees it.
#[track_caller]
pub(super) fn assert_all(answers: Answers, is_expected: impl Fn(&Error) -> bool) {
    for (call, answer) in answers {
        let error = answer.expect_err(call);
        assert!(is_expected(&error), "{call}: {error}");
    }
}
