use std::collections::BTreeMap;

use store_core::workflow::{RateLimit, WebhookConfig};
use store_core::{Error, ExposeSecret as _, Result, SecretString};

use super::super::{checked_config, checked_secret};
use super::{github, stripe};

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn many(count: usize) -> BTreeMap<String, String> {
    (0..count).map(|n| (format!("x-{n}"), String::new())).collect()
}

#[track_caller]
fn assert_invalid(result: Result<WebhookConfig>, expected: &str) {
    match result {
        Err(Error::Invalid { field, .. }) => assert_eq!(field, expected),
        other => panic!("expected {expected} to be invalid, got {other:?}"),
    }
}

fn with_methods(methods: &[&str]) -> WebhookConfig {
    let allowed_methods = methods.iter().map(|method| (*method).into()).collect();
    WebhookConfig { allowed_methods, ..WebhookConfig::default() }
}

fn with_headers(required_headers: BTreeMap<String, String>) -> WebhookConfig {
    WebhookConfig { required_headers, ..WebhookConfig::default() }
}

fn with_query(required_query_params: BTreeMap<String, String>) -> WebhookConfig {
    WebhookConfig { required_query_params, ..WebhookConfig::default() }
}

#[test]
fn the_default_configuration_is_accepted_as_it_is() {
    let config = WebhookConfig::default();
    assert_eq!(checked_config(config.clone(), false, false).unwrap(), config);
}

#[test]
fn methods_are_upper_cased_sorted_and_without_repeats() {
    let config = checked_config(with_methods(&["post", "Get", "POST"]), false, false).unwrap();
    assert_eq!(config.allowed_methods, ["GET", "POST"]);
    for methods in [&[][..], &[""], &["GET POST"], &["GET\0"], &["ÄT"], &["x"; 65]] {
        assert_invalid(
            checked_config(with_methods(methods), false, false),
            "webhook.allowed_methods",
        );
    }
}

#[test]
fn names_of_headers_are_lowered_and_tokens() {
    let config = WebhookConfig {
        required_headers: map(&[("X-Kind", "Event, b\tc"), ("x-empty", "")]),
        shared_secret_header: Some("X-Token".into()),
        hmac_header: Some("X-Signature".into()),
        hmac_timestamp_header: Some("X-Time".into()),
        idempotency_header: Some("X-Id".into()),
        ..WebhookConfig::default()
    };
    let config = checked_config(config, true, true).unwrap();
    assert_eq!(config.required_headers, map(&[("x-kind", "Event, b\tc"), ("x-empty", "")]));
    assert_eq!(config.shared_secret_header.as_deref(), Some("x-token"));
    assert_eq!(config.hmac_header.as_deref(), Some("x-signature"));
    assert_eq!(config.hmac_timestamp_header.as_deref(), Some("x-time"));
    assert_eq!(config.idempotency_header.as_deref(), Some("x-id"));
    for name in ["", "x token", "x:y", "x\n", "x-ä", "\"x\"", &"x".repeat(256)] {
        let config =
            WebhookConfig { idempotency_header: Some(name.into()), ..WebhookConfig::default() };
        assert_invalid(checked_config(config, false, false), "webhook.idempotency_header");
        let config = with_headers(map(&[(name, "1")]));
        assert_invalid(checked_config(config, false, false), "webhook.required_headers");
    }
}

#[test]
fn required_headers_are_visible_bounded_and_named_once() {
    let long = "x".repeat(4096);
    assert!(checked_config(with_headers(map(&[("a", &long)])), false, false).is_ok());
    assert!(checked_config(with_headers(many(64)), false, false).is_ok());
    let longer = "x".repeat(4097);
    for value in ["ä", "a\nb", "a\0", " a", "a ", "\ta", " ", &longer] {
        let config = with_headers(map(&[("a", value)]));
        assert_invalid(checked_config(config, false, false), "webhook.required_headers");
    }
    for headers in [many(65), map(&[("X-A", "1"), ("x-a", "1")])] {
        let config = with_headers(headers);
        assert_invalid(checked_config(config, false, false), "webhook.required_headers");
    }
}

