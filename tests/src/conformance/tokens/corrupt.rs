//! Rows that cannot be read: an error that names them, never a token with fewer restrictions.

use store_core::Error;
use store_core::tokens::{ServiceToken, TokenFilter, TokenGrant};
use store_core::{PageRequest, Result};

use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{
    anyone, assert_intact, audited, from_address, hash_of, minted_with, ranges, stored, token_id,
};

/// Asserts that an answer says which column of which row cannot be read, and not what it holds.
#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(answer: Result<T>, expected: &str, row: &str) {
    let error = answer.expect_err("the row cannot be read");
    let Error::Corrupt { column, id, .. } = &error else { panic!("{error}") };
    assert_eq!((*column, id.as_str()), (expected, row));
    assert!(!format!("{error} {error:?}").contains("nonsense"), "{error:?}");
}

/// Writes something else into a column of a token.
async fn spoil(t: &Tokens, token: &ServiceToken, column: &str, value: &str) {
    let set = format!(
        "UPDATE service_tokens SET {column} = {value} WHERE identifier = '{}'",
        token.identifier
    );
    t.sql(&set).await;
}

behaviours! {
    emits tokens_corrupt_tests from tokens::corrupt;

    /// A set that is no list of texts is named, whichever way the token is looked up.
    async fn a_set_that_cannot_be_read_is_named(t: &Tokens) {
        for column in ["scopes", "workspace_ids", "allowed_ip_ranges"] {
            for (number, value) in ["'[1]'", "'[null]'", "'[[\"nonsense\"]]'"].iter().enumerate() {
                let identifier = format!("{column} {number}");
                let token = stored(t, &identifier).await;
                spoil(t, &token, column, value).await;
                let id = &token.identifier;
                assert_corrupt(t.store.fetch(id).await, column, &identifier);
                assert_corrupt(t.store.find(id).await, column, &identifier);
                let found = t.store.find_by_hash(&hash_of(&identifier)).await;
                assert_corrupt(found, column, &identifier);
                let page = PageRequest::default();
                let listed = t.store.list(&TokenFilter::default(), &page).await;
                assert_corrupt(listed, column, &identifier);
                t.sql("DELETE FROM service_tokens").await;
            }
        }
    }

    /// A range that cannot be read lets nobody in.
    async fn a_range_that_cannot_be_read_lets_nobody_in(t: &Tokens) {
        let manager = t.manager();
        let allowed_ip_ranges = ranges(["10.0.0.0/8"]);
        let grant = TokenGrant { allowed_ip_ranges, ..TokenGrant::default() };
        let (text, token) = minted_with(&manager, grant).await;
        for value in ["'[\"nonsense\"]'", "'[\"10.0.0.0/33\"]'", "'[\"\"]'"] {
            spoil(t, &token, "allowed_ip_ranges", value).await;
            for request in [anyone(), from_address("10.0.0.1")] {
                let answer = manager.authenticate(&text, &request).await;
                assert_corrupt(answer, "allowed_ip_ranges", token.identifier.as_str());
            }
        }
    }

    /// A token that cannot be read does not keep others from being looked up at the same time.
    async fn a_token_that_cannot_be_read_fails_alone(t: &Tokens) {
        let bad = stored(t, "bad").await;
        for number in 0..20 {
            stored(t, &number.to_string()).await;
        }
        spoil(t, &bad, "scopes", "'[1]'").await;
        let hashes: Vec<_> = (0..40)
            .map(|n| if n % 2 == 0 { hash_of("bad") } else { hash_of(&(n / 2).to_string()) })
            .collect();
        let looks = hashes.iter().map(|hash| t.store.find_by_hash(hash));
        let answers = futures_util::future::join_all(looks).await;
        for (number, answer) in answers.into_iter().enumerate() {
            if number % 2 == 0 {
                assert_corrupt(answer, "scopes", "bad");
            } else {
                let found = answer.unwrap().expect("it is there");
                assert_eq!(found.identifier, token_id(&(number / 2).to_string()));
            }
        }
    }

    /// An entry of an audit that cannot be read is named.
    async fn an_entry_that_cannot_be_read_is_named(t: &Tokens) {
        stored(t, "a").await;
        t.sql("UPDATE service_token_audit SET ip = 'nonsense' WHERE identifier = 'a'").await;
        let page = PageRequest::default();
        let error = t.store.audit(&token_id("a"), &page).await.unwrap_err();
        let Error::Corrupt { table, column, .. } = &error else { panic!("{error}") };
        assert_eq!((*table, *column), ("service_token_audit", "ip"));
        let report = t.store.verify_audit(&token_id("a")).await.unwrap();
        assert!(!report.is_intact(), "it is not what was written, either");
        t.sql("UPDATE service_token_audit SET ip = NULL WHERE identifier = 'a'").await;
        assert_eq!(audited(t, "a").await.len(), 1);
        assert_intact(t, "a", 1).await;
    }
}
