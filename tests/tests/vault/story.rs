//! Everything that can be done with secrets, whether it succeeds or fails, and all that is shown of
//! it.

use std::fmt::{Debug, Display, Write as _};
use std::time::Duration;

use store_core::seal::{Key, KeyRing};
use store_core::vault::{
    AlertKind, AlertSeverity, CredentialKind, CredentialUpdate, HealthStatus, NewAlert,
    NewCredential, NewIssuance, NewTemplate, OAuthTokens, VaultStore,
};
use store_core::{Clock as _, CredentialId, PageRequest, SecretString, SystemClock, TemplateId};
use store_tests::conformance::vault::unsealed::forms;
use store_tests::fixture::graph::{key, keys};
use store_tests::samples::{operator, renamed};
use store_vault::RefreshOptions;

use crate::support::Installation;

/// What is stored on purpose: whoever looks for secrets finds this.
pub(crate) const PLANTED: &str = "planted-name-7f3a";

/// The bytes of a key, which are text so that they can be looked for.
pub(crate) const KEY: [u8; 32] = *b"kEy-bYtEs-1n-cLeAr-0f-tHe-vAuLt!";

/// Every secret has these at its start and its end.
pub(crate) const PARTS: [&str; 3] = ["s3cret-pläntéd-", "-Xq9zKw7vTn", "kEy-bYtEs-1n-cLeAr"];

/// A secret that is given to the vault.
pub(crate) fn planted(number: usize) -> String {
    format!("s3cret-pläntéd-{number:04}-Xq9zKw7vTn")
}

fn secret(number: usize) -> SecretString {
    SecretString::from(planted(number))
}

fn tokens(number: usize) -> OAuthTokens {
    OAuthTokens {
        access_token: Some(secret(number)),
        refresh_token: Some(secret(number + 1)),
        expires_at: Some(SystemClock.now()),
    }
}

/// The ring of the vault in this story, with the first key of the fixture.
pub(crate) fn ring() -> KeyRing {
    let current = Key::new("story", KEY).unwrap();
    KeyRing::new(current).with_readable(key(1)).unwrap()
}

/// All that was shown.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) shown: String,
}

impl Story {
    /// Shows a value in every way there is.
    fn show<T: Debug>(&mut self, value: &T) {
        write!(self.shown, "{value:?}\n{value:#?}\n").unwrap();
    }

    /// Shows an answer, with its error and the causes of that.
    fn answer<T: Debug, E: Debug + Display + std::error::Error>(
        &mut self,
        answer: std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        if let Err(error) = &answer {
            write!(self.shown, "{error}\n{error:#}\n").unwrap();
            let mut cause = error.source();
            while let Some(error) = cause {
                write!(self.shown, "{error}\n{error:?}\n").unwrap();
                cause = error.source();
            }
        }
        self.show(&answer);
        answer
    }

    /// Shows an answer that is an error.
    #[track_caller]
    fn refused<T: Debug>(&mut self, answer: store_core::Result<T>) {
        self.answer(answer).expect_err("it is refused");
    }
}

/// Asserts that no part of a secret or a key is in a text, in any form.
#[track_caller]
pub(crate) fn assert_absent(place: &str, text: &[u8]) {
    for part in PARTS {
        for form in forms(part) {
            let found = text.windows(form.len()).any(|window| window == form);
            assert!(!found, "{place} holds a part of a secret");
        }
    }
}

/// What the story is about.
pub(crate) struct Cast {
    pub(crate) vault: std::sync::Arc<dyn VaultStore>,
    pub(crate) plain: CredentialId,
    pub(crate) oauth: CredentialId,
    pub(crate) template: TemplateId,
}

/// Creates, changes, reveals, refreshes, issues and rewraps.
pub(crate) async fn tell(t: &Installation<'_>, story: &mut Story) -> Cast {
    let vault = story.answer(t.opened_with(&ring()).await).unwrap();
    let cx = operator();
    story.show(&(ring(), Key::new("story", KEY).unwrap(), RefreshOptions::default()));
    let new = NewCredential::secret(PLANTED, "slack", secret(0));
    story.show(&new);
    let plain = story.answer(vault.create(&cx, new).await).unwrap().id;
    let update = CredentialUpdate { secret: Some(secret(1)), ..renamed(PLANTED) };
    story.show(&update);
    story.answer(vault.update(&cx, plain, update).await).unwrap();
    for number in 2..8 {
        story.answer(vault.rotate(&cx, plain, secret(number)).await).unwrap();
    }
    story.answer(vault.restore_version(&cx, plain, 5).await).unwrap();
    story.answer(vault.reveal(&cx, plain).await).unwrap();
    story.answer(vault.versions(&cx, plain).await).unwrap();
    let new = NewCredential::oauth("oauth", "google", secret(10), tokens(11));
    story.show(&new);
    let oauth = story.answer(vault.create(&cx, new).await).unwrap().id;
    story.answer(vault.update_oauth_tokens(&cx, oauth, tokens(13)).await).unwrap();
    story.answer(vault.reveal_oauth_tokens(&cx, oauth).await).unwrap();
    refresh(&vault, oauth, story).await;
    let template = govern(&vault, plain, story).await;
    story.answer(vault.list_all(&cx, &PageRequest::default()).await).unwrap();
    story.answer(vault.describe(&cx, plain).await).unwrap();
    story.answer(vault.audit(&cx, plain.into(), &PageRequest::default()).await).unwrap();
    story.answer(vault.rewrap(&cx, 1).await).unwrap();
    story.answer(vault.keys(&cx).await).unwrap();
    story.show(&vault);
    Cast { vault, plain, oauth, template }
}

