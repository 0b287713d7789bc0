//! Where secrets could leak to: what is shown, what is traced, and what is stored.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display, Write as _};
use std::time::Duration;

use store_core::tokens::{IpNet, RateLimit, TokenFilter, TokenGrant};
use store_core::{ExposeSecret as _, PageRequest, Result, SecretString, TokenId};
use store_tests::fixture::Place;
use store_tokens::{AuthenticationRequest, CacheSettings, NewToken, Rotation, ServiceTokenManager};

use crate::support::{Installation, minted, origin};
use crate::trace;

/// What `secrets.token_urlsafe(32)` of Python made.
const FOREIGN: &str = "Vt6c0Nq1Yx2-bTgR8mKzL4_sWfHd7eJpAo5uIvQn9Ec";
/// What is stored on purpose: whoever looks for secrets finds this.
const PLANTED: &str = "planted-name-7f3a";

/// Everything that was done with tokens, and what of it must not be seen.
#[derive(Default)]
struct Story {
    secrets: BTreeSet<String>,
    shown: String,
}

impl Story {
    /// Remembers the parts of a token that are secret, also of one that was mistyped.
    fn secret(&mut self, token: &str) -> String {
        match token.split('_').collect::<Vec<_>>()[..] {
            [_, _, secret, _] => self.secrets.insert(secret.to_owned()),
            _ => self.secrets.insert(token.to_owned()),
        };
        token.to_owned()
    }

    /// Shows an answer in every way there is.
    fn show<T: Debug, E: Debug + Display>(&mut self, answer: &std::result::Result<T, E>) {
        if let Err(error) = answer {
            write!(self.shown, "{error}\n{error:?}\n{error:#?}\n").unwrap();
        }
        writeln!(self.shown, "{answer:?}\n{answer:#?}").unwrap();
    }

    async fn mint(
        &mut self,
        manager: &ServiceTokenManager,
        grant: TokenGrant,
    ) -> (String, TokenId) {
        let answer = manager.mint(grant, &origin()).await;
        let (secret, token) = answer.as_ref().unwrap();
        let minted = (self.secret(secret.expose_secret()), token.identifier.clone());
        self.show(&answer);
        minted
    }

    async fn authenticate(
        &mut self,
        manager: &ServiceTokenManager,
        token: &str,
        request: &AuthenticationRequest<'_>,
    ) {
        let answer = manager.authenticate(token, request).await;
        self.show(&answer);
    }

    /// Asserts that no secret, and no long part of one, is in a text.
    fn assert_absent(&self, place: &str, text: &[u8]) {
        for secret in &self.secrets {
            for part in [&secret[..12], &secret[secret.len() - 12..], &secret[15..27]] {
                let found = text.windows(part.len()).any(|window| window == part.as_bytes());
                assert!(!found, "{place} holds a part of a secret");
            }
        }
    }
}

/// A grant that can be refused for every reason.
fn narrow() -> TokenGrant {
    let range: IpNet = "10.0.0.0/8".parse().unwrap();
    TokenGrant {
        name: Some(PLANTED.to_owned()),
        scopes: ["read".to_owned()].into(),
        workspace_ids: ["ws".to_owned()].into(),
        allowed_ip_ranges: [range].into(),
        rate_limit: Some(RateLimit { limit: 1, interval_seconds: 3600 }),
        expires_at: None,
    }
}

/// Mints, uses, mistypes, rotates, revokes and deletes tokens.
async fn tell(t: &Installation<'_>, story: &mut Story) -> Result<()> {
    let manager = t.builder().cache(CacheSettings::default()).build()?;
    let anyone = AuthenticationRequest::default();
    let (text, id) = story.mint(&manager, TokenGrant::default()).await;
    for presented in mistyped(&text) {
        story.secret(&presented);
        story.authenticate(&manager, &presented, &anyone).await;
    }
    for _ in 0..3 {
        story.authenticate(&manager, &text, &anyone).await;
    }
    refuse(&manager, story).await;
    let rotation = Rotation { overlap: Duration::from_secs(60), ..Rotation::default() };
    let rotated = manager.rotate(&id, rotation, &origin()).await;
    let successor = story.secret(rotated.as_ref().unwrap().0.expose_secret());
    story.show(&rotated);
    story.authenticate(&manager, &successor, &anyone).await;
    let again = manager.rotate(&id, Rotation::default(), &origin()).await;
    story.show(&again.map(drop));
    let taken = NewToken { identifier: Some(id.clone()), grant: TokenGrant::default() };
    story.show(&manager.mint(taken, &origin()).await);
    story.show(&manager.revoke(&id, Some("leaked"), true, &origin()).await);
    story.authenticate(&manager, &text, &anyone).await;
    bootstrap(&manager, story).await;
    manager.close().await?;
    let listed = t.store.list(&TokenFilter::default(), &PageRequest::default()).await;
    story.show(&listed);
    story.show(&t.store.audit(&id, &PageRequest::default()).await);
    story.show(&t.store.delete(&id, &origin()).await);
    story.show(&std::result::Result::<_, String>::Ok((&manager, &t.store)));
    Ok(())
}

