use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store_core::tokens::{DeniedUses, TokenDenial, TokenUses};
use store_core::{EXTERNAL_ID_MAX_BYTES, Timestamp, TokenId};
use tokio::sync::Notify;

use super::AuthenticationRequest;

/// The most tokens, and tokens with reasons, that are counted between two flushes: beyond that
/// memory is worth more than counts.
const ENTRIES_MAX: usize = 100_000;

/// What was counted since the last flush.
pub(super) struct Usage {
    counts: Mutex<Counts>,
    flush_at: u64,
    /// Wakes the task that flushes.
    pub(super) enough: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    uses: HashMap<TokenId, Uses>,
    denials: HashMap<(TokenId, TokenDenial), DeniedUses>,
    /// Uses and refusals together.
    total: u64,
}

/// Those of one token.
#[derive(Debug, Clone, Copy)]
struct Uses {
    count: u32,
    last_at: Timestamp,
}

impl Usage {
    pub(super) fn new(flush_at: u64) -> Self {
        Self { counts: Mutex::default(), flush_at, enough: Notify::new() }
    }

    /// Counts a use.
    pub(super) fn used(&self, identifier: &TokenId, now: Timestamp) {
        self.add(|counts| counts.add_uses(identifier, 1, now));
    }

    /// Counts a refusal.
    pub(super) fn denied(
        &self,
        identifier: &TokenId,
        reason: TokenDenial,
        now: Timestamp,
        request: &AuthenticationRequest<'_>,
    ) {
        let denied = DeniedUses {
            identifier: identifier.clone(),
            reason,
            count: 1,
            last_at: now,
            ip: request.ip,
            user_agent: request.user_agent.map(kept),
        };
        self.add(|counts| counts.add_denial(denied));
    }

    fn add(&self, add: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts();
        add(&mut counts);
        counts.total += 1;
        if counts.total == self.flush_at {
            self.enough.notify_one();
        }
    }

    /// Takes what was counted.
    pub(super) fn take(&self) -> (Vec<TokenUses>, Vec<DeniedUses>) {
        let Counts { uses, denials, .. } = std::mem::take(&mut *self.counts());
        let taken = |(identifier, Uses { count, last_at })| TokenUses {
            identifier,
            uses: count,
            last_used_at: last_at,
        };
        let mut uses: Vec<_> = uses.into_iter().map(taken).collect();
        uses.sort_by(|a, b| a.identifier.cmp(&b.identifier));
        let mut denials: Vec<_> = denials.into_values().collect();
        denials.sort_by(|a, b| (&a.identifier, a.reason).cmp(&(&b.identifier, b.reason)));
        (uses, denials)
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, uses: &[TokenUses], denials: &[DeniedUses]) {
        let mut counts = self.counts();
        for TokenUses { identifier, uses, last_used_at } in uses {
            counts.add_uses(identifier, *uses, *last_used_at);
        }
        denials.iter().for_each(|denied| counts.add_denial(denied.clone()));
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add_uses(&mut self, identifier: &TokenId, count: u32, last_at: Timestamp) {
        if let Some(known) = self.uses.get_mut(identifier) {
            known.count = known.count.saturating_add(count);
            known.last_at = known.last_at.max(last_at);
        } else if self.uses.len() < ENTRIES_MAX {
            self.uses.insert(identifier.clone(), Uses { count, last_at });
        }
    }

    fn add_denial(&mut self, new: DeniedUses) {
        let key = (new.identifier.clone(), new.reason);
        if let Some(known) = self.denials.get_mut(&key) {
            let count = known.count.saturating_add(new.count);
            // What is put back is older than what is there.
            let last = if new.last_at >= known.last_at { new } else { known.clone() };
            *known = DeniedUses { count, ..last };
        } else if self.denials.len() < ENTRIES_MAX {
            self.denials.insert(key, new);
        }
    }
}

/// What is kept of a user agent, which may hold anything.
fn kept(user_agent: &str) -> String {
    let mut kept = String::new();
    for character in user_agent.chars().filter(|character| !character.is_control()) {
        if kept.len() + character.len_utf8() > EXTERNAL_ID_MAX_BYTES {
            break;
        }
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_user_agent_is_short_and_printable() {
        assert_eq!(kept("curl/8\r\nX: \0y"), "curl/8X: y");
        assert_eq!(kept(&"ä".repeat(200)), "ä".repeat(127));
    }

    #[test]
    fn what_is_put_back_is_added_to_what_was_counted_since() {
        let usage = Usage::new(10);
        let id = TokenId::new("t").unwrap();
        let at = |micros| Timestamp::from_micros(micros).unwrap();
        usage.used(&id, at(1));
        usage.used(&id, at(3));
        let (uses, denials) = usage.take();
        usage.used(&id, at(2));
        usage.put_back(&uses, &denials);
        let expected = TokenUses { identifier: id, uses: 3, last_used_at: at(3) };
        assert_eq!(usage.take(), (vec![expected], vec![]));
        assert_eq!(usage.take(), (vec![], vec![]));
    }
}
