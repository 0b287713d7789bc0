//! One operation of each trait that succeeds and one that fails, on both backends.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use store_core::tokens::TokenFilter;
use store_core::{AlertId, CheckpointId, CredentialId, TemplateId};
use store_core::{
    ItemId, JobId, ListenerId, PageRequest, Result, RunId, ThreadId, WorkflowId, WorkflowVersionId,
};
use store_tests::fixture::{Chats, Checkpoints, Graphs, History, Tokens, Vaults, Workflows};
use store_tests::samples::{self, alice, execution, id, operator, step, token_id};

use crate::kept::{self, Fields};
use crate::traits;

/// What was called, and how it went: subsystem, operation, outcome, and rows of a success.
type Called = (&'static str, &'static str, &'static str, Option<u64>);

/// What was called on one backend.
#[derive(Default)]
struct Calls(Vec<Called>);

impl Calls {
    /// Notes an operation that succeeded with so many rows.
    #[track_caller]
    fn ok<T: Debug>(&mut self, operation: [&'static str; 2], rows: u64, answer: Result<T>) {
        answer.unwrap();
        self.0.push((operation[0], operation[1], "ok", Some(rows)));
    }

    /// Notes an operation that failed.
    #[track_caller]
    fn failed<T: Debug>(&mut self, operation: [&'static str; 2], answer: Result<T>) {
        let outcome = answer.unwrap_err().outcome();
        self.0.push((operation[0], operation[1], outcome, None));
    }
}

fn page() -> PageRequest {
    PageRequest::default()
}

async fn history(t: &History, calls: &mut Calls) {
    let (store, at) = (&t.store, |operation| ["history", operation]);
    calls.ok(at("start"), 1, store.start(execution("a")).await);
    for number in 0..3 {
        let appended = store.append_step(&id("a"), step(number.into())).await;
        calls.ok(at("append_step"), 1, appended);
    }
    calls.ok(at("steps"), 3, store.steps(&id("a"), &page()).await);
    calls.failed(at("fetch"), store.fetch(&id("absent")).await);
    calls.ok(at("tasks"), 0, store.tasks(&id("a"), &page()).await);
    let result = samples::result("absent", "t", "k", 1.into());
    calls.failed(at("put_result"), store.put_result(result).await);
}

async fn workflow(t: &Workflows, calls: &mut Calls) {
    let (store, at) = (&t.store, |operation| ["workflow", operation]);
    let workflow = WorkflowId::mint();
    calls.ok(at("find_workflow"), 0, store.find_workflow(workflow).await);
    calls.failed(at("fetch_workflow"), store.fetch_workflow(workflow).await);
    calls.ok(at("latest_version"), 0, store.latest_version(workflow).await);
    calls.failed(at("fetch_version"), store.fetch_version(WorkflowVersionId::mint()).await);
    calls.ok(at("find_run"), 0, store.find_run(RunId::mint()).await);
    calls.failed(at("fetch_run"), store.fetch_run(RunId::mint()).await);
    calls.ok(at("find_cron"), 0, store.find_cron(workflow).await);
    calls.failed(at("delete_cron"), store.delete_cron(&samples::ada(), workflow).await);
    calls.ok(at("list_listeners"), 0, store.list_listeners(None, &page()).await);
    calls.failed(at("fetch_listener"), store.fetch_listener(ListenerId::mint()).await);
}

async fn queue(t: &Workflows, calls: &mut Calls) {
    let (store, at) = (&t.store, |operation| ["workflow", operation]);
    let (job, second) = (JobId::mint(), Duration::from_secs(1));
    calls.ok(at("find_job"), 0, store.find_job(job).await);
    calls.failed(at("fetch_job"), store.fetch_job(job).await);
    calls.ok(at("reap_jobs"), 0, store.reap_jobs(1).await);
    calls.failed(at("reap_jobs"), store.reap_jobs(0).await);
    calls.ok(at("enqueue"), 1, store.enqueue(samples::job("email")).await);
    calls.ok(at("queue_stats"), 1, store.queue_stats(None).await);
    calls.failed(at("pause_queue"), store.pause_queue("").await);
    calls.ok(at("list_workers"), 0, store.list_workers(None, &page()).await);
    calls.failed(at("heartbeat_worker"), store.heartbeat_worker("absent").await);
    calls.ok(at("find_lock"), 0, store.find_lock("name").await);
    calls.failed(at("acquire_lock"), store.acquire_lock("", "me", second).await);
    calls.ok(at("counter"), 1, store.counter("name").await);
    calls.failed(at("increment_counter"), store.increment_counter("", 2).await);
}

async fn tokens(t: &Tokens, calls: &mut Calls) {
    let (store, at) = (&t.store, |operation| ["tokens", operation]);
    calls.ok(at("list"), 0, store.list(&TokenFilter::default(), &page()).await);
    calls.failed(at("fetch"), store.fetch(&token_id("absent")).await);
}

async fn checkpoints(t: &Checkpoints, calls: &mut Calls) {
    let (store, at) = (&t.store, |operation| ["checkpoints", operation]);
    calls.ok(at("latest"), 0, store.latest("w").await);
    calls.failed(at("fetch"), store.fetch(CheckpointId::mint()).await);
}

async fn graph(t: &Graphs, calls: &mut Calls) {
    let (store, at) = (&t.store, |operation| ["graph", operation]);
    let thread = ThreadId::new("t").unwrap();
    calls.ok(at("fetch"), 0, store.fetch(&thread, "", None).await);
    let nothing = PageRequest::first(0);
    calls.failed(at("list"), store.list(&thread, &Default::default(), &nothing).await);
}

async fn chatkit(t: &Chats, calls: &mut Calls) {
    let (store, at) = (&t.store, |operation| ["chatkit", operation]);
    let (thread, item) = (ThreadId::new("t").unwrap(), ItemId::new("i").unwrap());
    calls.ok(at("load_threads"), 0, store.load_threads(&alice(), &page()).await);
    calls.failed(at("load_item"), store.load_item(&alice(), &thread, &item).await);
}

async fn vault(t: &Vaults, calls: &mut Calls) {
    let (store, at, cx) = (&t.store, |operation| ["vault", operation], operator());
    calls.ok(at("list"), 0, store.list(&cx, &page()).await);
    calls.failed(at("reveal"), store.reveal(&cx, CredentialId::mint()).await);
    calls.ok(at("list_templates"), 0, store.list_templates(&cx, &page()).await);
    let template = TemplateId::mint();
    calls.failed(at("fetch_template"), store.fetch_template(&cx, template).await);
    let alert = AlertId::mint();
    calls.failed(at("acknowledge_alert"), store.acknowledge_alert(&cx, alert).await);
}

/// Finds the spans of an operation on a backend.
fn spans(backend: &str, subsystem: &str, operation: &str) -> Vec<Fields> {
    let name = format!("store.{subsystem}.{operation}");
    kept::kept(|kept| {
        let named = kept.spans.values().filter(|(other, _)| *other == name);
        let of_backend = named.filter(|(_, fields)| fields["backend"] == backend);
        of_backend.map(|(_, fields)| fields.clone()).collect()
    })
}

/// Returns how often an operation ended so, as the histogram has it.
fn measured(backend: &str, (subsystem, operation, outcome, _): Called) -> f64 {
    let labels = format!(
        "{{subsystem={subsystem},operation={operation},backend={backend},outcome={outcome}}}"
    );
    let key = format!("store_operation_duration_seconds{labels}");
    kept::kept(|kept| kept.metrics.get(&key).map_or(0.0, |(_, count)| *count))
}

/// Asserts that every call left its span and its measurement.
fn assert_observed(backend: &str, calls: &Calls) {
    for call in &calls.0 {
        let (subsystem, operation, outcome, rows) = *call;
        let spans = spans(backend, subsystem, operation);
        let fits = |fields: &&Fields| {
            let shown = rows.map(|rows| rows.to_string());
            fields.get("outcome").map(String::as_str) == Some(outcome)
                && fields.get("rows") == shown.as_ref()
        };
        let expected = calls.0.iter().filter(|other| *other == call).count();
        assert_eq!(spans.iter().filter(fits).count(), expected, "{call:?}: {spans:?}");
        let same = |other: &&Called| (other.0, other.1, other.2) == (subsystem, operation, outcome);
        let often = calls.0.iter().filter(same).count();
        assert!((measured(backend, *call) - often as f64).abs() < 0.5, "{call:?}");
    }
}

/// Asserts that each trait had an operation that succeeded and one that failed.
fn assert_complete(calls: &Calls) {
    for (name, store) in traits::all() {
        let of_trait = |call: &&Called| {
            call.0 == store.subsystem && store.methods.iter().any(|method| method == call.1)
        };
        let outcomes: BTreeSet<bool> =
            calls.0.iter().filter(of_trait).map(|call| call.2 == "ok").collect();
        assert_eq!(outcomes.len(), 2, "{name}: one that succeeds and one that fails");
    }
}

/// Calls operations of every store on a backend, and asserts what is seen of them.
macro_rules! every_store_is_observed {
    ($fixture:ident) => {
        #[test]
        fn $fixture() {
            use store_tests::fixture::{self, $fixture as databases};
            kept::keep();
            store_tests::run(async {
                let mut calls = Calls::default();
                let t = databases::history("observe").await;
                history(&t, &mut calls).await;
                t.finish().await;
                let t = databases::workflows("observe").await;
                workflow(&t, &mut calls).await;
                queue(&t, &mut calls).await;
                t.finish().await;
                let t = databases::tokens("observe").await;
                tokens(&t, &mut calls).await;
                t.finish().await;
                let t = fixture::checkpoints::$fixture("observe").await;
                checkpoints(&t, &mut calls).await;
                t.finish().await;
                let t = fixture::graph::$fixture("observe").await;
                graph(&t, &mut calls).await;
                t.finish().await;
                let t = fixture::chatkit::$fixture("observe").await;
                chatkit(&t, &mut calls).await;
                t.finish().await;
                let t = fixture::vault::$fixture("observe").await;
                vault(&t, &mut calls).await;
                t.finish().await;
                assert_observed(stringify!($fixture), &calls);
                assert_complete(&calls);
            });
        }
    };
}

mod every_operation_leaves_its_span_and_its_measurement {
    use super::*;
    #[cfg(feature = "sqlite")]
    every_store_is_observed!(sqlite);
    #[cfg(feature = "postgres")]
    every_store_is_observed!(postgres);
}

#[test]
fn the_recorder_is_told_what_every_metric_means() {
    kept::keep();
    store_core::observe::describe();
    kept::kept(|kept| {
        for metric in store_core::observe::METRICS {
            let (kind, unit, help) = &kept.described[metric.name];
            assert_eq!(
                (*kind, *unit, help.as_str()),
                (metric.kind, Some(metric.unit), metric.help)
            );
        }
    });
}