fn mistyped(text: &str) -> [String; 3] {
    [text[..text.len() - 1].to_owned(), text.replacen("stk", "sTk", 1), format!("{text}x")]
}

/// Uses a token in every way that it does not allow.
async fn refuse(manager: &ServiceTokenManager, story: &mut Story) {
    let (text, _) = story.mint(manager, narrow()).await;
    let good = AuthenticationRequest {
        ip: Some("10.0.0.1".parse().unwrap()),
        user_agent: Some("curl/8"),
        required_scopes: &["read"],
        workspace_id: Some("ws"),
    };
    let requests = [
        AuthenticationRequest { ip: None, ..good },
        AuthenticationRequest { required_scopes: &["write"], ..good },
        AuthenticationRequest { workspace_id: None, required_scopes: &["read", "x"], ..good },
        AuthenticationRequest { workspace_id: Some("other"), ..good },
        good,
        good,
    ];
    for request in requests {
        story.authenticate(manager, &text, &request).await;
    }
}

/// Gives a first token, a wrong one, and the first again when it was revoked.
async fn bootstrap(manager: &ServiceTokenManager, story: &mut Story) {
    let text = story.secret(FOREIGN);
    let weak = story.secret("hunter2-is-too-weak-to-be-taken-as-a-token");
    for token in [text.as_str(), &weak] {
        let token = SecretString::from(token.to_owned());
        let answer = manager.bootstrap(&token, TokenGrant::default(), &origin()).await;
        let stored = answer.as_ref().ok().map(|token| token.identifier.clone());
        story.show(&answer);
        if let Some(id) = stored {
            story.show(&manager.revoke(&id, None, false, &origin()).await);
        }
    }
    story.authenticate(manager, &text, &AuthenticationRequest::default()).await;
}

/// Lets everything fail that can: the tables are gone.
async fn fail(t: &Installation<'_>, story: &mut Story) {
    let manager = t.manager();
    let (text, id) = story.mint(&manager, TokenGrant::default()).await;
    t.place.sql("DROP TABLE service_token_windows; DROP TABLE service_tokens").await;
    story.authenticate(&manager, &text, &AuthenticationRequest::default()).await;
    story.show(&manager.mint(TokenGrant::default(), &origin()).await);
    story.show(&manager.rotate(&id, Rotation::default(), &origin()).await);
    story.show(&manager.revoke(&id, None, true, &origin()).await);
    let first = SecretString::from(text);
    story.show(&manager.bootstrap(&first, TokenGrant::default(), &origin()).await);
}

/// Secrets are in nothing that is returned, shown or traced, whether it succeeds or fails.
async fn secrets_are_neither_shown_nor_traced(t: &Installation<'_>) {
    trace::keep();
    let mut story = Story::default();
    tell(t, &mut story).await.unwrap();
    fail(t, &mut story).await;
    assert_eq!(story.secrets.len(), 6);
    assert!(story.shown.contains(PLANTED) && story.shown.contains("Backend"));
    story.assert_absent("what is shown", story.shown.as_bytes());
    let kept = trace::kept();
    assert!(kept.contains("store.tokens.find_by_hash"), "something is traced");
    story.assert_absent("the trace", kept.as_bytes());
}

/// Secrets are nowhere in the database: not in the file and its log, nor in a dump.
async fn secrets_are_not_stored(t: &Installation<'_>) {
    let mut story = Story::default();
    tell(t, &mut story).await.unwrap();
    minted(&t.manager()).await;
    let stored = stored(t.place);
    let holds = |part: &str| stored.windows(part.len()).any(|window| window == part.as_bytes());
    assert!(holds(PLANTED), "whoever looks finds what is there");
    story.assert_absent("the database", &stored);
}

/// Everything that is stored, as bytes.
fn stored(place: &Place) -> Vec<u8> {
    match place {
        #[cfg(feature = "sqlite")]
        Place::Sqlite(place) => {
            let mut all = Vec::new();
            let mut logs = 0;
            for entry in std::fs::read_dir(place.directory.path()).unwrap() {
                let path = entry.unwrap().path();
                logs += usize::from(path.to_string_lossy().ends_with("test.sqlite-wal"));
                all.extend(std::fs::read(path).unwrap());
            }
            assert_eq!(logs, 1, "the log is among the files");
            all
        }
        #[cfg(feature = "postgres")]
        Place::Postgres(place) => {
            let dump = std::process::Command::new(store_tests::server::program("pg_dump"))
                .arg(format!("--dbname={}", store_tests::fixture::postgres::url()))
                .arg(format!("--schema={}", place.schemas[0]))
                .output()
                .expect("pg_dump runs");
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            dump.stdout
        }
    }
}

on_both! {
    secrets_are_neither_shown_nor_traced,
    secrets_are_not_stored,
}
