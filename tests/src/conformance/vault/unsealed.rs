//! What the database holds in the clear: every column of every table is searched for secrets that
//! were planted.

use std::fmt::Write as _;

use store_core::vault::{AlertKind, CredentialUpdate, HealthStatus, NewCredential, OAuthTokens};
use store_core::{Error, PageRequest};

use super::governance::{alert_about, issuance, issue, oauth_issuance, record, secret};
use super::keys::ring;
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, credential, oauth_credential, oauth_template, oauth_tokens, operator, put_credential,
    put_template, secret_template,
};

/// What is stored on purpose: whoever looks for secrets finds this.
const PLANTED: &str = "planted-name-7f3a";

/// The secrets that were given to the vault; each begins alike.
fn planted(number: usize) -> String {
    format!("s3cret-pläntéd-{number:04}-Xq9zKw7vTn")
}

fn tokens(number: usize) -> OAuthTokens {
    oauth_tokens(Some(&planted(number)), Some(&planted(number + 1)), None)
}

/// Every value of every column of every table: its bytes, and where it is.
async fn values(t: &Vaults) -> Vec<(String, Vec<u8>)> {
    let columns = if t.place.is_sqlite() {
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
         WHERE m.type = 'table'"
    } else {
        "SELECT table_name, column_name FROM information_schema.columns \
         WHERE table_schema = current_schema()"
    };
    let mut values = Vec::new();
    for place in t.rows(columns).await {
        let (table, column) = (&place[0], &place[1]);
        let text = if t.place.is_sqlite() {
            format!("SELECT hex(CAST(\"{column}\" AS BLOB)) FROM \"{table}\"")
        } else {
            format!(
                "SELECT CASE pg_typeof(\"{column}\")::text WHEN 'bytea' \
                 THEN substr(\"{column}\"::text, 3) \
                 ELSE encode(convert_to(\"{column}\"::text, 'UTF8'), 'hex') END FROM \"{table}\""
            )
        };
        for row in t.rows(&text).await {
            values.push((format!("{table}.{column}"), unhex(&row[0])));
        }
    }
    values
}

fn unhex(digits: &str) -> Vec<u8> {
    let pair = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..digits.len()).step_by(2).filter_map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text takes everything");
        text
    })
}

/// What base64 makes of bytes, wherever they begin in what is encoded: the digits at the ends,
/// which depend on what is around them, are left out.
fn base64(bytes: &[u8]) -> Vec<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encoded = |bytes: &[u8]| {
        let mut text = String::new();
        for group in bytes.chunks_exact(3) {
            let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
            for shift in [18, 12, 6, 0] {
                text.push(char::from(DIGITS[(bits >> shift) as usize & 63]));
            }
        }
        text
    };
    (0..3).map(|skipped| encoded(&bytes[skipped..])).collect()
}

/// The forms in which a part of a secret must not be seen: as it is, in hex, in base64 wherever it
/// begins there, as a list of numbers, in lower case, backwards, and in UTF-16.
pub fn forms(part: &str) -> Vec<Vec<u8>> {
    let bytes = part.as_bytes();
    let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
    let mut texts = vec![hex(bytes), hex(bytes).to_uppercase(), part.to_lowercase()];
    texts.extend([numbers.join(", "), numbers.join(",")]);
    for text in base64(bytes) {
        texts.push(text.replace('+', "-").replace('/', "_"));
        texts.push(text);
    }
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    let utf16: Vec<u8> = part.encode_utf16().flat_map(u16::to_le_bytes).collect();
    texts.into_iter().map(String::into_bytes).chain([bytes.to_vec(), reversed, utf16]).collect()
}

fn holds(value: &[u8], part: &[u8]) -> bool {
    value.windows(part.len()).any(|window| window == part)
}

/// Asserts that no value holds a part of a secret in any form.
async fn assert_unseen(t: &Vaults) {
    let values = values(t).await;
    let parts = ["s3cret-pläntéd", "Xq9zKw7vTn"].map(forms).concat();
    for (place, value) in &values {
        for part in &parts {
            assert!(!holds(value, part), "{place} holds a part of a secret");
        }
    }
    assert!(values.iter().any(|(_, value)| holds(value, PLANTED.as_bytes())), "it looks");
}

