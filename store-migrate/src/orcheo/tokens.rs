//! Service tokens. What a row of Orcheo does not say of a token, its audit and the others say.

use std::collections::{BTreeMap, BTreeSet};

use store_core::tokens::{IpNet, SecretHash, ServiceToken};
use store_core::{Actor, Timestamp, TokenId};

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::row::Row;
use super::token_audit::actor_of;
use crate::error::Result;

/// What the audit says of each token: who created and revoked it, and when it was rotated.
#[derive(Debug, Default)]
pub(super) struct Events {
    found: BTreeMap<(String, String), (Option<String>, Timestamp)>,
}

impl Events {
    /// Keeps what a row says; the last of its kind counts. A row that cannot be read is refused
    /// when it is converted.
    pub(super) fn read(&mut self, row: &Row) {
        let (Ok(token), Ok(action), Ok(at)) =
            (row.text("token_id"), row.text("action"), row.instant("timestamp"))
        else {
            return;
        };
        if let ("created" | "rotated" | "revoked", Ok(actor)) = (action, row.maybe_text("actor")) {
            let key = (token.to_owned(), action.to_owned());
            self.found.insert(key, (actor.map(str::to_owned), at));
        }
    }

    fn at(&self, token: &str, action: &str) -> Option<Timestamp> {
        self.found.get(&(token.to_owned(), action.to_owned())).map(|(_, at)| *at)
    }

    fn actor(&self, token: &str, action: &str) -> Option<&str> {
        self.found.get(&(token.to_owned(), action.to_owned()))?.0.as_deref()
    }
}

/// All tokens: which took whose place is known with the last.
#[derive(Debug)]
pub(super) struct Tokens {
    events: Events,
    rows: Vec<Row>,
    /// The token whose place each one took.
    before: BTreeMap<String, String>,
    created: BTreeMap<String, Timestamp>,
}

impl Tokens {
    pub(super) const fn new(events: Events) -> Self {
        Self { events, rows: Vec::new(), before: BTreeMap::new(), created: BTreeMap::new() }
    }

    /// Keeps a row.
    pub(super) fn read(&mut self, row: Row) {
        if let Ok(id) = row.text("identifier") {
            if let Ok(Some(next)) = row.maybe_text("rotated_to") {
                self.before.entry(next.to_owned()).or_insert_with(|| id.to_owned());
            }
            if let Ok(at) = row.instant("created_at") {
                self.created.insert(id.to_owned(), at);
            }
        }
        self.rows.push(row);
    }

    /// Writes all of them.
    pub(super) fn write(&mut self, cx: &mut Converter<'_>) -> Result<()> {
        for row in std::mem::take(&mut self.rows) {
            cx.row(&row, |cx, row| self.convert(cx, row))?;
        }
        Ok(())
    }

    fn convert(&self, cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
        let given = self.given(row)?;
        let columns = cx.rules.tokens.token(given).map_err(broken("service_tokens"))?;
        let one = &columns.token;
        let (limit, seconds) = columns.rate.unzip();
        let stored = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let hash: &[u8] = one.secret_hash.as_bytes();
        cx.insert(
            "service_tokens",
            &[
                ("identifier", &one.identifier.as_str()),
                ("secret_hash", &hash),
                ("name", &one.name),
                ("scopes", &columns.scopes),
                ("workspace_ids", &columns.workspace_ids),
                ("created_at", &one.created_at.to_string()),
                ("created_by", &one.created_by.as_str()),
                ("issued_at", &one.issued_at.to_string()),
                ("expires_at", &stored(one.expires_at)),
                ("last_used_at", &stored(one.last_used_at)),
                ("use_count", &one.use_count),
                ("rotated_to", &one.rotated_to.as_ref().map(|id| id.as_str())),
                ("rotated_from", &one.rotated_from.as_ref().map(|id| id.as_str())),
                ("rotated_at", &stored(one.rotated_at)),
                ("rotation_expires_at", &stored(one.rotation_expires_at)),
                ("family", &one.family.as_str()),
                ("revoked_at", &stored(one.revoked_at)),
                ("revoked_by", &one.revoked_by.as_ref().map(|by| by.as_str())),
                ("revocation_reason", &one.revocation_reason),
                ("allowed_ip_ranges", &columns.allowed_ip_ranges),
                ("rate_limit", &limit),
                ("rate_interval_seconds", &seconds),
                ("ends_at", &stored(columns.ends_at)),
                ("record_bytes", &columns.record_bytes),
            ],
        )
    }