async fn refresh(vault: &std::sync::Arc<dyn VaultStore>, id: CredentialId, story: &mut Story) {
    let (cx, options) = (operator(), RefreshOptions::default());
    let mut seen = None;
    let refreshed = store_vault::with_refresh_lease(
        vault.as_ref(),
        &cx,
        id,
        &options,
        async |old: OAuthTokens| {
            seen = Some(old);
            Ok(tokens(15))
        },
    );
    let refreshed = refreshed.await;
    story.show(&seen);
    story.answer(refreshed).unwrap();
    let ttl = Duration::from_secs(60);
    let lease = story.answer(vault.acquire_refresh_lease(&cx, id, PLANTED, ttl).await).unwrap();
    let lease = lease.expect("nobody has it");
    story.answer(vault.complete_refresh(&cx, &lease, tokens(17)).await).unwrap();
    story.refused(vault.complete_refresh(&cx, &lease, tokens(19)).await);
}

async fn govern(
    vault: &std::sync::Arc<dyn VaultStore>,
    about: CredentialId,
    story: &mut Story,
) -> TemplateId {
    let cx = operator();
    let new = NewTemplate::new("template", "slack", CredentialKind::Secret);
    let template = story.answer(vault.create_template(&cx, new).await).unwrap().id;
    let new = NewIssuance { name: Some("issued".into()), ..NewIssuance::of(secret(21)) };
    story.show(&new);
    story.answer(vault.issue_from_template(&cx, template, new).await).unwrap();
    let health = HealthStatus::Unhealthy;
    story.answer(vault.mark_health(&cx, about, health, Some("refused")).await).unwrap();
    let new = NewAlert {
        kind: AlertKind::ValidationFailed,
        severity: AlertSeverity::Critical,
        message: "refused".into(),
        credential_id: Some(about),
        template_id: None,
    };
    story.answer(vault.record_alert(&cx, new).await).unwrap();
    template
}

/// Lets everything be refused that can be.
pub(crate) async fn refuse(t: &Installation<'_>, cast: &Cast, story: &mut Story) {
    let (vault, cx) = (&cast.vault, operator());
    let stranger = store_core::vault::AccessContext::new(store_tests::samples::ada());
    let taken = NewCredential::secret(PLANTED, "slack", secret(30));
    story.refused(vault.create(&cx, taken).await);
    let bad =
        NewCredential { oauth: Some(tokens(31)), ..NewCredential::secret("b", "p", secret(33)) };
    story.refused(vault.create(&cx, bad).await);
    let bad = NewCredential::secret(planted(34) + "\0", planted(35) + "\0", secret(36));
    story.refused(vault.create(&cx, bad).await);
    // Version 5 was restored, so that is the secret which is there.
    story.refused(vault.rotate(&cx, cast.plain, secret(4)).await);
    let long = SecretString::from(planted(37).repeat(40_000));
    story.refused(vault.rotate(&cx, cast.plain, long).await);
    story.refused(vault.update_oauth_tokens(&cx, cast.plain, tokens(38)).await);
    let absent = CredentialId::mint();
    story.refused(vault.rotate(&cx, absent, secret(40)).await);
    story.refused(vault.update_oauth_tokens(&cx, absent, tokens(41)).await);
    let taken = NewIssuance { name: Some(PLANTED.into()), ..NewIssuance::of(secret(43)) };
    story.refused(vault.issue_from_template(&cx, cast.template, taken).await);
    let bad = NewIssuance { oauth: Some(tokens(44)), ..NewIssuance::of(secret(46)) };
    story.refused(vault.issue_from_template(&cx, cast.template, bad).await);
    story.refused(vault.rewrap(&stranger, 1).await);
    story.refused(t.opened_with(&keys(1)).await);
    let impostor = Key::new("story", [9; 32]).unwrap();
    story.refused(t.opened_with(&KeyRing::new(impostor)).await);
    // By then, the key of the fixture is replaced.
    let new = NewCredential::secret("late", "slack", secret(47));
    story.refused(t.store.create(&cx, new).await);
    story.refused(t.store.reveal(&cx, cast.plain).await);
}

/// Lets everything fail: envelopes change their places, and then the tables are gone.
pub(crate) async fn fail(t: &Installation<'_>, cast: &Cast, story: &mut Story) {
    let (vault, cx) = (&cast.vault, operator());
    let [plain, oauth] = [cast.plain, cast.oauth];
    t.place
        .sql(
            "UPDATE vault_secrets SET envelope = (SELECT s.envelope FROM vault_secrets AS s \
             ORDER BY s.credential_id, s.field, s.version LIMIT 1)",
        )
        .await;
    story.refused(vault.reveal(&cx, plain).await);
    story.refused(vault.reveal_oauth_tokens(&cx, oauth).await);
    story.refused(vault.rotate(&cx, plain, secret(50)).await);
    t.place.sql("DROP TABLE vault_secrets").await;
    story.refused(vault.reveal(&cx, plain).await);
    story.refused(vault.rotate(&cx, plain, secret(51)).await);
    story.refused(vault.create(&cx, NewCredential::secret("c", "p", secret(52))).await);
    story.refused(vault.update_oauth_tokens(&cx, oauth, tokens(53)).await);
    let new = NewIssuance { name: Some("d".into()), ..NewIssuance::of(secret(55)) };
    story.refused(vault.issue_from_template(&cx, cast.template, new).await);
    let rewrapped = vault.rewrap(&cx, 1).await;
    story.show(&rewrapped);
}
