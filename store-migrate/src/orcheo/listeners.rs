//! Subscriptions of listeners, their cursors, and the events they remember.
//!
//! Orcheo makes a subscription anew for each version of a workflow and disables the old one. Here
//! a subscription is one of its workflow, platform, node and bot, and survives new versions. So the
//! newest of several becomes that one, with the id that the next version knows it by; the others
//! keep their ids and what they were.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store_core::workflow::{ListenerStatus, NewListener};
use store_core::{ListenerId, Timestamp, WorkflowId, WorkflowVersionId, check_external};
use store_workflow::import::ListenerColumns;

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::row::Row;
use crate::error::Result;

/// All subscriptions. They are few, and which is the newest is known with the last.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    rows: Vec<Row>,
    /// The newest of each, by the id of the stores: its rank and its id in Orcheo.
    newest: BTreeMap<ListenerId, (Rank, String)>,
    /// Which id became which.
    ids: BTreeMap<String, String>,
}

/// What is newer ranks higher: what listens, the number of its version, when it changed.
type Rank = (bool, i64, Timestamp);

/// A subscription as its payload says it.
#[derive(Debug, Clone)]
struct Given {
    workflow_id: WorkflowId,
    version_id: WorkflowVersionId,
    listener: NewListener,
    status: ListenerStatus,
    lease: Option<(String, Timestamp)>,
    has_half_a_lease: bool,
    last_event_at: Option<Timestamp>,
    last_error: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Listeners {
    /// Keeps a row, and finds out whether it is the newest of its kind.
    pub(super) fn read(&mut self, cx: &mut Converter<'_>, row: Row) -> Result<()> {
        // A row that breaks a rule is refused when it is written.
        if let Ok((given, _rest)) = read(&row)
            && let Ok(columns) = checked(cx, &given)
            && let Ok(old) = row.text("id")
        {
            let version_id = given.version_id.to_string();
            let number = "SELECT version FROM workflow_versions WHERE id = ?";
            let number = cx.find(number, [version_id])?.unwrap_or(0);
            let rank = (given.status != ListenerStatus::Disabled, number, given.updated_at);
            let this = (rank, old.to_owned());
            let newest = self.newest.entry(columns.id).or_insert_with(|| this.clone());
            if *newest < this {
                *newest = this;
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// Writes all of them.
    pub(super) fn write(&mut self, cx: &mut Converter<'_>) -> Result<()> {
        for row in std::mem::take(&mut self.rows) {
            cx.row(&row, |cx, row| self.convert(cx, row))?;
        }
        Ok(())
    }

    fn convert(&mut self, cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
        let (given, rest) = read(row)?;
        let columns = checked(cx, &given)?;
        let old = row.text("id")?.to_owned();
        let own: ListenerId = row.parsed("id")?;
        let is_newest = self.newest.get(&columns.id).is_some_and(|(_, newest)| *newest == old);
        let id = if is_newest { columns.id } else { own }.to_string();
        insert(cx, &id, &given, &columns)?;
        if id != old {
            cx.tally.changed_id("listener_subscriptions", old.clone(), id.clone());
        }
        self.ids.insert(old, id);
        if given.has_half_a_lease {
            cx.tally.note("listener_subscriptions: half a lease was left out; nobody holds it");
        }
        cx.leave(row, "payload", &rest);
        Ok(())
    }

    fn id(&self, row: &Row) -> Checked<&str> {
        let found = self.ids.get(row.text("subscription_id")?);
        found.map(String::as_str).ok_or_else(|| {
            fault("subscription_id", "the subscription is not there, or was refused")
        })
    }

    /// Puts a cursor into the row of its subscription.
    pub(super) fn cursor(&self, cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
        const SET: &str =
            "UPDATE workflow_listeners SET cursor_state = ?, cursor_updated_at = ? WHERE id = ?";
        let id = self.id(row)?;
        let Value::Object(mut state) = row.json("payload")? else {
            return Err(fault("payload", "is no JSON object"));
        };
        for field in ["subscription_id", "updated_at"] {
            state.remove(field);
        }
        let state = cx.rules.workflow.cursor(state.into()).map_err(broken("payload"))?;
        let at = row.instant("updated_at")?.to_string();
        cx.execute("workflow_listeners", SET, (state, at, id)).map(drop)
    }

    /// Converts an event that is remembered.
    pub(super) fn dedupe(&self, cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
        let (id, key) = (self.id(row)?, row.text("dedupe_key")?);
        check_external("dedupe_key", key).map_err(broken("dedupe_key"))?;
        let expires_at = row.instant("expires_at")?.to_string();
        let columns: &[(&str, &dyn rusqlite::ToSql)] =
            &[("listener_id", &id), ("dedupe_key", &key), ("expires_at", &expires_at)];
        cx.insert("workflow_listener_events", columns)
    }
}

fn read(row: &Row) -> Checked<(Given, Fields)> {
    let mut payload = row.fields("payload")?;
    payload.same("id", row.text("id")?)?;
    let (owner, until) =
        (payload.maybe_text("assigned_runtime")?, payload.maybe_instant("lease_expires_at")?);
    let has_half_a_lease = owner.is_some() != until.is_some();
    let bot = payload.text("bot_identity_key")?;
    let given = Given {
        workflow_id: payload.parsed("workflow_id")?,
        version_id: payload.parsed("workflow_version_id")?,
        listener: NewListener {
            node_name: payload.text("node_name")?,
            platform: payload.text("platform")?,
            // As the stores make it of the key of a bot, so that the next version finds it.
            bot_identity: hex::encode(Sha256::digest(bot.as_bytes())),
            config: payload.object("config")?,
        },
        status: payload.maybe_parsed("status")?.unwrap_or(ListenerStatus::Active),
        lease: owner.zip(until),
        has_half_a_lease,
        last_event_at: payload.maybe_instant("last_event_at")?,
        last_error: payload.maybe_text("last_error")?,
        created_at: match payload.maybe_instant("created_at")? {
            Some(at) => at,
            None => row.instant("created_at")?,
        },
        updated_at: match payload.maybe_instant("updated_at")? {
            Some(at) => at,
            None => row.instant("updated_at")?,
        },
    };
    Ok((given, payload))
}

fn checked(cx: &Converter<'_>, given: &Given) -> Checked<ListenerColumns> {
    if let Some((owner, _)) = &given.lease {
        check_external("assigned_runtime", owner).map_err(broken("payload.assigned_runtime"))?;
    }
    let of = (given.workflow_id, given.version_id);
    let (listener, error) = (given.listener.clone(), given.last_error.as_deref());
    cx.rules.workflow.listener(of, listener, error).map_err(broken("payload"))
}

fn insert(cx: &Converter<'_>, id: &str, given: &Given, columns: &ListenerColumns) -> Checked<()> {
    let (owner, until) = given.lease.clone().unzip();
    let stored = |at: Option<Timestamp>| at.map(|at| at.to_string());
    cx.insert(
        "workflow_listeners",
        &[
            ("id", &id),
            ("workflow_id", &given.workflow_id.to_string()),
            ("workflow_version_id", &given.version_id.to_string()),
            ("node_name", &given.listener.node_name),
            ("platform", &given.listener.platform),
            ("bot_identity", &given.listener.bot_identity),
            ("config", &columns.config),
            ("status", &given.status.as_str()),
            ("lease_owner", &owner),
            // A lease that is held was taken once.
            ("lease_epoch", &i64::from(given.lease.is_some())),
            ("lease_expires_at", &stored(until)),
            ("last_event_at", &stored(given.last_event_at)),
            ("last_error", &given.last_error),
            ("record_bytes", &columns.record_bytes),
            ("created_at", &given.created_at.to_string()),
            ("updated_at", &given.updated_at.to_string()),
        ],
    )
}
