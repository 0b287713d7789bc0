//! The audit of workflows and runs: lists in payloads become entries, in the order of time.

use rusqlite::params;
use serde_json::{Map, Value};
use store_core::workflow::AuditAction;
use store_core::{Actor, RunId, Timestamp, WorkflowId};

use super::converter::Converter;
use super::fault::{Checked, Stop, broken, fault};
use super::fields::Fields;
use super::row::Row;
use crate::error::Result;

/// Entries are collected first: those of a workflow and of its versions are one audit.
const BEGIN: &str = "CREATE TEMP TABLE orcheo_audit (n INTEGER PRIMARY KEY, \
     workflow_id TEXT NOT NULL, run_id TEXT, actor TEXT NOT NULL, action TEXT NOT NULL, \
     at TEXT NOT NULL, metadata TEXT NOT NULL)";

const COLLECT: &str = "INSERT INTO temp.orcheo_audit \
     (workflow_id, run_id, actor, action, at, metadata) VALUES (?, ?, ?, ?, ?, ?)";

const FINISH: &str = "INSERT INTO workflow_audit (workflow_id, run_id, actor, action, at, metadata) \
     SELECT workflow_id, run_id, actor, action, at, metadata FROM temp.orcheo_audit ORDER BY at, n; \
     DROP TABLE temp.orcheo_audit";

/// Begins to collect entries.
pub(super) fn begin(cx: &Converter<'_>) -> Result<()> {
    cx.batch(BEGIN)
}

/// Writes all entries that were collected.
pub(super) fn finish(cx: &Converter<'_>) -> Result<()> {
    cx.batch(FINISH)
}

/// An entry of a list in a payload.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) actor: Actor,
    pub(super) action: String,
    pub(super) at: Timestamp,
    pub(super) metadata: Map<String, Value>,
}

/// Takes the list of a payload. An entry that breaks a rule is refused alone.
pub(super) fn entries(
    cx: &mut Converter<'_>,
    row: &Row,
    payload: &mut Fields,
) -> Checked<Vec<(usize, Value, Entry)>> {
    let list = payload.list("audit_log")?;
    let mut entries = Vec::with_capacity(list.len());
    for (place, value) in list.into_iter().enumerate() {
        let path = format!("{}[{place}]", payload.at("audit_log"));
        match entry(&path, value.clone()) {
            Ok(one) => entries.push((place, value, one)),
            Err(Stop::Row(fault)) => cx.refuse_part(row, &value.to_string(), fault)?,
            Err(all) => return Err(all),
        }
    }
    Ok(entries)
}

fn entry(path: &str, value: Value) -> Checked<Entry> {
    let mut fields = Fields::new(path, value)?;
    let entry = Entry {
        actor: fields.parsed("actor")?,
        action: fields.text("action")?,
        at: fields.instant("at")?,
        metadata: match fields.object("metadata")? {
            Value::Object(map) => map,
            _ => Map::new(),
        },
    };
    if let Some(field) = fields.remaining().next() {
        return Err(fault(fields.at(field), "is no field of an audit entry"));
    }
    Ok(entry)
}

/// What the list of a payload is about.
pub(super) struct About<'a> {
    pub(super) workflow_id: WorkflowId,
    pub(super) run_id: Option<RunId>,
    /// The actions that have another name in the stores.
    pub(super) renamed: &'a [(&'a str, AuditAction)],
    /// What each entry says besides.
    pub(super) metadata: &'a [(&'a str, Value)],
}

/// Collects the list of a payload.
pub(super) fn collect(
    cx: &mut Converter<'_>,
    row: &Row,
    payload: &mut Fields,
    about: &About<'_>,
) -> Checked<()> {
    for (place, raw, entry) in entries(cx, row, payload)? {
        let path = format!("{}[{place}]", payload.at("audit_log"));
        match collect_one(cx, &path, about, entry) {
            Err(Stop::Row(fault)) => cx.refuse_part(row, &raw.to_string(), fault)?,
            other => other?,
        }
    }
    Ok(())
}

fn collect_one(cx: &Converter<'_>, path: &str, about: &About<'_>, entry: Entry) -> Checked<()> {
    let renamed = about.renamed.iter().find(|(name, _)| *name == entry.action);
    let action: AuditAction = match renamed {
        Some((_, action)) => *action,
        None => entry.action.parse().map_err(broken(&format!("{path}.action")))?,
    };
    let mut metadata = entry.metadata;
    for (key, value) in about.metadata {
        metadata.entry(*key).or_insert_with(|| value.clone());
    }
    let rules = &cx.rules.workflow;
    let metadata = rules.audit(Value::Object(metadata)).map_err(broken(path))?;
    let (workflow_id, run_id) =
        (about.workflow_id.to_string(), about.run_id.map(|id| id.to_string()));
    let at = entry.at.to_string();
    let values = params![workflow_id, run_id, entry.actor.as_str(), action.as_str(), at, metadata];
    cx.execute("workflow_audit", COLLECT, values).map(drop)
}
