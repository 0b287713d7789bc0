//! A checkpoint that may be put.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use store_core::checkpoints::graph::{ChannelValue, GraphCheckpoint, GraphConfig};
use store_core::json::Admitted;
use store_core::{Error, Result, Timestamp, check_external};

use super::GraphContext;
use super::blob::Blob;
use super::input::{
    checked_count, checked_id, checked_namespace, checked_object, checked_total, checked_value,
};

/// A checkpoint that was checked. Without `Debug`, like its values.
#[derive(Clone)]
pub(crate) struct ReadyPut {
    pub(crate) config: GraphConfig,
    pub(crate) id: store_core::GraphCheckpointId,
    /// JSON, as the JSON policy has no part in it: names and versions are stored as they are.
    pub(crate) channel_versions: String,
    pub(crate) versions_seen: Admitted,
    pub(crate) extra: Admitted,
    pub(crate) metadata: Admitted,
    pub(crate) run_id: Option<String>,
    pub(crate) values: Vec<ReadyValue>,
    pub(crate) now: Timestamp,
}

/// The value of a channel at a version.
#[derive(Clone)]
pub(crate) struct ReadyValue {
    pub(crate) channel: String,
    pub(crate) version: String,
    pub(crate) blob: Arc<Blob>,
}

impl ReadyPut {
    /// Checks a checkpoint, and seals its values if there is a key ring.
    pub(crate) fn new(
        cx: &GraphContext,
        config: &GraphConfig,
        checkpoint: GraphCheckpoint,
        values: BTreeMap<String, ChannelValue>,
        metadata: Value,
    ) -> Result<Self> {
        let GraphCheckpoint { id, channel_versions, versions_seen, extra } = checkpoint;
        checked_namespace(&config.checkpoint_ns)?;
        checked_id("checkpoint_id", id)?;
        config.parent_id.map_or(Ok(()), |parent| checked_id("parent_id", parent))?;
        checked_versions(&channel_versions)?;
        checked_object("versions_seen", &versions_seen)?;
        checked_object("extra", &extra)?;
        checked_object("metadata", &metadata)?;
        let run_id = metadata.get("run_id").and_then(Value::as_str).map(str::to_owned);
        run_id.as_deref().map_or(Ok(()), |run_id| check_external("metadata.run_id", run_id))?;
        for (channel, value) in &values {
            let field = format!("values.{channel}");
            if !channel_versions.contains_key(channel) {
                return Err(Error::invalid(field, "is no channel of the checkpoint"));
            }
            checked_value(&field, value)?;
        }
        checked_total("values", values.values())?;
        let json = |field, value| cx.json.admit(field, value);
        Ok(Self {
            config: config.clone(),
            id,
            versions_seen: json("versions_seen", versions_seen)?,
            extra: json("extra", extra)?,
            metadata: json("metadata", metadata)?,
            run_id,
            values: ReadyValue::all(cx, &channel_versions, values)?,
            channel_versions: serde_json::to_string(&channel_versions)
                .map_err(|cause| Error::invalid("channel_versions", cause.to_string()))?,
            now: cx.clock.now(),
        })
    }

    /// Returns the bytes of JSON in the row.
    pub(crate) fn json_bytes(&self) -> i64 {
        let names = i64::try_from(self.channel_versions.len()).unwrap_or(i64::MAX);
        names + self.versions_seen.bytes() + self.extra.bytes() + self.metadata.bytes()
    }
}

impl ReadyValue {
    fn all(
        cx: &GraphContext,
        versions: &BTreeMap<String, String>,
        values: BTreeMap<String, ChannelValue>,
    ) -> Result<Vec<Self>> {
        let mut ready = Vec::with_capacity(values.len());
        for (channel, value) in values {
            let Some(version) = versions.get(&channel).cloned() else { continue };
            let blob = Arc::new(Blob::new(cx.keys.as_ref(), value)?);
            ready.push(Self { channel, version, blob });
        }
        Ok(ready)
    }

    /// Takes the place of what is stored under this version at another address, if that is the same
    /// value: after a change of key it has two.
    ///
    /// # Errors
    /// `Conflict` when it is another value; `Settings` or `Tampered` when it does not open.
    pub(crate) fn reconciled(&self, cx: &GraphContext, stored: Blob) -> Result<Self> {
        if self.blob.has_value_of(stored.clone(), cx.keys.as_ref())? {
            return Ok(Self { blob: Arc::new(stored), ..self.clone() });
        }
        let Self { channel, version, .. } = self;
        let reason = format!(
            "channel `{channel}` has another value at version `{version}`: a fork has to use a \
             new version"
        );
        Err(Error::conflict("channel", channel, reason))
    }
}

fn checked_versions(versions: &BTreeMap<String, String>) -> Result<()> {
    checked_count("channel_versions", versions.len())?;
    versions.iter().try_for_each(|(channel, version)| {
        check_external("channel_versions", channel)?;
        check_external(&format!("channel_versions.{channel}"), version)
    })
}
