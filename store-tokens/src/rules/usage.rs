use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use store_core::tokens::{AuditOrigin, DeniedUses, TokenAuditAction, TokenUses};
use store_core::{Actor, Error, Result};

use super::Context;
use super::chain::ReadyEntry;
use super::checked_origin;

/// The most tokens whose counts one call adds to.
const USES_MAX: usize = 10_000;
/// The most entries one call adds to audits.
const DENIALS_MAX: usize = 1000;

/// Checks counts that are to be added.
pub(crate) fn checked_uses(uses: &[TokenUses]) -> Result<()> {
    checked_count("uses", uses.len(), USES_MAX)?;
    let mut seen = BTreeSet::new();
    match uses.iter().find(|one| !seen.insert(&one.identifier)) {
        Some(twice) => {
            Err(Error::invalid("uses", format!("names `{}` more than once", twice.identifier)))
        }
        None => Ok(()),
    }
}

/// Makes the entries about refused uses.
pub(crate) fn denied_entries(context: &Context, denials: &[DeniedUses]) -> Result<Vec<ReadyEntry>> {
    checked_count("denials", denials.len(), DENIALS_MAX)?;
    denials
        .iter()
        .map(|denied| {
            // Nobody is known but the token.
            let origin = AuditOrigin {
                actor: Actor::new(denied.identifier.as_str())?,
                ip: denied.ip,
                user_agent: denied.user_agent.clone(),
            };
            checked_origin(&origin)?;
            let details = details([
                ("reason", json!(denied.reason.as_str())),
                ("count", json!(denied.count)),
                ("last_at", json!(denied.last_at.to_string())),
            ]);
            let (id, now) = (&denied.identifier, context.clock.now());
            ReadyEntry::new(context, id, TokenAuditAction::Denied, &origin, details, now)
        })
        .collect()
}

/// Makes the details of an entry.
pub(crate) fn details<const N: usize>(items: [(&str, Value); N]) -> Map<String, Value> {
    items.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn checked_count(field: &'static str, count: usize, max: usize) -> Result<()> {
    if count > max {
        return Err(Error::invalid(field, format!("has {count} entries, at most {max}")));
    }
    Ok(())
}
