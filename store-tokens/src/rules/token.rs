use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;

use serde_json::Value;
use store_core::tokens::{
    AuditOrigin, IpNet, NewServiceToken, RateLimit, ServiceToken, TokenFilter, TokenGrant,
};
use store_core::{Error, Result, Timestamp, TokenId, check_external, check_short_text};

use super::{Context, checked_origin};

/// The most scopes, and the most workspaces, of a token.
const SET_MAX: usize = 10_000;
/// The most address ranges of a token.
const RANGES_MAX: usize = 1000;

/// A token that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyToken {
    pub(crate) token: ServiceToken,
    pub(crate) scopes: String,
    pub(crate) workspace_ids: String,
    pub(crate) allowed_ip_ranges: String,
}

impl ReadyToken {
    /// Checks a token that is the first of its family.
    pub(crate) fn new(
        context: &Context,
        new: NewServiceToken,
        origin: &AuditOrigin,
    ) -> Result<Self> {
        checked_origin(origin)?;
        let NewServiceToken { identifier, secret_hash, issued_at, grant } = new;
        let grant = checked_grant(grant)?;
        let now = context.clock.now();
        let issued_at = issued_at.unwrap_or(now);
        if issued_at > now {
            return Err(Error::invalid("issued_at", "is after now"));
        }
        // It is not before `issued_at` then, either.
        if grant.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires_at", "is not after now"));
        }
        let token = ServiceToken {
            family: identifier.clone(),
            identifier,
            secret_hash,
            name: grant.name,
            scopes: grant.scopes,
            workspace_ids: grant.workspace_ids,
            created_at: now,
            created_by: origin.actor.clone(),
            issued_at,
            expires_at: grant.expires_at,
            last_used_at: None,
            use_count: 0,
            rotated_to: None,
            rotated_from: None,
            rotated_at: None,
            rotation_expires_at: None,
            revoked_at: None,
            revoked_by: None,
            revocation_reason: None,
            allowed_ip_ranges: grant.allowed_ip_ranges,
            rate_limit: grant.rate_limit,
        };
        Ok(Self::of(token))
    }

    /// Takes a token whose parts were checked.
    pub(crate) fn of(token: ServiceToken) -> Self {
        Self {
            scopes: array(&token.scopes),
            workspace_ids: array(&token.workspace_ids),
            allowed_ip_ranges: array(&token.allowed_ip_ranges),
            token,
        }
    }

    /// The size of the row, as far as it varies much.
    pub(crate) fn record_bytes(&self) -> i64 {
        let bytes = self.scopes.len() + self.workspace_ids.len() + self.allowed_ip_ranges.len();
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }
}

/// Writes a set as a JSON array.
fn array(items: &BTreeSet<impl Display>) -> String {
    Value::from_iter(items.iter().map(ToString::to_string)).to_string()
}

/// Checks what a token allows.
pub(crate) fn checked_grant(grant: TokenGrant) -> Result<TokenGrant> {
    if let Some(name) = &grant.name {
        check_short_text("name", name)?;
    }
    checked_set("scopes", &grant.scopes)?;
    checked_set("workspace_ids", &grant.workspace_ids)?;
    if let Some(limit) = grant.rate_limit {
        checked_rate(limit)?;
    }
    let allowed_ip_ranges = checked_ranges(grant.allowed_ip_ranges)?;
    Ok(TokenGrant { allowed_ip_ranges, ..grant })
}

/// Checks scopes or workspaces.
fn checked_set(field: &'static str, items: &BTreeSet<String>) -> Result<()> {
    if items.len() > SET_MAX {
        let reason = format!("has {} entries, at most {SET_MAX} are allowed", items.len());
        return Err(Error::invalid(field, reason));
    }
    items.iter().try_for_each(|item| check_external(field, item))
}

/// Checks a rate limit, and returns its columns.
pub(crate) fn checked_rate(limit: RateLimit) -> Result<(i32, i32)> {
    let column = |field, value: u32| match i32::try_from(value) {
        Ok(value) if value > 0 => Ok(value),
        _ => Err(Error::invalid(field, format!("is {value}, allowed is 1 to {}", i32::MAX))),
    };
    Ok((
        column("rate_limit.limit", limit.limit)?,
        column("rate_limit.interval_seconds", limit.interval_seconds)?,
    ))
}

/// Checks address ranges and brings them into the form that is compared.
fn checked_ranges(ranges: BTreeSet<IpNet>) -> Result<BTreeSet<IpNet>> {
    if ranges.len() > RANGES_MAX {
        let reason = format!("has {} entries, at most {RANGES_MAX} are allowed", ranges.len());
        return Err(Error::invalid("allowed_ip_ranges", reason));
    }
    Ok(ranges.into_iter().map(canonical).collect())
}

/// Drops the bits of hosts, and turns IPv4 in IPv6 into IPv4, as addresses are before they are
/// compared.
fn canonical(range: IpNet) -> IpNet {
    /// The bits before an IPv4 address in an IPv6 one: `::ffff:0:0/96`.
    const MAPPED: u8 = 96;
    let range = range.trunc();
    let IpNet::V6(mapped) = range else { return range };
    match (mapped.addr().to_canonical(), mapped.prefix_len().checked_sub(MAPPED)) {
        (IpAddr::V4(address), Some(length)) => {
            IpNet::new(address.into(), length).map_or(range, |range| range.trunc())
        }
        _ => range,
    }
}

/// Checks a filter.
pub(crate) fn checked_filter(filter: &TokenFilter) -> Result<()> {
    let texts = [("scope", &filter.scope), ("workspace_id", &filter.workspace_id)];
    for (field, text) in texts {
        text.as_ref().map_or(Ok(()), |text| check_external(field, text))?;
    }
    Ok(())
}

/// Says of what is stored why it cannot be rotated at `now`.
pub(crate) fn refusal(
    identifier: &TokenId,
    revoked: bool,
    rotated: bool,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> Option<Error> {
    let from = match (revoked, rotated, expires_at) {
        (true, ..) => "revoked",
        (_, true, _) => "rotated",
        (.., Some(end)) if end <= now => "expired",
        _ => return None,
    };
    Some(Error::invalid_state("service token", identifier, from, "rotated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_text(range: &str) -> String {
        canonical(range.parse().unwrap()).to_string()
    }

    #[test]
    fn ranges_are_kept_in_the_form_that_addresses_are_compared_in() {
        assert_eq!(canonical_text("10.1.2.3/8"), "10.0.0.0/8");
        assert_eq!(canonical_text("2001:db8::1/32"), "2001:db8::/32");
        assert_eq!(canonical_text("::ffff:10.1.2.3/104"), "10.0.0.0/8");
        assert_eq!(canonical_text("::ffff:0:0/96"), "0.0.0.0/0");
        assert_eq!(canonical_text("::/0"), "::/0");
        assert_eq!(canonical_text("::/96"), "::/96");
    }
}
