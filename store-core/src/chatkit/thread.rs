use serde_json::{Map, Value, json};

use super::form::{Form, put, read_instant, read_text, write_instant, write_text};
use crate::{Result, ThreadId, Timestamp};

/// A thread: a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// What it is called.
    pub title: Option<String>,
    /// Whether it goes on.
    pub status: ThreadStatus,
    /// What the application keeps with it: an object.
    pub metadata: Value,
    /// The domains from which images may be shown; none sets no limit.
    pub allowed_image_domains: Option<Vec<String>>,
    /// The workflow that answers in it.
    pub workflow_id: Option<String>,
    /// When it was first saved, unless it came with an instant of its own.
    pub created_at: Timestamp,
    /// When it, or an item in it, was last added, saved or deleted. It does not go back, whatever
    /// clocks do.
    pub updated_at: Timestamp,
    /// The fields of its JSON form that the others do not say: an object.
    pub extra: Value,
}

impl Thread {
    /// Returns the JSON form: that which [`NewThread::from_json`] was given, with what was changed
    /// since.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut form = self.extra.as_object().cloned().unwrap_or_default();
        form.insert("id".into(), json!(self.id));
        put(&mut form, "title", &self.title, read_text, write_text);
        put(&mut form, "status", &self.status, ThreadStatus::read, ThreadStatus::write);
        put(&mut form, "metadata", &self.metadata, read_metadata, write_metadata);
        let domains = &self.allowed_image_domains;
        put(&mut form, "allowed_image_domains", domains, read_domains, write_domains);
        put(&mut form, "created_at", &Some(self.created_at), read_instant, write_instant);
        Value::Object(form)
    }
}

/// A thread to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct NewThread {
    /// Its id.
    pub id: ThreadId,
    /// What it is called: at most 4,096 bytes without NUL.
    pub title: Option<String>,
    /// Whether it goes on.
    pub status: ThreadStatus,
    /// What the application keeps with it: an object.
    pub metadata: Value,
    /// The domains from which images may be shown, at most 1,000 of 1 to 255 bytes; none sets no
    /// limit.
    pub allowed_image_domains: Option<Vec<String>>,
    /// The workflow that answers in it: 1 to 255 bytes without control characters. If none is
    /// given it is that of the context, and if there is none, the one it had.
    pub workflow_id: Option<String>,
    /// When it began. It counts when the thread is new; if none is given it is now.
    pub created_at: Option<Timestamp>,
    /// The fields of its JSON form that the others do not say: an object.
    pub extra: Value,
}

impl NewThread {
    /// Describes an active thread with nothing but its id.
    #[must_use]
    pub fn new(id: ThreadId) -> Self {
        Self {
            id,
            title: None,
            status: ThreadStatus::Active,
            metadata: Value::Object(Map::new()),
            allowed_image_domains: None,
            workflow_id: None,
            created_at: None,
            extra: Value::Object(Map::new()),
        }
    }

    /// Reads the JSON form that ChatKit servers use (`ThreadMetadata`): `id`, `title`, `status`,
    /// `metadata`, `allowed_image_domains`, `created_at`. Whatever else there is, is kept.
    ///
    /// # Errors
    /// `Invalid` when it is not an object with an `id`, or one of these fields is of another kind.
    pub fn from_json(value: Value) -> Result<Self> {
        let mut form = Form::new("thread", value)?;
        let id = ThreadId::new(form.required("id")?)?;
        let title = form.field("title", read_text, write_text, "a text")?;
        let status = form.field(
            "status",
            ThreadStatus::read,
            ThreadStatus::write,
            "an object whose type is active, locked or closed",
        )?;
        let metadata = form.field("metadata", read_metadata, write_metadata, "an object")?;
        let allowed_image_domains =
            form.field("allowed_image_domains", read_domains, write_domains, "a list of texts")?;
        let created_at = form.field("created_at", read_instant, write_instant, "an instant")?;
        Ok(Self {
            id,
            title,
            status,
            metadata,
            allowed_image_domains,
            workflow_id: None,
            created_at,
            extra: form.into_rest(),
        })
    }
}

/// To change a thread and save it again.
impl From<Thread> for NewThread {
    fn from(thread: Thread) -> Self {
        Self {
            id: thread.id,
            title: thread.title,
            status: thread.status,
            metadata: thread.metadata,
            allowed_image_domains: thread.allowed_image_domains,
            workflow_id: thread.workflow_id,
            created_at: Some(thread.created_at),
            extra: thread.extra,
        }
    }
}

/// Whether a thread goes on. The stores keep it; what it forbids is for the server to decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ThreadStatus {
    /// It does.
    #[default]
    Active,
    /// For now it does not.
    Locked {
        /// Why: at most 4,096 bytes without NUL.
        reason: Option<String>,
    },
    /// It has ended.
    Closed {
        /// Why: at most 4,096 bytes without NUL.
        reason: Option<String>,
    },
}