/// Stores secrets and tokens in every way there is.
async fn plant(t: &Vaults) {
    let plain = NewCredential { secret: secret(&planted(0)), ..credential(PLANTED) };
    let plain = put_credential(t, plain).await.id;
    let update =
        CredentialUpdate { secret: Some(secret(&planted(1))), ..CredentialUpdate::default() };
    t.store.update(&caller(), plain, update).await.unwrap();
    for number in 2..9 {
        t.store.rotate(&caller(), plain, secret(&planted(number))).await.unwrap();
    }
    t.store.restore_version(&caller(), plain, 7).await.unwrap();
    t.store.reveal(&caller(), plain).await.unwrap();
    let new = NewCredential {
        secret: secret(&planted(10)),
        oauth: Some(tokens(11)),
        ..oauth_credential("oauth")
    };
    let oauth = put_credential(t, new).await.id;
    t.store.update_oauth_tokens(&caller(), oauth, tokens(13)).await.unwrap();
    t.store.reveal_oauth_tokens(&caller(), oauth).await.unwrap();
    let ttl = std::time::Duration::from_secs(60);
    let lease = t.store.acquire_refresh_lease(&caller(), oauth, PLANTED, ttl).await.unwrap();
    t.store.complete_refresh(&caller(), &lease.unwrap(), tokens(15)).await.unwrap();
    let mut new = issuance("issued");
    new.secret = secret(&planted(17));
    let template = put_template(t, secret_template("template")).await.id;
    issue(t, template, new).await;
    let template = put_template(t, oauth_template("oauth template")).await.id;
    let mut new = oauth_issuance("issued oauth", tokens(18));
    new.secret = secret(&planted(20));
    issue(t, template, new).await;
    let reason = Some("it was refused");
    t.store.mark_health(&caller(), plain, HealthStatus::Unhealthy, reason).await.unwrap();
    record(t, alert_about(plain, AlertKind::ValidationFailed, "it was refused")).await;
}

/// Gives the vault secrets in ways that fail.
async fn fail(t: &Vaults) {
    let taken = || NewCredential { secret: secret(&planted(30)), ..credential(PLANTED) };
    let mut errors = vec![t.store.create(&caller(), taken()).await.map(drop)];
    let found = t.store.find_by_name(&caller(), PLANTED).await.unwrap().unwrap();
    let update = CredentialUpdate {
        secret: Some(secret(&planted(31))),
        name: Some("oauth".into()),
        ..CredentialUpdate::default()
    };
    errors.push(t.store.update(&caller(), found.id, update).await.map(drop));
    errors.push(t.store.update_oauth_tokens(&caller(), found.id, tokens(32)).await.map(drop));
    let same = secret(&planted(6));
    errors.push(t.store.rotate(&caller(), found.id, same).await.map(drop));
    let page = PageRequest::default();
    let templates = t.store.list_templates(&caller(), &page).await.unwrap().items;
    for template in templates {
        let mut new = oauth_issuance(PLANTED, tokens(34));
        new.secret = secret(&planted(36));
        errors.push(t.store.issue_from_template(&caller(), template.id, new).await.map(drop));
    }
    for (number, error) in errors.into_iter().enumerate() {
        let error = error.expect_err(&format!("attempt {number} fails"));
        assert!(!matches!(error, Error::Backend { .. }), "{error}");
    }
}

behaviours! {
    emits vault_unsealed_tests from vault::unsealed;

    /// No column of any table holds a secret or a token, neither as it is nor in hex or base64.
    async fn no_column_holds_a_secret_in_the_clear(t: &Vaults) {
        plant(t).await;
        assert_unseen(t).await;
    }

    /// Nor does what failed leave one behind.
    async fn what_failed_leaves_no_secret_behind(t: &Vaults) {
        plant(t).await;
        fail(t).await;
        assert_unseen(t).await;
    }

    /// Nor does a rewrap, or a deletion.
    async fn a_rewrap_and_a_deletion_leave_no_secret_behind(t: &Vaults) {
        plant(t).await;
        let vault = t.opened_with(ring(2, 1)).await.unwrap();
        vault.rewrap(&operator(), 2).await.unwrap();
        assert_unseen(t).await;
        for credential in vault.list(&operator(), &PageRequest::default()).await.unwrap().items {
            if credential.name != PLANTED {
                vault.delete(&operator(), credential.id).await.unwrap();
            }
        }
        assert_unseen(t).await;
    }

    /// No column holds a key: neither the bytes of one nor their digits.
    async fn no_column_holds_a_key(t: &Vaults) {
        plant(t).await;
        t.opened_with(ring(2, 1)).await.unwrap().rewrap(&operator(), 2).await.unwrap();
        for (place, value) in values(t).await {
            for byte in [1_u8, 2] {
                let key = [byte; 32];
                assert!(!holds(&value, &key[..16]), "{place} holds a key");
                assert!(!holds(&value, hex(&key).as_bytes()), "{place} holds a key");
                assert!(!holds(&value, base64(&key)[0].as_bytes()), "{place} holds a key");
            }
        }
    }
}
