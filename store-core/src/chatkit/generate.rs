//! Ids: a prefix that says what it is, and 128 random bits in base 62.

use super::ItemType;
use crate::{AttachmentId, Error, Failure, ItemId, Result, ThreadId};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The digits of 128 bits: 62^22 is more than 2^128.
const LENGTH: usize = 22;

/// Makes an id for a thread: `thr_` and 22 digits.
///
/// # Errors
/// `Backend` when the operating system has no random numbers.
pub fn generate_thread_id() -> Result<ThreadId> {
    ThreadId::new(generate("thr")?)
}

/// Makes an id for an item: a prefix and 22 digits.
///
/// The prefixes are those of ChatKit servers: `tc_` for a tool call, `wf_` for a workflow, `tsk_`
/// for a task, `shcx_` for the hidden context of the SDK, and `msg_` for everything else.
///
/// # Errors
/// `Backend` when the operating system has no random numbers.
pub fn generate_item_id(item_type: &ItemType) -> Result<ItemId> {
    let prefix = match item_type {
        ItemType::ClientToolCall => "tc",
        ItemType::Workflow => "wf",
        ItemType::Task => "tsk",
        ItemType::SdkHiddenContext => "shcx",
        _ => "msg",
    };
    ItemId::new(generate(prefix)?)
}

/// Makes an id for an attachment: `atc_` and 22 digits.
///
/// # Errors
/// `Backend` when the operating system has no random numbers.
pub fn generate_attachment_id() -> Result<AttachmentId> {
    AttachmentId::new(generate("atc")?)
}

fn generate(prefix: &str) -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_none| Error::failed("generate_id", Failure::Other))?;
    Ok(format!("{prefix}_{}", base62(u128::from_be_bytes(bytes))))
}

fn base62(mut number: u128) -> String {
    let mut digits = [DIGITS[0]; LENGTH];
    for digit in digits.iter_mut().rev() {
        // The remainder is less than 62.
        *digit = DIGITS[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_base_62_have_22_digits_and_sort_like_numbers() {
        assert_eq!(base62(0), "0".repeat(22));
        assert_eq!(base62(61), format!("{}z", "0".repeat(21)));
        assert_eq!(base62(62), format!("{}10", "0".repeat(20)));
        // 2^128 - 1, computed apart from this code.
        assert_eq!(base62(u128::MAX), "7n42DGM5Tflk9n8mt7Fhc7");
        assert!(base62(u128::MAX / 2) < base62(u128::MAX));
    }

    #[test]
    fn ids_say_what_they_are() {
        assert!(generate_thread_id().unwrap().as_str().starts_with("thr_"));
        assert!(generate_attachment_id().unwrap().as_str().starts_with("atc_"));
        for (item_type, prefix) in [
            (ItemType::UserMessage, "msg_"),
            (ItemType::ClientToolCall, "tc_"),
            (ItemType::Workflow, "wf_"),
            (ItemType::Task, "tsk_"),
            (ItemType::SdkHiddenContext, "shcx_"),
            (ItemType::EndOfTurn, "msg_"),
        ] {
            let id = generate_item_id(&item_type).unwrap();
            assert!(id.as_str().starts_with(prefix), "{id}");
            assert_eq!(id.as_str().len(), prefix.len() + 22);
        }
    }
}
