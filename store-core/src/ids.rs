//! Ids: those the stores mint, and those that come from outside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Error, Result};

/// The longest id that may come from outside, in bytes.
pub const EXTERNAL_ID_MAX_BYTES: usize = 255;

/// Declares an id that the stores mint: a UUIDv7, so that ids sort by the time of their creation.
macro_rules! minted_id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Mints a new id.
            #[must_use]
            pub fn mint() -> Self {
                Self(Uuid::now_v7())
            }

            /// Returns the UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|cause| Error::invalid($field, format!("not a UUID: {cause}")))
            }
        }
    };
}

/// Declares an id that comes from outside: text that is checked once, where it is made.
macro_rules! external_id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 255 bytes without NUL and control characters; compared byte by byte.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps an id.
            ///
            /// # Errors
            /// `Invalid` when it is empty, longer than 255 bytes or holds a control character.
            pub fn new(id: impl Into<String>) -> Result<Self> {
                let id = id.into();
                check_external($field, &id)?;
                Ok(Self(id))
            }

            /// Returns the id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns the id as an owned text.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Error;

            fn try_from(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

minted_id! {
    /// The id of a workflow.
    WorkflowId, "workflow_id"
}
minted_id! {
    /// The id of one version of a workflow.
    WorkflowVersionId, "workflow_version_id"
}
minted_id! {
    /// The id of a run.
    RunId, "run_id"
}
minted_id! {
    /// The id of a listener subscription.
    ListenerId, "listener_id"
}
minted_id! {
    /// The id of a job in the queue.
    JobId, "job_id"
}
minted_id! {
    /// The id of a checkpoint of training.
    CheckpointId, "checkpoint_id"
}
minted_id! {
    /// The id of a checkpoint of a graph run: a UUID of version 6 or 7, which the runtime may mint
    /// itself.
    GraphCheckpointId, "checkpoint_id"
}
minted_id! {
    /// The id of a credential.
    CredentialId, "credential_id"
}
minted_id! {
    /// The id of a template that credentials are issued from.
    TemplateId, "template_id"
}
minted_id! {
    /// The id of an alert about credentials.
    AlertId, "alert_id"
}
external_id! {
    /// Who does something, as the application knows them.
    Actor, "actor"
}
external_id! {
    /// The id of an execution, chosen by the application (often the text of a run's id).
    ExecutionId, "execution_id"
}
external_id! {
    /// The id of a thread, chosen by the application: a conversation, or a run of a graph.
    ThreadId, "thread_id"
}
external_id! {
    /// Whose something is, as the application knows them: a user, or a tenant and a user.
    OwnerId, "owner"
}
external_id! {
    /// The id of an item, unique within its thread.
    ItemId, "item_id"
}
external_id! {
    /// The id of an attachment, chosen by the application.
    AttachmentId, "attachment_id"
}
external_id! {
    /// The id of a service token, which is no secret.
    TokenId, "identifier"
}
external_id! {
    /// The id of a task inside an execution, chosen by the application.
    TaskId, "task_id"
}

/// Checks text that serves as an id or a key.
///
/// # Errors
/// `Invalid` when it is empty, longer than 255 bytes or holds a control character.
pub fn check_external(field: &str, id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    check_short_text(field, id)
}

/// Checks an optional short text, such as a name: at most 255 bytes, no control characters.
///
/// # Errors
/// `Invalid` when it is too long or holds a control character.
pub fn check_short_text(field: &str, text: &str) -> Result<()> {
    if text.len() > EXTERNAL_ID_MAX_BYTES {
        return Err(Error::invalid(
            field,
            format!("has {} bytes, at most {EXTERNAL_ID_MAX_BYTES} are allowed", text.len()),
        ));
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(Error::invalid(
            field,
            format!("holds the control character U+{:04X} at byte {at}", u32::from(c)),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_sort_by_creation_and_round_trip() {
        let (a, b) = (RunId::mint(), RunId::mint());
        assert!(a < b, "UUIDv7 of one process ascend");
        assert_eq!(a.to_string().len(), 36);
        assert_eq!(a.to_string().parse::<RunId>().unwrap(), a);
        let json = serde_json::to_string(&a).unwrap();
        assert_eq!(serde_json::from_str::<RunId>(&json).unwrap(), a);
        assert!("run-1".parse::<RunId>().is_err());
    }

    #[test]
    fn external_ids_are_checked_where_they_are_made() {
        assert_eq!(ExecutionId::new("späße 🎉").unwrap().as_str(), "späße 🎉");
        assert!(ExecutionId::new("x".repeat(255)).is_ok());
        for bad in ["", "a\0b", "a\nb", "\u{7f}", "\u{85}", &"x".repeat(256), &"ä".repeat(128)] {
            let error = ExecutionId::new(bad).unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "execution_id"));
        }
        assert!(serde_json::from_str::<ExecutionId>("\"\"").is_err());
    }
}