impl ThreadStatus {
    /// Returns the word that is stored.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked { .. } => "locked",
            Self::Closed { .. } => "closed",
        }
    }

    /// Returns why it does not go on.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Active => None,
            Self::Locked { reason } | Self::Closed { reason } => reason.as_deref(),
        }
    }

    /// Makes the status of a stored word; nothing for an unknown one.
    #[must_use]
    pub fn from_parts(word: &str, reason: Option<String>) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "locked" => Some(Self::Locked { reason }),
            "closed" => Some(Self::Closed { reason }),
            _ => None,
        }
    }

    fn read(value: &Value) -> Option<Self> {
        if value.is_null() {
            return Some(Self::Active);
        }
        let reason = read_text(value.get("reason").unwrap_or(&Value::Null))?;
        Self::from_parts(value.get("type")?.as_str()?, reason)
    }

    fn write(&self) -> Option<Value> {
        match (self, self.reason()) {
            (Self::Active, _) => None,
            (_, None) => Some(json!({"type": self.as_str()})),
            (_, Some(reason)) => Some(json!({"type": self.as_str(), "reason": reason})),
        }
    }
}

/// Which threads are wanted. All conditions must hold; none means all of the context.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ThreadFilter {
    /// An object that the metadata contains, as PostgreSQL's `@>`: objects within objects,
    /// elements of arrays in any order, and numbers by value, so that 1 is 1.0.
    pub metadata_contain: Option<Value>,
    /// The workflow that answers in them.
    pub workflow_id: Option<String>,
}

fn read_metadata(value: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Object(Map::new())),
        Value::Object(_) => Some(value.clone()),
        _ => None,
    }
}

fn write_metadata(metadata: &Value) -> Option<Value> {
    let is_empty = metadata.as_object().is_some_and(Map::is_empty);
    (!is_empty).then(|| metadata.clone())
}

fn read_domains(value: &Value) -> Option<Option<Vec<String>>> {
    let text = |one: &Value| one.as_str().map(str::to_owned);
    match value {
        Value::Null => Some(None),
        Value::Array(all) => all.iter().map(text).collect::<Option<_>>().map(Some),
        _ => None,
    }
}

fn write_domains(domains: &Option<Vec<String>>) -> Option<Value> {
    domains.as_ref().map(|domains| json!(domains))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(new: NewThread) -> Thread {
        Thread {
            id: new.id,
            title: new.title,
            status: new.status,
            metadata: new.metadata,
            allowed_image_domains: new.allowed_image_domains,
            workflow_id: new.workflow_id,
            created_at: new.created_at.unwrap_or(Timestamp::EPOCH),
            updated_at: Timestamp::EPOCH,
            extra: new.extra,
        }
    }

    #[test]
    fn the_json_form_comes_back_as_it_was_given() {
        let at = "2026-03-02T12:00:00Z";
        for form in [
            json!({"id": "thr_1", "created_at": at}),
            json!({"id": "thr_1", "created_at": "2026-03-02T12:00:00.5", "title": null,
                   "status": {"type": "active"}, "metadata": {}, "allowed_image_domains": null}),
            json!({"id": "thr_1", "created_at": "2026-03-02T14:00:00.123456789+02:00",
                   "title": "späße", "status": {"type": "locked", "reason": null, "until": 7},
                   "metadata": {"a": [1, 1.0, {"b": null}]}, "allowed_image_domains": ["a.de"],
                   "unknown": {"deep": [true]}, "workflow_id": 5}),
            json!({"id": "thr_1", "created_at": at, "status": {"type": "closed", "reason": "b"}}),
        ] {
            let thread = saved(NewThread::from_json(form.clone()).unwrap());
            assert_eq!(thread.to_json(), form);
            let again = saved(NewThread::from(thread.clone()));
            assert_eq!(again.to_json(), form);
        }
    }

    #[test]
    fn what_was_changed_is_in_the_form() {
        let form = json!({"id": "thr_1", "created_at": "2026-03-02T12:00:00Z", "title": null,
                          "status": {"type": "active"}, "metadata": {}, "more": 1});
        let mut thread = saved(NewThread::from_json(form).unwrap());
        thread.title = Some("named".into());
        thread.status = ThreadStatus::Closed { reason: None };
        thread.metadata = json!({"a": 1});
        let expected = json!({"id": "thr_1", "created_at": "2026-03-02T12:00:00Z",
            "title": "named", "status": {"type": "closed"}, "metadata": {"a": 1}, "more": 1});
        assert_eq!(thread.to_json(), expected);
    }

    #[test]
    fn forms_of_other_kinds_are_invalid() {
        for form in [
            json!([]),
            json!({}),
            json!({"id": ""}),
            json!({"id": 1}),
            json!({"id": "t", "title": 1}),
            json!({"id": "t", "status": "active"}),
            json!({"id": "t", "status": {"type": "open"}}),
            json!({"id": "t", "metadata": []}),
            json!({"id": "t", "allowed_image_domains": [1]}),
            json!({"id": "t", "created_at": "yesterday"}),
            json!({"id": "t", "created_at": 5}),
        ] {
            assert!(NewThread::from_json(form.clone()).is_err(), "{form}");
        }
    }
}