#[test]
fn required_query_parameters_keep_their_case_and_are_bounded() {
    let params = map(&[("Tenant", "späße & Co"), ("a b", "")]);
    let config = checked_config(with_query(params.clone()), false, false).unwrap();
    assert_eq!(config.required_query_params, params);
    let (name, value) = ("x".repeat(256), "x".repeat(4097));
    let refused =
        [map(&[("", "1")]), map(&[(&name, "")]), map(&[("a", &value)]), map(&[("a", "\0")])];
    for params in refused.into_iter().chain([many(65), map(&[("a\n", "")])]) {
        let config = with_query(params);
        assert_invalid(checked_config(config, false, false), "webhook.required_query_params");
    }
}

#[test]
fn a_secret_and_its_header_are_set_together_or_not_at_all() {
    let shared =
        WebhookConfig { shared_secret_header: Some("x-token".into()), ..WebhookConfig::default() };
    assert!(checked_config(shared.clone(), true, false).is_ok());
    assert!(checked_config(github(), false, true).is_ok());
    let none = WebhookConfig::default();
    assert_invalid(checked_config(shared, false, false), "webhook.shared_secret_header");
    assert_invalid(checked_config(none.clone(), true, false), "webhook.shared_secret_header");
    assert_invalid(checked_config(github(), false, false), "webhook.hmac_header");
    assert_invalid(checked_config(none, false, true), "webhook.hmac_header");
}

#[test]
fn timestamp_and_prefix_need_a_signature() {
    let timestamp =
        WebhookConfig { hmac_timestamp_header: Some("x-time".into()), ..WebhookConfig::default() };
    assert_invalid(checked_config(timestamp, false, false), "webhook.hmac_timestamp_header");
    let prefix =
        WebhookConfig { signature_prefix: Some("sig=".into()), ..WebhookConfig::default() };
    assert_invalid(checked_config(prefix, false, false), "webhook.signature_prefix");
    assert!(checked_config(stripe(), false, true).is_ok());
}

#[test]
fn a_prefix_is_one_that_can_match() {
    for (prefix, fits) in [
        ("sig=", true),
        ("HMAC ", true),
        ("", false),
        (" sig", false),
        ("v1,", false),
        ("ä", false),
        ("a\n", false),
        (&"x".repeat(256), false),
    ] {
        let config = WebhookConfig { signature_prefix: Some(prefix.into()), ..github() };
        match checked_config(config, false, true) {
            Ok(_) => assert!(fits, "{prefix:?}"),
            refused => {
                assert!(!fits, "{prefix:?}");
                assert_invalid(refused, "webhook.signature_prefix");
            }
        }
    }
}

#[test]
fn headers_with_meanings_that_exclude_each_other_differ() {
    let token = || Some("X-Token".to_owned());
    let base = WebhookConfig { shared_secret_header: token(), ..github() };
    let signature = WebhookConfig { hmac_header: Some("x-token".into()), ..base.clone() };
    assert_invalid(checked_config(signature, true, true), "webhook.hmac_header");
    let time = WebhookConfig { hmac_timestamp_header: token(), ..base.clone() };
    assert_invalid(checked_config(time, true, true), "webhook.hmac_timestamp_header");
    let id = WebhookConfig { idempotency_header: token(), ..base.clone() };
    assert_invalid(checked_config(id, true, true), "webhook.idempotency_header");
    let id = WebhookConfig { idempotency_header: base.hmac_header.clone(), ..base };
    assert_invalid(checked_config(id, true, true), "webhook.idempotency_header");
}

#[test]
fn a_rate_limit_is_at_least_one_in_one_second() {
    for (limit, interval_seconds, fits) in [(1, 1, true), (0, 1, false), (1, 0, false)] {
        let rate_limit = Some(RateLimit { limit, interval_seconds });
        let config = WebhookConfig { rate_limit, ..WebhookConfig::default() };
        match checked_config(config, false, false) {
            Ok(_) => assert!(fits),
            refused => {
                assert!(!fits);
                assert_invalid(refused, "webhook.rate_limit");
            }
        }
    }
}

#[test]
fn a_secret_has_1_to_4096_bytes_without_control_characters() {
    let checked = |text: &str| checked_secret("webhook.hmac_secret", SecretString::from(text));
    for text in ["x", "späße", " a b ", &"x".repeat(4096)] {
        assert_eq!(checked(text).unwrap().expose_secret(), text);
    }
    for text in ["", "a\0", "a\n", "\u{7f}", "\u{85}", &"x".repeat(4097)] {
        let error = checked(text).unwrap_err();
        assert!(
            matches!(&error, Error::Invalid { field, .. } if field == "webhook.hmac_secret"),
            "{error}"
        );
    }
}