    fn given(&self, row: &Row) -> Checked<ServiceToken> {
        let identifier: TokenId = row.parsed("identifier")?;
        let id = identifier.as_str();
        if row.maybe_integer("rate_limit_override")?.is_some() {
            return Err(fault(
                "rate_limit_override",
                "it does not say in which time: set it to null",
            ));
        }
        let created_at = row.instant("created_at")?;
        let rotated_to: Option<TokenId> = maybe(row, "rotated_to")?;
        let rotation_expires_at = row.maybe_instant("rotation_expires_at")?;
        if rotated_to.is_some() && rotation_expires_at.is_none() {
            let reason = "the token was rotated without an end: set one, or revoke it";
            return Err(fault("rotation_expires_at", reason));
        }
        let revoked_at = row.maybe_instant("revoked_at")?;
        Ok(ServiceToken {
            secret_hash: SecretHash::from_bytes(hash(row)?),
            name: None,
            scopes: set(row, "scopes")?,
            workspace_ids: set(row, "workspace_ids")?,
            created_at,
            created_by: self.actor(row, "created_by", "created")?,
            issued_at: row.maybe_instant("issued_at")?.unwrap_or(created_at),
            expires_at: row.maybe_instant("expires_at")?,
            last_used_at: row.maybe_instant("last_used_at")?,
            use_count: row.maybe_integer("use_count")?.unwrap_or(0),
            rotated_at: rotated_to.as_ref().and_then(|next| self.rotated_at(id, next)).or(
                // Neither the audit nor the successor is there any more.
                rotation_expires_at.filter(|_| rotated_to.is_some()),
            ),
            rotation_expires_at: rotation_expires_at.filter(|_| rotated_to.is_some()),
            rotated_to,
            rotated_from: match maybe(row, "rotated_from")? {
                Some(from) => Some(from),
                None => self
                    .before
                    .get(id)
                    .map(|from| from.parse())
                    .transpose()
                    .map_err(broken("rotated_to"))?,
            },
            family: self.family(id).parse().map_err(broken("rotated_to"))?,
            revoked_by: match revoked_at {
                Some(_) => Some(self.actor(row, "revoked_by", "revoked")?),
                None => None,
            },
            revoked_at,
            revocation_reason: row.maybe_text("revocation_reason")?.map(str::to_owned),
            allowed_ip_ranges: ranges(row)?,
            rate_limit: None,
            identifier,
        })
    }

    fn rotated_at(&self, id: &str, next: &TokenId) -> Option<Timestamp> {
        self.events.at(id, "rotated").or_else(|| self.created.get(next.as_str()).copied())
    }

    /// Returns who did something: the column says it, or the audit.
    fn actor(&self, row: &Row, column: &'static str, action: &str) -> Checked<Actor> {
        let said = row.maybe_text(column)?;
        actor_of(said.or(self.events.actor(row.text("identifier")?, action)), column)
    }

    /// Returns the first token of the rotations that one belongs to.
    fn family<'t>(&'t self, id: &'t str) -> &'t str {
        let mut seen = BTreeSet::from([id]);
        let mut first = id;
        while let Some(before) = self.before.get(first) {
            // A circle has no first one.
            if !seen.insert(before) {
                return id;
            }
            first = before;
        }
        first
    }
}

fn maybe(row: &Row, column: &'static str) -> Checked<Option<TokenId>> {
    row.maybe_text(column)?.map(|id| id.parse().map_err(broken(column))).transpose()
}

fn hash(row: &Row) -> Checked<[u8; SecretHash::BYTES]> {
    let mut bytes = [0; SecretHash::BYTES];
    hex::decode_to_slice(row.text("secret_hash")?, &mut bytes)
        .map_err(|_no_hash| fault("secret_hash", "is no SHA-256 in hexadecimal"))?;
    Ok(bytes)
}

fn set(row: &Row, column: &'static str) -> Checked<BTreeSet<String>> {
    let Some(value) = row.maybe_json(column)? else { return Ok(BTreeSet::new()) };
    serde_json::from_value(value)
        .map_err(|_shows_values| fault(column, "is no JSON array of texts"))
}

fn ranges(row: &Row) -> Checked<BTreeSet<IpNet>> {
    const COLUMN: &str = "allowed_ip_ranges";
    let range = |text: String| {
        let address = text.parse::<std::net::IpAddr>().map(IpNet::from);
        text.parse().or(address).map_err(|_none| fault(COLUMN, "holds no range of addresses"))
    };
    set(row, COLUMN)?.into_iter().map(range).collect()
}
