//! Every operation that only reads runs on a standby, which would refuse a write.

use store_core::chatkit::{ItemSearch, ThreadFilter};
use store_core::checkpoints::graph::GraphFilter;
use store_core::checkpoints::{CheckpointFilter, Goal, MetricPath};
use store_core::history::{ExecutionFilter, UsageGroup};
use store_core::queue::JobFilter;
use store_core::replica::{Freshness, from_replica};
use store_core::seal::KeyRing;
use store_core::tokens::TokenFilter;
use store_core::vault::{AccessContext, AlertFilter, VaultSubject};
use store_core::workflow::{RunFilter, WorkflowFilter};
use store_core::{
    CheckpointId, CredentialId, Databases, JobId, ListenerId, Order, PageRequest, RunId,
    TemplateId, WorkflowId, WorkflowVersionId,
};
use store_tests::samples;

use crate::counts::run_counted;
use crate::support::Cluster;

/// Asks for each of these what the replica has, and makes sure that it was the one to answer.
macro_rules! on_the_replica {
    ($counts:ident: $($call:expr),+ $(,)?) => {
        $({
            let before = $counts.of("replica");
            // Nothing is there: an absence is an answer, which no other database is asked for.
            drop(from_replica(Freshness::Any, $call).await);
            assert!($counts.of("replica") > before, "{}", stringify!($call));
            assert_eq!($counts.of("failed"), 0, "{}", stringify!($call));
        })+
    };
}

#[test]
fn every_operation_that_only_reads_runs_on_a_standby() {
    run_counted(|counts| async move {
        let cluster = Cluster::start();
        let databases = Databases::new(cluster.settings().build().unwrap());
        let key = store_tests::fixture::workflow_keys();
        let vault = store_vault::open_with(&databases, &key).await.unwrap();
        let workflows = store_workflow::open_with(&databases, None::<KeyRing>).await.unwrap();
        let history = store_history::open(&databases).await.unwrap();
        let checkpoints = store_checkpoints::open(&databases).await.unwrap();
        let graph = store_checkpoints::open_graph(&databases).await.unwrap();
        let chats = store_chatkit::open(&databases).await.unwrap();
        let tokens = store_tokens::open(&databases).await.unwrap();
        cluster.caught_up(&databases).await;
        let page = PageRequest::default();

        let (id, all) = (samples::id("e"), ExecutionFilter::default());
        on_the_replica!(counts:
            history.fetch(&id),
            history.find(&id),
            history.fetch_with_steps(&id),
            history.steps(&id, &page),
            history.list(&all, &page),
            history.list_with_steps(&all, &page),
            history.usage(&all, UsageGroup::Workflow),
            history.tasks(&id, &page),
            history.results(&id, None, &page),
        );

        let (id, other) = (CheckpointId::mint(), CheckpointId::mint());
        let (all, loss) = (CheckpointFilter::default(), MetricPath::new("loss").unwrap());
        let (thread, states) = (samples::thread("t"), GraphFilter::default());
        on_the_replica!(counts:
            checkpoints.fetch(id),
            checkpoints.find(id),
            checkpoints.latest("w"),
            checkpoints.best("w"),
            checkpoints.list("w", &page),
            checkpoints.best_by("w", &loss, Goal::Min),
            checkpoints.query("w", &all, &page),
            checkpoints.compare(id, other),
            checkpoints.lineage(id, &page),
            graph.fetch(&thread, "", None),
            graph.list(&thread, &states, &page),
        );

        let alice = samples::alice();
        let (item, attachment) = (samples::item_id("i"), samples::attachment_id("a"));
        let (threads, search) = (ThreadFilter::default(), ItemSearch::everywhere("words"));
        on_the_replica!(counts:
            chats.load_thread(&alice, &thread),
            chats.load_threads(&alice, &page),
            chats.filter_threads(&alice, &threads, &page),
            chats.load_thread_items(&alice, &thread, &page),
            chats.cursor_after(&alice, &thread, &item, Order::Asc),
            chats.load_item(&alice, &thread, &item),
            chats.search_items(&alice, &search, &page),
            chats.load_attachment(&alice, &attachment),
        );

        let (id, all) = (samples::token_id("t"), TokenFilter::default());
        on_the_replica!(counts:
            tokens.fetch(&id),
            tokens.find(&id),
            tokens.list(&all, &page),
            tokens.audit(&id, &page),
            tokens.verify_audit(&id),
        );

        let (id, template, alerts) =
            (CredentialId::mint(), TemplateId::mint(), AlertFilter::default());
        let (ada, subject) =
            (AccessContext::administrator(samples::ada()), VaultSubject::Credential(id));
        on_the_replica!(counts:
            vault.fetch(&ada, id),
            vault.find_by_name(&ada, "name"),
            vault.list(&ada, &page),
            vault.list_all(&ada, &page),
            vault.describe(&ada, id),
            vault.versions(&ada, id),
            vault.audit(&ada, subject, &page),
            vault.verify_audit(&ada, subject),
            vault.fetch_template(&ada, template),
            vault.list_templates(&ada, &page),
            vault.list_alerts(&ada, &alerts, &page),
        );

        let (id, version) = (WorkflowId::mint(), WorkflowVersionId::mint());
        let (run, all, runs) = (RunId::mint(), WorkflowFilter::default(), RunFilter::default());
        on_the_replica!(counts:
            workflows.fetch_workflow(id),
            workflows.find_workflow(id),
            workflows.resolve_workflow("name", false),
            workflows.list_workflows(&all, &page),
            workflows.list_workflow_audit(id, &page),
            workflows.fetch_version(version),
            workflows.fetch_version_by_number(id, 1),
            workflows.latest_version(id),
            workflows.list_versions(id, &page),
            workflows.diff_versions(id, 1, 2),
            workflows.verify_version(version),
            workflows.fetch_run(run),
            workflows.find_run(run),
            workflows.list_runs(&runs, &page),
            workflows.list_run_audit(run, &page),
            workflows.find_cron(id),
            workflows.find_webhook(id),
            workflows.find_manual(id),
            workflows.find_retry(id),
            workflows.list_listeners(None, &page),
            workflows.fetch_listener(ListenerId::mint()),
        );

        let (job, all) = (JobId::mint(), JobFilter::default());
        on_the_replica!(counts:
            workflows.fetch_job(job),
            workflows.find_job(job),
            workflows.list_jobs(&all, &page),
            workflows.job_history(job),
            workflows.queue_stats(None),
            workflows.list_workers(None, &page),
            workflows.counter("c"),
            workflows.list_counters("", &page),
        );
    });
}
