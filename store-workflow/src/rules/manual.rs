use serde_json::{Map, Value, json};
use store_core::json::Admitted;
use store_core::workflow::{ManualDispatch, ManualPolicy, ManualRun, NewRun};
use store_core::{Actor, Denial, Error, Result, WorkflowId, check_external};

use super::Context;
use super::run::ReadyRun;
use super::text::trimmed_or_none;

/// The most runs of one dispatch.
const RUNS_MAX: usize = 100;
/// The most actors a policy can name.
const ACTORS_MAX: usize = 1000;
const COMMENT_MAX: usize = 1024;

/// A policy that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyPolicy {
    pub(crate) label: Option<String>,
    pub(crate) allowed_actors: Admitted,
    pub(crate) require_comment: bool,
    pub(crate) default_payload: Option<Admitted>,
    pub(crate) cooldown_seconds: u32,
}

impl ReadyPolicy {
    /// Checks a policy.
    pub(crate) fn new(context: &Context, policy: ManualPolicy) -> Result<Self> {
        if let Some(label) = &policy.label {
            check_external("manual.label", label)?;
        }
        if policy.allowed_actors.len() > ACTORS_MAX {
            return Err(Error::invalid(
                "manual.allowed_actors",
                format!("are {}, at most {ACTORS_MAX} are allowed", policy.allowed_actors.len()),
            ));
        }
        let admit = |field: &str, value| context.json.admit(&format!("manual.{field}"), value);
        let payload = policy.default_payload;
        Ok(Self {
            label: policy.label,
            allowed_actors: admit("allowed_actors", json!(policy.allowed_actors))?,
            require_comment: policy.require_comment,
            default_payload: payload.map(|value| admit("default_payload", value)).transpose()?,
            cooldown_seconds: policy.cooldown_seconds,
        })
    }
}

/// A dispatch that was checked, as far as that goes without the policy.
#[derive(Debug, Clone)]
pub(crate) struct ReadyDispatch {
    pub(crate) workflow_id: WorkflowId,
    pub(crate) actor: Actor,
    label: Option<String>,
    comment: Option<String>,
    runs: Vec<ReadyRun>,
    /// Which runs were given no input.
    defaulted: Vec<bool>,
}

impl ReadyDispatch {
    /// Checks a dispatch.
    pub(crate) fn new(context: &Context, actor: &Actor, dispatch: ManualDispatch) -> Result<Self> {
        let ManualDispatch { workflow_id, runs, label, comment } = dispatch;
        if !(1..=RUNS_MAX).contains(&runs.len()) {
            let reason = format!("are {}, allowed are 1 to {RUNS_MAX}", runs.len());
            return Err(Error::invalid("runs", reason));
        }
        if let Some(label) = &label {
            check_external("label", label)?;
        }
        let comment = match &comment {
            Some(text) => trimmed_or_none("comment", text, COMMENT_MAX)?,
            None => None,
        };
        let audit = comment.as_ref().map_or_else(|| json!({}), |text| json!({"comment": text}));
        let triggered_by = if runs.len() == 1 { "manual" } else { "manual_batch" };
        let triggered_by = label.as_deref().unwrap_or(triggered_by);
        let ready = |run: ManualRun| {
            let new = NewRun {
                workflow_version_id: run.workflow_version_id,
                input: run.input.unwrap_or_else(|| Value::Object(Map::new())),
                ..NewRun::new(workflow_id, triggered_by)
            };
            let ready = ReadyRun::new(context, actor, new)?;
            Ok(ReadyRun { audit: audit.clone(), ..ready })
        };
        Ok(Self {
            workflow_id,
            actor: actor.clone(),
            defaulted: runs.iter().map(|run| run.input.is_none()).collect(),
            runs: runs.into_iter().map(ready).collect::<Result<_>>()?,
            label,
            comment,
        })
    }

