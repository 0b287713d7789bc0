//! The audit of tokens: chains of hashes, one for each token.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};
use store_core::audit::ChainHead;
use store_core::tokens::{AuditOrigin, TokenAuditAction};
use store_core::{Actor, Timestamp, TokenId};

use super::converter::Converter;
use super::fault::{Checked, Stop, broken, fault};
use super::row::Row;
use crate::error::{Result, sqlite};

/// Who did what Orcheo names nobody for.
pub(super) const NOBODY: &str = "orcheo";

/// Reads who did something.
pub(super) fn actor_of(text: Option<&str>, column: &str) -> Checked<Actor> {
    text.unwrap_or(NOBODY).parse().map_err(broken(column))
}

/// The newest entry of each chain.
#[derive(Debug, Default)]
pub(super) struct Chains {
    heads: BTreeMap<String, ChainHead>,
}

impl Chains {
    /// Converts an entry. Uses are counted by their token and have no entries.
    pub(super) fn entry(&mut self, cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
        let action = row.text("action")?;
        if action == "used" {
            let reason = "a use: tokens count theirs, and the audit is about changes";
            cx.tally.unmapped(row.table.name, Some("action"), reason, 1);
            return Ok(());
        }
        let action: TokenAuditAction = action.parse().map_err(broken("action"))?;
        let origin = AuditOrigin {
            actor: actor_of(row.maybe_text("actor")?, "actor")?,
            ip: row.maybe_text("ip_address")?.map(address).transpose()?,
            user_agent: row.maybe_text("user_agent")?.map(str::to_owned),
        };
        let details = match row.maybe_json("details")? {
            None => Map::new(),
            Some(Value::Object(details)) => details,
            Some(_) => return Err(fault("details", "is no JSON object")),
        };
        let identifier = row.parsed("token_id")?;
        self.add(cx, &identifier, action, &origin, details, row.instant("timestamp")?)
    }

    fn add(
        &mut self,
        cx: &Converter<'_>,
        identifier: &TokenId,
        action: TokenAuditAction,
        origin: &AuditOrigin,
        details: Map<String, Value>,
        at: Timestamp,
    ) -> Checked<()> {
        let mut head = self.heads.get(identifier.as_str()).copied().unwrap_or_default();
        let rules = &cx.rules.tokens;
        let entry = rules
            .entry(&mut head, identifier, action, origin, details, at)
            .map_err(broken("service_token_audit_log"))?;
        let previous: &[u8] = &entry.previous_hash;
        cx.insert(
            "service_token_audit",
            &[
                ("identifier", &identifier.as_str()),
                ("sequence", &entry.sequence),
                ("action", &action.as_str()),
                ("actor", &origin.actor.as_str()),
                ("ip", &origin.ip.map(|ip| ip.to_string())),
                ("user_agent", &origin.user_agent),
                ("details", &entry.details),
                ("at", &at.to_string()),
                ("previous_hash", &previous),
            ],
        )?;
        self.heads.insert(identifier.to_string(), head);
        Ok(())
    }

    /// Writes the heads. A token without any entry gets one about its creation: a token without an
    /// audit would be taken for one whose audit was removed.
    pub(super) fn finish(mut self, cx: &mut Converter<'_>) -> Result<()> {
        let finished = self.finish_now(cx);
        finished.map_err(|stop| match stop {
            Stop::All(error) => error,
            Stop::Row(fault) => crate::error::Error::refused(format!(
                "the audit of the tokens cannot be written: {}: {}",
                fault.column, fault.reason
            )),
        })
    }

    fn finish_now(&mut self, cx: &mut Converter<'_>) -> Checked<()> {
        for (identifier, created_by, created_at) in tokens(cx)? {
            if self.heads.contains_key(&identifier) {
                continue;
            }
            let identifier: TokenId = identifier.parse().map_err(broken("identifier"))?;
            let origin = AuditOrigin::of(created_by.parse().map_err(broken("created_by"))?);
            let at: Timestamp = created_at.parse().map_err(broken("created_at"))?;
            let details = Map::from_iter([("imported".to_owned(), json!(true))]);
            self.add(cx, &identifier, TokenAuditAction::Created, &origin, details, at)?;
            cx.tally.note("service_tokens: had no audit, which begins with the import");
        }
        for (identifier, head) in &self.heads {
            cx.insert_head(("service_token_audit_heads", "identifier"), identifier, head)?;
        }
        Ok(())
    }
}

/// Reads all tokens that were converted.
fn tokens(cx: &Converter<'_>) -> Result<Vec<(String, String, String)>> {
    const ALL: &str =
        "SELECT identifier, created_by, created_at FROM service_tokens ORDER BY identifier";
    let doing = "reading service_tokens of the target";
    let mut statement = cx.conn.prepare(ALL).map_err(sqlite(doing))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.map_err(sqlite(doing))?.collect::<rusqlite::Result<_>>().map_err(sqlite(doing))
}

fn address(text: &str) -> Checked<IpAddr> {
    text.parse().map_err(|_none| fault("ip_address", "is no address"))
}
