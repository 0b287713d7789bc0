use std::time::Duration;

use store_core::queue::LockGuard;
use store_core::{Error, Result, check_external};

use crate::rules::listener::checked_lease;

/// Checks who wants which lock for how long.
pub(crate) fn checked_lock(name: &str, owner: &str, ttl: Duration) -> Result<()> {
    check_external("name", name)?;
    checked_lease(owner, ttl)
}

/// Checks that a lock can have been given out: any other guard holds nothing.
pub(crate) fn checked_guard(guard: &LockGuard) -> Result<&LockGuard> {
    check_external("name", &guard.name)
        .and_then(|()| check_external("owner", &guard.owner))
        .map(|()| guard)
        .map_err(|_no_name| lost(&guard.name))
}

/// Tells whether there can be a lock of this name.
pub(crate) fn can_be_held(name: &str) -> bool {
    check_external("name", name).is_ok()
}

/// Says that a lock is not held, or not any more.
pub(crate) fn lost(name: &str) -> Error {
    Error::LeaseLost { entity: "lock", id: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use store_core::Timestamp;

    use super::*;

    #[test]
    fn a_guard_nobody_can_have_is_lost() {
        let guard = |name: &str, owner: &str| LockGuard {
            name: name.into(),
            owner: owner.into(),
            epoch: 1,
            expires_at: Timestamp::EPOCH,
        };
        assert!(checked_guard(&guard("lock", "me")).is_ok());
        for guard in [guard("", "me"), guard("lock", ""), guard("a\0", "me"), guard("lock", "\0")] {
            let error = checked_guard(&guard).unwrap_err();
            assert!(matches!(error, Error::LeaseLost { entity: "lock", .. }), "{error}");
        }
    }

    #[test]
    fn each_part_of_a_lock_is_checked_by_its_name() {
        let minute = Duration::from_secs(60);
        assert!(checked_lock("lock", "me", minute).is_ok());
        let cases = [
            (checked_lock("", "me", minute), "name"),
            (checked_lock("lock", "", minute), "owner"),
            (checked_lock("lock", "me", Duration::from_millis(999)), "ttl"),
        ];
        for (answer, expected) in cases {
            let error = answer.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == expected), "{error}");
        }
    }
}