    /// Applies the policy, but for its cooldown, and returns the runs that it lets start.
    ///
    /// # Errors
    /// `Denied` for an actor the policy does not name; `Invalid` for a missing comment.
    pub(crate) fn under(
        &self,
        context: &Context,
        policy: Option<&ManualPolicy>,
    ) -> Result<Vec<ReadyRun>> {
        let mut runs = self.runs.clone();
        let Some(policy) = policy else { return Ok(runs) };
        if !policy.allowed_actors.is_empty() && !policy.allowed_actors.contains(&self.actor) {
            return Err(Error::Denied { reason: Denial::Forbidden });
        }
        if policy.require_comment && self.comment.is_none() {
            return Err(Error::invalid("comment", "is required by the policy of the workflow"));
        }
        if let (None, Some(label)) = (&self.label, &policy.label) {
            runs.iter_mut().for_each(|run| run.triggered_by.clone_from(label));
        }
        if let Some(payload) = &policy.default_payload {
            let payload = context.json.admit("manual.default_payload", payload.clone())?;
            for (run, _) in runs.iter_mut().zip(&self.defaulted).filter(|(_, none)| **none) {
                run.input.clone_from(&payload);
            }
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use store_core::SystemClock;
    use store_core::json::JsonPolicy;

    use super::*;

    fn context() -> Context {
        Context { json: JsonPolicy::default(), clock: Arc::new(SystemClock), keys: None }
    }

    fn actor(name: &str) -> Actor {
        Actor::new(name).unwrap()
    }

    fn dispatch(runs: Vec<ManualRun>) -> ManualDispatch {
        ManualDispatch { workflow_id: WorkflowId::mint(), runs, label: None, comment: None }
    }

    #[test]
    fn labels_comments_and_defaults_come_from_the_dispatch_then_from_the_policy() {
        let given = ManualRun { input: Some(json!([1])), ..ManualRun::default() };
        let dispatch = ManualDispatch {
            comment: Some(" why ".into()),
            ..dispatch(vec![given, ManualRun::default()])
        };
        let ready = ReadyDispatch::new(&context(), &actor("ada"), dispatch).unwrap();
        let free = ready.under(&context(), None).unwrap();
        assert_eq!((&*free[0].triggered_by, &free[1].input.value), ("manual_batch", &json!({})));
        assert_eq!(free[0].audit, json!({"comment": "why"}));
        let policy = ManualPolicy {
            label: Some("night".into()),
            default_payload: Some(json!({"by": "default"})),
            ..ManualPolicy::default()
        };
        let runs = ready.under(&context(), Some(&policy)).unwrap();
        assert_eq!(runs[0].triggered_by, "night");
        let inputs = [&runs[0].input.text, &runs[1].input.text];
        assert_eq!(inputs, ["[1]", "{\"by\":\"default\"}"]);
    }

    #[test]
    fn a_policy_names_actors_and_can_want_a_comment() {
        let ready = |comment: Option<&str>| {
            let comment = comment.map(str::to_owned);
            let dispatch = ManualDispatch { comment, ..dispatch(vec![ManualRun::default()]) };
            ReadyDispatch::new(&context(), &actor("ada"), dispatch).unwrap()
        };
        let named = |name: &str| ManualPolicy {
            allowed_actors: vec![actor(name)],
            require_comment: true,
            ..ManualPolicy::default()
        };
        let under = |comment, name: &str| ready(comment).under(&context(), Some(&named(name)));
        assert!(under(Some("why"), "ada").is_ok());
        let denied = under(Some("why"), "Ada").unwrap_err();
        assert!(matches!(denied, Error::Denied { reason: Denial::Forbidden }));
        for comment in [None, Some("  ")] {
            let error = under(comment, "ada").unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "comment"));
        }
    }

    #[test]
    fn dispatches_and_policies_are_checked() {
        for count in [0, 101] {
            let dispatch = dispatch(vec![ManualRun::default(); count]);
            let error = ReadyDispatch::new(&context(), &actor("ada"), dispatch).unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "runs"));
        }
        let many = vec![actor("ada"); ACTORS_MAX + 1];
        let bad = [
            ManualPolicy { label: Some(String::new()), ..ManualPolicy::default() },
            ManualPolicy { allowed_actors: many, ..ManualPolicy::default() },
            ManualPolicy { default_payload: Some(json!("\0")), ..ManualPolicy::default() },
        ];
        for policy in bad {
            assert!(ReadyPolicy::new(&context(), policy.clone()).is_err(), "{policy:?}");
        }
    }
}
