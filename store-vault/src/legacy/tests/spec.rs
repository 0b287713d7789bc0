//! The vectors of the specification: `verify.json` and `invalid.json` of
//! <https://github.com/fernet/spec>. Their key is given as it is, without a passphrase.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::legacy::fernet;

const SECRET: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

/// Tokens and what they hold. The second is of the future and the third expired: that does not
/// count here, as it does not without a time to live.
const VALID: [(&str, &[u8]); 3] = [
    (
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
        b"hello",
    ),
    (
        "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
        b"",
    ),
    (
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        b"",
    ),
];

const INVALID: [(&str, &str); 6] = [
    (
        "incorrect mac",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
    ),
    ("too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=="),
    (
        "invalid base64",
        "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
    ),
    (
        "payload size not multiple of block size",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
    ),
    (
        "payload padding error",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
    ),
    (
        "incorrect IV (causes padding error)",
        "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
    ),
];

fn secret() -> [u8; 32] {
    URL_SAFE.decode(SECRET).unwrap().try_into().unwrap()
}

#[test]
fn valid_tokens_open() {
    for (token, text) in VALID {
        assert_eq!(*fernet::open(&secret(), token).unwrap(), text);
    }
}

#[test]
fn invalid_tokens_do_not_open() {
    for (what, token) in INVALID {
        assert!(fernet::open(&secret(), token).is_none(), "{what}");
    }
}

#[test]
fn another_version_does_not_open_even_when_it_is_signed() {
    let mut bytes = URL_SAFE.decode(VALID[0].0).unwrap();
    let end = bytes.len() - 32;
    for (version, opens) in [(0x80, true), (0x81, false), (0, false)] {
        bytes[0] = version;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret()[..16]).unwrap();
        mac.update(&bytes[..end]);
        let code = mac.finalize().into_bytes();
        bytes[end..].copy_from_slice(&code);
        assert_eq!(fernet::open(&secret(), &URL_SAFE.encode(&bytes)).is_some(), opens);
    }
}
