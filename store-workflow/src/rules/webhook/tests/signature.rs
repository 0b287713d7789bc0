use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use store_core::workflow::{HmacAlgorithm, WebhookConfig};
use store_core::{Denial, Timestamp};

use super::super::signature::mac;
use super::{
    GITHUB_BODY, GITHUB_MAC, GITHUB_SECRET, STRIPE_MAC, STRIPE_TIME, assert_denied, github, post,
    seconds, secrets, stripe, verify_github, verify_stripe,
};

fn with_prefix(prefix: &str) -> WebhookConfig {
    WebhookConfig { signature_prefix: Some(prefix.into()), ..github() }
}

#[test]
fn the_documented_example_of_github_is_accepted() {
    let verified = verify_github(&github(), format!("sha256={GITHUB_MAC}").as_bytes()).unwrap();
    assert_eq!(verified.input["body"]["raw"], "Hello, World!");
    assert_eq!(verified.replay, None);
}

#[test]
fn a_signature_may_be_hex_or_base64_with_or_without_label() {
    let bytes = hex::decode(GITHUB_MAC).unwrap();
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    let mut texts: Vec<_> = engines.iter().map(|engine| engine.encode(&bytes)).collect();
    texts.extend([GITHUB_MAC.to_owned(), GITHUB_MAC.to_uppercase()]);
    for text in texts {
        for accepted in [text.clone(), format!("sha256={text}"), format!("v0=ab, v1={text}")] {
            assert!(verify_github(&github(), accepted.as_bytes()).is_ok(), "{accepted}");
        }
        for refused in [format!("v0={text}"), format!("sha512={text}"), format!("{text}=x")] {
            assert_denied(verify_github(&github(), refused.as_bytes()), Denial::Unauthenticated);
        }
    }
}

#[test]
fn the_url_safe_alphabet_is_understood() {
    // A MAC whose base64 has characters that differ between the alphabets.
    let config = github();
    let signed = (0_u32..).map(|n| n.to_string()).find_map(|body| {
        let mac = mac(HmacAlgorithm::Sha256, GITHUB_SECRET.as_bytes(), &[body.as_bytes()]);
        let text = URL_SAFE_NO_PAD.encode(mac.unwrap());
        (text.contains('-') && text.contains('_')).then_some((body, text))
    });
    let (body, text) = signed.unwrap();
    let request = post(body.as_bytes(), &[("x-hub-signature-256", text.as_bytes())]);
    let secrets = secrets(None, Some(GITHUB_SECRET));
    assert!(super::super::verify(&config, &secrets, &request, Timestamp::EPOCH).is_ok());
}

#[test]
fn what_is_not_the_signature_is_a_mismatch_and_never_a_panic() {
    let long = "a".repeat(10_000);
    let cut = &GITHUB_MAC[..62];
    let odd = &GITHUB_MAC[..63];
    let longer = format!("{GITHUB_MAC}00");
    let last_changed = format!("{odd}8");
    let texts = ["", "=", ",", "sha256=", "sha256", " ", "v1=,v1=", cut, odd, &longer, &long];
    for text in texts.into_iter().chain([last_changed.as_str()]) {
        assert_denied(verify_github(&github(), text.as_bytes()), Denial::Unauthenticated);
    }
    for extra in [&b"\xe4"[..], "ä".as_bytes()] {
        let bytes = [format!("sha256={GITHUB_MAC},").as_bytes(), extra].concat();
        assert_denied(verify_github(&github(), &bytes), Denial::Unauthenticated);
    }
}

#[test]
fn with_a_prefix_only_parts_with_exactly_it_count() {
    let config = with_prefix("sig:");
    let accepted = format!("junk, sig:{GITHUB_MAC}");
    assert!(verify_github(&config, accepted.as_bytes()).is_ok());
    for prefix in ["", "sha256=", "v1=", "SIG:", "sig: ", "sig:sha256="] {
        let header = format!("{prefix}{GITHUB_MAC}");
        assert_denied(verify_github(&config, header.as_bytes()), Denial::Unauthenticated);
    }
    let with_blank = format!("HMAC {GITHUB_MAC}");
    assert!(verify_github(&with_prefix("HMAC "), with_blank.as_bytes()).is_ok());
}

#[test]
fn every_algorithm_is_understood_with_its_own_label() {
    for algorithm in HmacAlgorithm::ALL.iter().copied() {
        let config = WebhookConfig { hmac_algorithm: algorithm, ..github() };
        let mac = mac(algorithm, GITHUB_SECRET.as_bytes(), &[GITHUB_BODY]).unwrap();
        let header = format!("{algorithm}={}", hex::encode(&mac));
        assert!(verify_github(&config, header.as_bytes()).is_ok(), "{algorithm}");
        assert!(verify_github(&config, STANDARD.encode(&mac).as_bytes()).is_ok(), "{algorithm}");
    }
}

#[test]
fn the_signature_is_over_the_bytes_of_the_body() {
    let signature = format!("sha256={GITHUB_MAC}");
    let secrets = secrets(None, Some(GITHUB_SECRET));
    for body in [&b"Hello, World"[..], b"hello, World!", b"Hello, World!\n", b""] {
        let request = post(body, &[("X-Hub-Signature-256", signature.as_bytes())]);
        let result = super::super::verify(&github(), &secrets, &request, Timestamp::EPOCH);
        assert_denied(result, Denial::Unauthenticated);
    }
}

#[test]
fn a_repeated_signature_header_is_denied() {
    let value = format!("sha256={GITHUB_MAC}");
    let twice =
        [("X-Hub-Signature-256", value.as_bytes()), ("x-hub-signature-256", value.as_bytes())];
    let request = post(GITHUB_BODY, &twice);
    let secrets = secrets(None, Some(GITHUB_SECRET));
    let result = super::super::verify(&github(), &secrets, &request, Timestamp::EPOCH);
    assert_denied(result, Denial::Unauthenticated);
}

#[test]
fn any_of_several_signatures_of_stripe_is_enough() {
    let wrong = "0".repeat(64);
    let header = format!("t={STRIPE_TIME},v1={wrong},v1={STRIPE_MAC},v0={wrong}");
    assert!(verify_stripe(&stripe(), &header, seconds(STRIPE_TIME)).is_ok());
    let header = format!("t={STRIPE_TIME},v1={wrong},v0={STRIPE_MAC}");
    let result = verify_stripe(&stripe(), &header, seconds(STRIPE_TIME));
    assert_denied(result, Denial::Unauthenticated);
}

#[test]
fn the_replay_key_is_the_same_however_the_signature_is_written() {
    let base64 = STANDARD.encode(hex::decode(STRIPE_MAC).unwrap());
    let headers = [
        format!("t={STRIPE_TIME},v1={STRIPE_MAC}"),
        format!("v1={},t={STRIPE_TIME}", STRIPE_MAC.to_uppercase()),
        format!("t={STRIPE_TIME}, v1={base64}"),
        format!("t={STRIPE_TIME},{},x=y", base64.trim_end_matches('=')),
    ];
    for header in headers {
        let verified = verify_stripe(&stripe(), &header, seconds(STRIPE_TIME)).unwrap();
        let key = format!("hmac:{STRIPE_MAC}:{STRIPE_TIME}");
        assert_eq!(verified.replay.unwrap().key, key, "{header}");
    }
}
