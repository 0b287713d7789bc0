//! Ranges of addresses: who is inside.

use store_core::Denial;
use store_core::tokens::TokenGrant;
use store_tokens::ServiceTokenManager;

use super::assert_denied;
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{authenticate, from_address, minted, minted_with, ranges};

/// Mints a token for ranges.
async fn kept_to<const N: usize>(manager: &ServiceTokenManager, within: [&str; N]) -> String {
    let allowed_ip_ranges = ranges(within);
    minted_with(manager, TokenGrant { allowed_ip_ranges, ..TokenGrant::default() }).await.0
}

/// Asserts which addresses are let in, and which are not.
async fn assert_kept(manager: &ServiceTokenManager, text: &str, inside: &[&str], outside: &[&str]) {
    for address in inside {
        let answer = manager.authenticate(text, &from_address(address)).await;
        assert!(answer.is_ok(), "{address}: {answer:?}");
    }
    for address in outside {
        let answer = manager.authenticate(text, &from_address(address)).await;
        assert!(answer.is_err(), "{address}: {answer:?}");
        assert_denied(answer, Denial::Forbidden);
    }
}

behaviours! {
    emits tokens_addresses_tests from tokens::addresses;

    /// A token without ranges may be used from everywhere, known or not.
    async fn a_token_without_ranges_is_used_from_everywhere(t: &Tokens) {
        let manager = t.manager();
        let (text, _) = minted(&manager).await;
        assert_kept(&manager, &text, &["10.0.0.1", "::1", "::ffff:10.0.0.1"], &[]).await;
        authenticate(&manager, &text).await.unwrap();
    }

    /// With ranges an unknown address is outside of them, even of all addresses.
    async fn an_unknown_address_is_outside(t: &Tokens) {
        let manager = t.manager();
        for within in [["10.0.0.0/8", "10.0.0.0/8"], ["0.0.0.0/0", "::/0"]] {
            let text = kept_to(&manager, within).await;
            assert_denied(authenticate(&manager, &text).await, Denial::Forbidden);
        }
    }

    /// A range of IPv4 has its first and its last address, and not those beside it.
    async fn a_range_of_ipv4_has_its_ends(t: &Tokens) {
        let manager = t.manager();
        let text = kept_to(&manager, ["10.1.2.0/23"]).await;
        let inside = ["10.1.2.0", "10.1.2.1", "10.1.3.255"];
        assert_kept(&manager, &text, &inside, &["10.1.1.255", "10.1.4.0", "11.1.2.1"]).await;
        let single = kept_to(&manager, ["192.0.2.7/32"]).await;
        assert_kept(&manager, &single, &["192.0.2.7"], &["192.0.2.6", "192.0.2.8"]).await;
    }

    /// A range of IPv6 has its first and its last address, and no IPv4.
    async fn a_range_of_ipv6_has_its_ends(t: &Tokens) {
        let manager = t.manager();
        let text = kept_to(&manager, ["2001:db8::/33"]).await;
        let inside = ["2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"];
        let outside = ["2001:db8:8000::", "2001:db7:ffff::", "10.0.0.1", "::1"];
        assert_kept(&manager, &text, &inside, &outside).await;
        let single = kept_to(&manager, ["2001:db8::7/128"]).await;
        assert_kept(&manager, &single, &["2001:db8::7"], &["2001:db8::6", "2001:db8::8"]).await;
    }

    /// An IPv4 address in IPv6 is inside a range of IPv4.
    async fn ipv4_in_ipv6_is_inside_a_range_of_ipv4(t: &Tokens) {
        let manager = t.manager();
        let text = kept_to(&manager, ["10.0.0.0/8"]).await;
        let inside = ["::ffff:10.0.0.1", "::ffff:a00:1", "10.255.255.255"];
        let outside = ["::ffff:11.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "::ffff:0:10.0.0.1"];
        assert_kept(&manager, &text, &inside, &outside).await;
    }

    /// An IPv4 address is inside a range of IPv4 in IPv6.
    async fn ipv4_is_inside_a_range_of_ipv4_in_ipv6(t: &Tokens) {
        let manager = t.manager();
        let text = kept_to(&manager, ["::ffff:10.0.0.0/104"]).await;
        let inside = ["10.0.0.1", "::ffff:10.255.255.255"];
        assert_kept(&manager, &text, &inside, &["11.0.0.1", "::ffff:11.0.0.1", "::1"]).await;
        let single = kept_to(&manager, ["::ffff:192.0.2.7/128"]).await;
        assert_kept(&manager, &single, &["192.0.2.7"], &["192.0.2.8"]).await;
        let all = kept_to(&manager, ["::ffff:0:0/96"]).await;
        assert_kept(&manager, &all, &["0.0.0.0", "255.255.255.255"], &["::", "2001:db8::1"]).await;
    }

    /// All of IPv4 is not all of IPv6, nor the other way round.
    async fn all_of_one_family_is_not_all_of_the_other(t: &Tokens) {
        let manager = t.manager();
        let v4 = kept_to(&manager, ["0.0.0.0/0"]).await;
        assert_kept(&manager, &v4, &["1.2.3.4", "::ffff:1.2.3.4"], &["::1", "2001:db8::1"]).await;
        let v6 = kept_to(&manager, ["::/0"]).await;
        assert_kept(&manager, &v6, &["::1", "2001:db8::1"], &["1.2.3.4", "::ffff:1.2.3.4"]).await;
    }

    /// Of several ranges one is enough, also when they overlap or lie in each other.
    async fn one_of_several_ranges_is_enough(t: &Tokens) {
        let manager = t.manager();
        let within = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "192.0.2.0/24", "2001:db8::/32"];
        let text = kept_to(&manager, within).await;
        let inside = ["10.9.9.9", "10.1.9.9", "10.1.2.3", "192.0.2.1", "2001:db8::1"];
        assert_kept(&manager, &text, &inside, &["192.0.3.1", "11.0.0.0", "2001:db9::"]).await;
    }

    /// The bits of hosts in a range mean nothing.
    async fn the_bits_of_hosts_mean_nothing(t: &Tokens) {
        let manager = t.manager();
        let text = kept_to(&manager, ["10.1.2.3/16", "2001:db8::1:2/64"]).await;
        let inside = ["10.1.0.0", "10.1.255.255", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"];
        assert_kept(&manager, &text, &inside, &["10.2.0.0", "2001:db8:0:1::"]).await;
    }
}
