use serde_json::{Map, Value, json};

use super::form::{Form, put, read_text, write_text};
use crate::words::words;
use crate::{AttachmentId, Error, Result, ThreadId, Timestamp};

words! {
    /// What an attachment is.
    pub enum AttachmentType of "attachment_type" {
        /// Any file.
        File = "file",
        /// An image.
        Image = "image",
    }
}

/// What is known of a file that somebody attached. The file itself is elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// What it is.
    pub attachment_type: AttachmentType,
    /// The name of the file, as the user knows it.
    pub name: String,
    /// The media type of the file.
    pub mime_type: String,
    /// The bytes of the file.
    pub size: Option<i64>,
    /// The fields of its JSON form that the others do not say, such as `preview_url`: an object.
    pub details: Value,
    /// The thread it belongs to.
    pub thread_id: Option<ThreadId>,
    /// Where the application keeps the file.
    pub storage_path: Option<String>,
    /// When it was first saved.
    pub created_at: Timestamp,
}

impl Attachment {
    /// Returns the JSON form: that which [`NewAttachment::from_json`] was given, with what was
    /// changed since. `storage_path` is not in it: it is nobody else's business.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut form = self.details.as_object().cloned().unwrap_or_default();
        form.insert("id".into(), json!(self.id));
        form.insert("type".into(), json!(self.attachment_type.as_str()));
        form.insert("name".into(), json!(self.name));
        form.insert("mime_type".into(), json!(self.mime_type));
        put(&mut form, "size", &self.size, read_size, write_size);
        let thread_id = self.thread_id.as_ref().map(ToString::to_string);
        put(&mut form, "thread_id", &thread_id, read_text, write_text);
        Value::Object(form)
    }
}

/// An attachment to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAttachment {
    /// Its id.
    pub id: AttachmentId,
    /// What it is.
    pub attachment_type: AttachmentType,
    /// The name of the file, as the user knows it: 1 to 1,024 bytes without control characters.
    pub name: String,
    /// The media type of the file: 1 to 255 bytes without control characters.
    pub mime_type: String,
    /// The bytes of the file: 0 to what the setting `CHATKIT_MAX_UPLOAD_BYTES` allows. If none are
    /// given, what is stored stays.
    pub size: Option<i64>,
    /// The fields of its JSON form that the others do not say, such as `preview_url`: an object.
    pub details: Value,
    /// The thread it belongs to. It may be given later; once given, it stays.
    pub thread_id: Option<ThreadId>,
    /// Where the application keeps the file: 1 to 1,024 bytes without control characters. No two
    /// attachments share a path, and a path is for one upload only: put the id of the attachment
    /// into it, so that it is not used again when the file was removed. If none is given, what is
    /// stored stays; another path releases the file at the old one.
    pub storage_path: Option<String>,
}

impl NewAttachment {
    /// Describes a file.
    pub fn new(
        id: AttachmentId,
        attachment_type: AttachmentType,
        name: impl Into<String>,
        mime_type: impl Into<String>,
    ) -> Self {
        Self {
            id,
            attachment_type,
            name: name.into(),
            mime_type: mime_type.into(),
            size: None,
            details: Value::Object(Map::new()),
            thread_id: None,
            storage_path: None,
        }
    }

    /// Reads the JSON form that ChatKit servers use (`Attachment`): `id`, `type`, `name`,
    /// `mime_type`, `thread_id`, and `size` if there is one. Whatever else there is, is kept.
    ///
    /// # Errors
    /// `Invalid` when it is not an object with the first four, or one of these fields is of another
    /// kind.
    pub fn from_json(value: Value) -> Result<Self> {
        let mut form = Form::new("attachment", value)?;
        let id = AttachmentId::new(form.required("id")?)?;
        let attachment_type = form
            .required("type")?
            .parse()
            .map_err(|_word: Error| Error::invalid("attachment.type", "must be file or image"))?;
        let name = form.required("name")?;
        let mime_type = form.required("mime_type")?;
        let size = form.field("size", read_size, write_size, "a number of bytes")?;
        let thread_id = form.field("thread_id", read_text, write_text, "a text")?;
        Ok(Self {
            id,
            attachment_type,
            name,
            mime_type,
            size,
            details: form.into_rest(),
            thread_id: thread_id.map(ThreadId::new).transpose()?,
            storage_path: None,
        })
    }
}

/// To change an attachment and save it again.
impl From<Attachment> for NewAttachment {
    fn from(attachment: Attachment) -> Self {
        Self {
            id: attachment.id,
            attachment_type: attachment.attachment_type,
            name: attachment.name,
            mime_type: attachment.mime_type,
            size: attachment.size,
            details: attachment.details,
            thread_id: attachment.thread_id,
            storage_path: attachment.storage_path,
        }
    }
}

fn read_size(value: &Value) -> Option<Option<i64>> {
    match value {
        Value::Null => Some(None),
        _ => value.as_i64().filter(|size| *size >= 0).map(Some),
    }
}

fn write_size(size: &Option<i64>) -> Option<Value> {
    size.map(|size| json!(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(new: NewAttachment) -> Attachment {
        Attachment {
            id: new.id,
            attachment_type: new.attachment_type,
            name: new.name,
            mime_type: new.mime_type,
            size: new.size,
            details: new.details,
            thread_id: new.thread_id,
            storage_path: new.storage_path,
            created_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn the_json_form_comes_back_as_it_was_given() {
        for form in [
            json!({"id": "atc_1", "type": "file", "name": "a.pdf", "mime_type": "application/pdf"}),
            json!({"id": "atc_1", "type": "image", "name": "a.png", "mime_type": "image/png",
                   "preview_url": "https://x/y", "thread_id": null, "metadata": null,
                   "upload_descriptor": {"url": "https://x", "method": "PUT", "headers": {}},
                   "size": 7}),
            json!({"id": "atc_1", "type": "file", "name": "a", "mime_type": "text/plain",
                   "thread_id": "thr_1", "size": null}),
        ] {
            let attachment = saved(NewAttachment::from_json(form.clone()).unwrap());
            assert_eq!(attachment.to_json(), form);
            assert_eq!(saved(attachment.into()).to_json(), form);
        }
    }

    #[test]
    fn a_thread_given_later_is_in_the_form() {
        let form = json!({"id": "a", "type": "file", "name": "a", "mime_type": "b",
                          "thread_id": null});
        let mut attachment = saved(NewAttachment::from_json(form).unwrap());
        attachment.thread_id = Some(ThreadId::new("thr_1").unwrap());
        assert_eq!(attachment.to_json()["thread_id"], "thr_1");
    }

    #[test]
    fn forms_of_other_kinds_are_invalid() {
        let whole = json!({"id": "a", "type": "file", "name": "a", "mime_type": "b"});
        for (field, value) in [
            ("id", json!(1)),
            ("type", json!("video")),
            ("name", json!(null)),
            ("mime_type", json!([])),
            ("size", json!(-1)),
            ("size", json!(1.5)),
            ("thread_id", json!(7)),
            ("thread_id", json!("")),
        ] {
            let mut form = whole.clone();
            form[field] = value;
            assert!(NewAttachment::from_json(form.clone()).is_err(), "{form}");
        }
    }
}
