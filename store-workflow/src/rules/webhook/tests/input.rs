use serde_json::{Value, json};
use store_core::workflow::{WebhookConfig, WebhookRequest};

use super::super::input::input;
use super::post;

fn body(bytes: &[u8]) -> Value {
    input(&WebhookConfig::default(), &post(bytes, &[]))["body"].clone()
}

#[test]
fn the_input_has_body_headers_query_and_source() {
    let request = WebhookRequest {
        query: vec![
            ("a".into(), "1".into()),
            ("b".into(), "2".into()),
            ("a".into(), "3".into()),
            ("c".into(), String::new()),
        ],
        source_ip: Some([192, 0, 2, 7].into()),
        ..post(b"{\"k\": [1]}", &[("X-Kind", b"event"), ("x-list", b"a"), ("X-List", b"b")])
    };
    let expected = json!({
        "body": {"k": [1]},
        "headers": {"x-kind": "event", "x-list": "a, b"},
        "query_params": {"a": ["1", "3"], "b": "2", "c": ""},
        "source_ip": "192.0.2.7",
    });
    assert_eq!(input(&WebhookConfig::default(), &request), expected);
}

#[test]
fn an_empty_request_makes_an_empty_input() {
    let expected = json!({"body": null, "headers": {}, "query_params": {}, "source_ip": null});
    assert_eq!(input(&WebhookConfig::default(), &WebhookRequest::default()), expected);
}

#[test]
fn the_headers_of_the_secret_and_the_signature_are_left_out() {
    let config = WebhookConfig {
        shared_secret_header: Some("x-token".into()),
        hmac_header: Some("x-signature".into()),
        hmac_timestamp_header: Some("x-time".into()),
        ..WebhookConfig::default()
    };
    let headers: [(&str, &[u8]); 4] =
        [("X-Token", b"s"), ("x-token", b"t"), ("X-SIGNATURE", b"u"), ("X-Time", b"17")];
    assert_eq!(input(&config, &post(b"", &headers))["headers"], json!({"x-time": "17"}));
}

#[test]
fn a_body_is_json_when_it_parses_scalars_included() {
    let cases: [(&[u8], Value); 5] = [
        (b"17", json!(17)),
        (b" \"text\" ", json!("text")),
        (b"null", json!(null)),
        (b"[true]", json!([true])),
        (b"{\"a\":1,\"a\":2}", json!({"a": 2})),
    ];
    for (bytes, expected) in cases {
        assert_eq!(body(bytes), expected);
    }
}

#[test]
fn a_body_that_is_not_json_is_kept_as_text_or_base64() {
    for text in ["Hello, World!", "{\"a\":", " ", "1e400", "späße", "\u{feff}{}"] {
        assert_eq!(body(text.as_bytes()), json!({"raw": text}));
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(body(nested(127).as_bytes()).is_array());
    assert_eq!(body(nested(128).as_bytes()), json!({"raw": nested(128)}));
    let expected = json!({"raw": "eyJhIjoi/yJ9", "encoding": "base64"});
    assert_eq!(body(b"{\"a\":\"\xff\"}"), expected);
}

#[test]
fn bytes_of_headers_that_are_not_utf8_are_replaced() {
    let request = post(b"", &[("x-name", b"J\xfcrgen"), ("x-utf8", "Jürgen".as_bytes())]);
    let headers = &input(&WebhookConfig::default(), &request)["headers"];
    assert_eq!(headers, &json!({"x-name": "J\u{fffd}rgen", "x-utf8": "Jürgen"}));
}
