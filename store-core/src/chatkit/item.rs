use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::form::{Form, read_instant, write_instant};
use crate::{Error, ItemId, Result, ThreadId, Timestamp, check_external};

/// An item of a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadItem {
    /// Its id, unique within the thread.
    pub id: ItemId,
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// What it is.
    pub item_type: ItemType,
    /// When it came to be.
    pub created_at: Timestamp,
    /// The item as it was given, whole: an object. This is its JSON form.
    pub content: Value,
    /// Its place in the thread, from 0. Places have no gaps unless items were deleted, and a place
    /// is not given again.
    pub ordinal: i64,
}

/// An item to be added or saved.
#[derive(Debug, Clone, PartialEq)]
pub struct NewThreadItem {
    /// Its id, unique within the thread.
    pub id: ItemId,
    /// What it is.
    pub item_type: ItemType,
    /// When it came to be. If none is given it is now, or when the item is there already, the
    /// instant it had.
    pub created_at: Option<Timestamp>,
    /// The item, whole: an object. Where it has an `id`, a `thread_id` or a `type`, these say the
    /// same as the fields and the call.
    pub content: Value,
}

impl NewThreadItem {
    /// Describes an item.
    #[must_use]
    pub const fn new(id: ItemId, item_type: ItemType, content: Value) -> Self {
        Self { id, item_type, created_at: None, content }
    }

    /// Reads the JSON form that ChatKit servers use (`ThreadItem`), of whatever type it is: `id`,
    /// `type`, and `created_at` if there is one. The content is the whole of it.
    ///
    /// # Errors
    /// `Invalid` when it is not an object with an `id` and a `type`, or one of the three is of
    /// another kind.
    pub fn from_json(content: Value) -> Result<Self> {
        let mut form = Form::new("item", content.clone())?;
        let id = ItemId::new(form.required("id")?)?;
        let item_type = form.required("type")?.parse()?;
        let created_at = form.field("created_at", read_instant, write_instant, "an instant")?;
        Ok(Self { id, item_type, created_at, content })
    }
}

/// What an item is. Types that are not known are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ItemType {
    /// `user_message`
    UserMessage,
    /// `assistant_message`
    AssistantMessage,
    /// `client_tool_call`
    ClientToolCall,
    /// `widget`
    Widget,
    /// `generated_image`
    GeneratedImage,
    /// `structured_input`
    StructuredInput,
    /// `workflow`
    Workflow,
    /// `task`
    Task,
    /// `hidden_context_item`: for the server alone, never found by a search.
    HiddenContextItem,
    /// `sdk_hidden_context`: for the server alone, never found by a search.
    SdkHiddenContext,
    /// `end_of_turn`
    EndOfTurn,
    /// Any other type.
    Other(OtherType),
}

/// The name of a type that is not one of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtherType(String);

impl ItemType {
    /// The types that are known.
    pub const KNOWN: [Self; 11] = [
        Self::UserMessage,
        Self::AssistantMessage,
        Self::ClientToolCall,
        Self::Widget,
        Self::GeneratedImage,
        Self::StructuredInput,
        Self::Workflow,
        Self::Task,
        Self::HiddenContextItem,
        Self::SdkHiddenContext,
        Self::EndOfTurn,
    ];

    /// Returns the word that is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::UserMessage => "user_message",
            Self::AssistantMessage => "assistant_message",
            Self::ClientToolCall => "client_tool_call",
            Self::Widget => "widget",
            Self::GeneratedImage => "generated_image",
            Self::StructuredInput => "structured_input",
            Self::Workflow => "workflow",
            Self::Task => "task",
            Self::HiddenContextItem => "hidden_context_item",
            Self::SdkHiddenContext => "sdk_hidden_context",
            Self::EndOfTurn => "end_of_turn",
            Self::Other(OtherType(name)) => name,
        }
    }
}

impl fmt::Display for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ItemType {
    type Err = Error;

    /// Reads a type: one that is known, or any text of 1 to 255 bytes without control characters.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(known) = Self::KNOWN.into_iter().find(|known| known.as_str() == text) {
            return Ok(known);
        }
        check_external("item_type", text)?;
        Ok(Self::Other(OtherType(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_words_and_others_are_kept() {
        for known in ItemType::KNOWN {
            assert_eq!(known.as_str().parse::<ItemType>().unwrap(), known);
        }
        let other: ItemType = "hologram".parse().unwrap();
        assert!(matches!(other, ItemType::Other(_)));
        assert_eq!(other.to_string(), "hologram");
        assert!("".parse::<ItemType>().is_err());
        assert!("a\nb".parse::<ItemType>().is_err());
    }

    #[test]
    fn items_are_read_out_of_their_form() {
        let form = json!({"id": "msg_1", "type": "task", "created_at": "2026-03-02T12:00:00Z"});
        let item = NewThreadItem::from_json(form.clone()).unwrap();
        assert_eq!((item.id.as_str(), &item.item_type), ("msg_1", &ItemType::Task));
        assert_eq!(item.created_at, Some("2026-03-02T12:00:00Z".parse().unwrap()));
        assert_eq!(item.content, form);
        for form in [
            json!("text"),
            json!({"type": "task"}),
            json!({"id": "msg_1"}),
            json!({"id": "", "type": "task"}),
            json!({"id": "msg_1", "type": ""}),
            json!({"id": "msg_1", "type": "task", "created_at": 1}),
        ] {
            assert!(NewThreadItem::from_json(form.clone()).is_err(), "{form}");
        }
    }
}
