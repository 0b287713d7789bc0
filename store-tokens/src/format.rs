//! The text of a token: `<prefix>_<id>_<secret>_<check>`.
//!
//! The id has 16 and the secret 43 characters of `0-9A-Za-z`, each drawn evenly from the randomness
//! of the operating system: 95 and 256 bits. The check is the CRC-32 (ISO-HDLC, as in PNG) of all
//! before its underscore, as 6 digits in base 62. It tells a mistyped token from an unknown one
//! without a query, and a scanner a leaked one from noise; it is no protection.

use store_core::tokens::SecretHash;
use store_core::{Error, ExposeSecret, Failure, Result, SecretString, TokenId};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_CHARACTERS: usize = 16;
const SECRET_CHARACTERS: usize = 43;
const CHECK_CHARACTERS: usize = 6;
/// The longest prefix, in characters.
const PREFIX_MAX: usize = 32;
/// The characters of a token minted elsewhere: 256 bits in base 64 without padding.
const FOREIGN_CHARACTERS: usize = 43;
/// The longest text that is looked at.
const TOKEN_MAX: usize = PREFIX_MAX + ID_CHARACTERS + SECRET_CHARACTERS + CHECK_CHARACTERS + 3;

/// A token that was just made.
pub(crate) struct Minted {
    pub(crate) identifier: TokenId,
    pub(crate) secret: SecretString,
    pub(crate) hash: SecretHash,
}

/// Makes a token.
pub(crate) fn mint(prefix: &str) -> Result<Minted> {
    let (id, secret) = (random(ID_CHARACTERS)?, random(SECRET_CHARACTERS)?);
    let id = id.expose_secret();
    let body = SecretString::from(format!("{prefix}_{id}_{}", secret.expose_secret()));
    let check = check_of(body.expose_secret());
    let secret = SecretString::from(format!("{}_{check}", body.expose_secret()));
    let hash = SecretHash::of(secret.expose_secret());
    Ok(Minted { identifier: TokenId::new(id)?, secret, hash })
}

/// Returns the hash of what was presented, if it can be a token: one of ours, of any prefix, whose
/// check is right, or 43 characters of URL-safe base 64.
pub(crate) fn hash_of(presented: &str) -> Option<SecretHash> {
    (is_ours(presented) || is_foreign(presented)).then(|| SecretHash::of(presented))
}

fn is_ours(text: &str) -> bool {
    if text.len() > TOKEN_MAX {
        return false;
    }
    let Some((body, check)) = text.rsplit_once('_') else { return false };
    let mut parts = body.rsplitn(3, '_');
    let (Some(secret), Some(id), Some(prefix)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    is_prefix(prefix)
        && is_digits(id, ID_CHARACTERS)
        && is_digits(secret, SECRET_CHARACTERS)
        && check == check_of(body)
}

fn is_foreign(text: &str) -> bool {
    text.len() == FOREIGN_CHARACTERS
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_prefix(text: &str) -> bool {
    (1..=PREFIX_MAX).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Checks a prefix.
pub(crate) fn checked_prefix(prefix: &str) -> Result<()> {
    if is_prefix(prefix) {
        return Ok(());
    }
    let reason = format!(
        "must be 1 to {PREFIX_MAX} lowercase letters, digits and underscores, a letter first"
    );
    Err(Error::invalid("prefix", reason))
}

fn check_of(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut check = [DIGITS[0]; CHECK_CHARACTERS];
    for digit in check.iter_mut().rev() {
        *digit = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    check.map(char::from).iter().collect()
}

/// Draws characters, each as likely as any other.
fn random(count: usize) -> Result<SecretString> {
    /// The most bytes below 256 of which each digit has as many: 4 times 62.
    const EVEN: u8 = 248;
    let mut text = String::with_capacity(count);
    let mut bytes = [0; 64];
    while text.len() < count {
        getrandom::fill(&mut bytes)
            .map_err(|cause| Error::backend("token_mint", Failure::Other, cause))?;
        let even = bytes.iter().filter(|byte| **byte < EVEN);
        let digits = even.map(|byte| char::from(DIGITS[usize::from(*byte) % DIGITS.len()]));
        text.extend(digits.take(count - text.len()));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together with Python: `zlib.crc32` of all before the last underscore, in base 62.
    const KNOWN: &str = "stk_0123456789abcdef_Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Zz9Z_1mlddU";

    #[test]
    fn a_token_has_the_documented_form() {
        let minted = mint("stk").unwrap();
        let text = minted.secret.expose_secret();
        let parts: Vec<&str> = text.split('_').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [3, 16, 43, 6]);
        assert_eq!(parts[1], minted.identifier.as_str());
        assert_eq!(hash_of(text), Some(minted.hash));
        assert!(hash_of(mint("my_app2").unwrap().secret.expose_secret()).is_some());
    }

    #[test]
    fn the_check_is_the_crc_of_all_before_it() {
        assert!(hash_of(KNOWN).is_some());
    }

    #[test]
    fn a_mistyped_token_is_no_token() {
        for at in 0..KNOWN.len() {
            for other in ["", "x", "_", "é"] {
                let mut typed = KNOWN.to_owned();
                typed.replace_range(at..=at, other);
                assert!(typed == KNOWN || hash_of(&typed).is_none(), "{typed}");
            }
        }
        for bad in ["", "_", "___", "stk", &"a".repeat(42), &"a".repeat(44), &"ä".repeat(22)] {
            assert!(hash_of(bad).is_none(), "{bad}");
        }
        let huge = format!("{}_{KNOWN}", "a".repeat(1_000_000));
        assert!(hash_of(&huge).is_none());
    }

    #[test]
    fn a_token_of_43_characters_from_elsewhere_is_one() {
        assert!(hash_of("vEYV6zY5mPCGDJhhb2vRR1lXr-PnRSlvmAv_0B2zDGw").is_some());
        assert!(hash_of("vEYV6zY5mPCGDJhhb2vRR1lXr+PnRSlvmAv/0B2zDGw").is_none());
    }

    #[test]
    fn prefixes_are_short_lowercase_words() {
        for good in ["stk", "a", "my_app2", &"a".repeat(32)] {
            assert!(checked_prefix(good).is_ok(), "{good}");
        }
        for bad in ["", "STK", "2a", "_a", "a-b", "ä", &"a".repeat(33)] {
            assert!(checked_prefix(bad).is_err(), "{bad}");
        }
    }
}
