//! Random sequences of operations on workflows and runs.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use store_core::workflow::{
    DraftAccess, NewRun, NewWorkflow, Patch, Publication, RetryPolicy, RunFilter, RunStatus,
    RunnableConfig, WorkflowFilter, WorkflowUpdate,
};
use store_core::{Order, RunId, Timestamp, WorkflowId, WorkflowVersionId};
use store_tests::fixture::noon;
use store_tests::model::workflow::{Operation, run_id, version_id, workflow_id};
use store_tests::samples::{chat, config};

/// Few, so that operations meet; the last ones are often not there.
fn number() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0_usize), 4 => Just(1), 1 => Just(2), 1 => Just(3)]
}

fn a_workflow() -> impl Strategy<Value = WorkflowId> {
    number().prop_map(workflow_id)
}

fn a_version() -> impl Strategy<Value = WorkflowVersionId> {
    number().prop_map(version_id)
}

fn a_run() -> impl Strategy<Value = RunId> {
    (0_usize..7).prop_map(run_id)
}

fn one_of(texts: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    prop::sample::select(texts.to_vec()).prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    let sound = one_of(&["Flow", " My Flow 2 ", "Ünï-Größe", "日本語", "%_'\""]);
    prop_oneof![8 => sound, 1 => one_of(&["", "  ", "a\0"])]
}

fn handle() -> impl Strategy<Value = String> {
    let sound = one_of(&["a", " A ", "b-1", "c"]);
    prop_oneof![6 => sound, 1 => one_of(&["a--b", "ä", "0190f6c1-7b1e-7cc3-98c4-dc0c0c07398f"])]
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    vec(one_of(&["red", " RED", "Ä", "ä ", "", "it's"]), 0..4)
}

fn description() -> impl Strategy<Value = String> {
    one_of(&["why", " späße\n", "  ", ""])
}

fn drafts() -> impl Strategy<Value = DraftAccess> {
    prop::sample::select(DraftAccess::ALL.to_vec())
}

fn order() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![Order::Asc, Order::Desc])
}

fn new_workflow() -> impl Strategy<Value = NewWorkflow> {
    let given = (option::of(handle()), option::weighted(0.2, one_of(&["The Slug", "ß"])));
    (name(), given, option::of(description()), tags(), drafts(), any::<bool>()).prop_map(
        |(name, (handle, slug), description, tags, draft_access, chats)| NewWorkflow {
            name,
            handle,
            slug,
            description,
            tags,
            draft_access,
            chatkit: chats.then(chat),
        },
    )
}

fn patch<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Patch<T>> {
    prop_oneof![3 => Just(Patch::Keep), 1 => Just(Patch::Clear), 2 => value.prop_map(Patch::Set)]
}

fn update() -> impl Strategy<Value = WorkflowUpdate> {
    let rest = (option::weighted(0.3, tags()), option::weighted(0.3, drafts()));
    let expected = option::weighted(0.2, 1_i64..4);
    (expected, option::of(name()), patch(handle()), patch(description()), rest, patch(Just(chat())))
        .prop_map(|(expected, name, handle, description, (tags, draft_access), chatkit)| {
            WorkflowUpdate { expected, name, handle, description, tags, draft_access, chatkit }
        })
}

fn filter() -> impl Strategy<Value = WorkflowFilter> {
    let flag = || option::weighted(0.3, any::<bool>());
    let text = option::weighted(0.4, one_of(&["FLOW", "Ü", "größe", "%", "a", "WHY", "-"]));
    let tag = option::weighted(0.3, one_of(&["red", "ä", "it's"]));
    (flag(), tag, text, option::weighted(0.2, drafts()), flag()).prop_map(
        |(archived, tag, text, draft_access, public)| WorkflowFilter {
            archived,
            tag,
            text,
            draft_access,
            public,
        },
    )
}

fn runnable_config() -> impl Strategy<Value = RunnableConfig> {
    let sound = prop::sample::select(vec![
        json!({}),
        json!({"tags": ["x", "it's"], "run_name": "n", "callbacks": [{"c": 1}]}),
        json!({"tags": [], "metadata": {"a": {"b": 1}, "k": 1}, "prompts": {"p": "1"}}),
        json!({"metadata": {"a": 2}, "configurable": {"x": [1]}, "recursion_limit": 9}),
        json!({"metadata": {}, "configurable": {"y": null}, "callbacks": []}),
    ]);
    prop_oneof![12 => sound, 1 => Just(json!({"recursion_limit": 251}))].prop_map(config)
}

fn graph() -> impl Strategy<Value = Value> {
    let sound = prop::sample::select(vec![json!({}), json!({"nodes": [{"id": "ä"}]})]);
    prop_oneof![4 => sound, 1 => Just(json!([1]))]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    // Few, so that there are ties, with the clock as well.
    (0_u64..4).prop_map(|hours| noon().plus(Duration::from_secs(hours * 3600)).unwrap())
}

fn new_run() -> impl Strategy<Value = NewRun> {
    let key = option::weighted(0.4, one_of(&["k", "K"]));
    let what = (one_of(&["manual", "cron"]), prop::sample::select(vec![json!({}), json!("ä")]));
    let version = option::weighted(0.2, a_version());
    (a_workflow(), version, what, runnable_config(), key, option::weighted(0.2, instant()))
        .prop_map(|(workflow_id, version, (by, input), runnable_config, key, scheduled_for)| {
            NewRun {
                workflow_version_id: version,
                input,
                runnable_config,
                idempotency_key: key,
                scheduled_for,
                ..NewRun::new(workflow_id, by)
            }
        })
}

fn run_filter() -> impl Strategy<Value = RunFilter> {
    let status = option::weighted(0.3, prop::sample::select(RunStatus::ALL.to_vec()));
    let by = option::weighted(0.2, one_of(&["manual", "cron"]));
    let range = (option::weighted(0.2, instant()), option::weighted(0.2, instant()));
    let tag = option::weighted(0.2, one_of(&["x", "it's"]));
    (option::weighted(0.3, a_workflow()), status, by, range, tag).prop_map(
        |(workflow_id, status, triggered_by, (created_from, created_before), tag)| RunFilter {
            workflow_id,
            status,
            triggered_by,
            created_from,
            created_before,
            tag,
        },
    )
}

fn policy() -> impl Strategy<Value = RetryPolicy> {
    let exact = |max_attempts, initial_delay_seconds, backoff_factor, max| RetryPolicy {
        max_attempts,
        initial_delay_seconds,
        backoff_factor,
        max_delay_seconds: max,
        jitter_factor: 0.0,
    };
    prop::sample::select(vec![
        exact(3, 30.0, 2.0, Some(45.0)),
        exact(2, 0.0, 1.0, None),
        exact(1, 1.0, 1.0, None),
    ])
}

fn on_workflows() -> impl Strategy<Value = Operation> {
    let publication = any::<bool>().prop_map(|require_login| Publication {
        require_login,
        share_url: require_login.then(|| "https://example.org".into()),
    });
    let meant = prop_oneof![
        3 => one_of(&["a", " A ", "b-1", "", "nobody"]),
        2 => a_workflow().prop_map(|id| id.to_string()),
    ];
    prop_oneof![
        4 => new_workflow().prop_map(Operation::Create),
        1 => a_workflow().prop_map(Operation::Fetch),
        3 => (meant, any::<bool>()).prop_map(|(text, all)| Operation::Resolve(text, all)),
        3 => (filter(), order(), 1_u32..3).prop_map(|(f, o, l)| Operation::List(f, o, l)),
        8 => (a_workflow(), update()).prop_map(|(id, update)| Operation::Update(id, update)),
        3 => a_workflow().prop_map(Operation::Archive),
        3 => a_workflow().prop_map(Operation::Unarchive),
        3 => (a_workflow(), publication).prop_map(|(id, how)| Operation::Publish(id, how)),
        2 => a_workflow().prop_map(Operation::Unpublish),
        3 => a_workflow().prop_map(Operation::Delete),
        4 => (a_workflow(), order(), 1_u32..4).prop_map(|(i, o, l)| Operation::Audit(i, o, l)),
    ]
}

fn on_versions() -> impl Strategy<Value = Operation> {
    // Two things wrong at once would make the first of them matter.
    let version =
        prop_oneof![(graph(), Just(None)), (Just(json!({"a": 1})), option::of(runnable_config())),];
    prop_oneof![
        8 => (a_workflow(), version).prop_map(|(id, (g, c))| Operation::CreateVersion(id, g, c)),
        2 => (a_version(), option::of(runnable_config()))
            .prop_map(|(id, config)| Operation::Configure(id, config)),
        1 => a_workflow().prop_map(Operation::Latest),
        2 => (a_workflow(), order(), 1_u32..3).prop_map(|(i, o, l)| Operation::Versions(i, o, l)),
        3 => (a_workflow(), option::weighted(0.8, policy()))
            .prop_map(|(id, policy)| Operation::Retry(id, policy)),
    ]
}

fn on_runs() -> impl Strategy<Value = Operation> {
    let sound = one_of(&["boom", "", "späße\n"]);
    let error = prop_oneof![9 => sound, 1 => one_of(&["\0"])];
    let reason = option::of(one_of(&["why", ""]));
    let output = option::of(prop::sample::select(vec![json!({"a": 1}), json!("ä"), json!(1.5)]));
    let finished = vec(prop::sample::select(RunStatus::FINISHED.to_vec()), 1..3);
    prop_oneof![
        10 => new_run().prop_map(Operation::CreateRun),
        6 => a_run().prop_map(Operation::Start),
        5 => (a_run(), output).prop_map(|(id, output)| Operation::Succeed(id, output)),
        5 => (a_run(), error).prop_map(|(id, error)| Operation::Fail(id, error)),
        2 => (a_run(), reason).prop_map(|(id, reason)| Operation::Cancel(id, reason)),
        1 => a_run().prop_map(Operation::FetchRun),
        5 => (run_filter(), order(), 1_u32..4).prop_map(|(f, o, l)| Operation::Runs(f, o, l)),
        3 => (a_run(), order(), 1_u32..3).prop_map(|(id, o, l)| Operation::RunAudit(id, o, l)),
        1 => (instant(), finished, 1_u32..3)
            .prop_map(|(cutoff, statuses, batch)| Operation::DeleteRuns(cutoff, statuses, batch)),
        2 => Just(Operation::Advance(Duration::from_secs(3600))),
        1 => (0_u64..7_200_000_000).prop_map(|us| Operation::Advance(Duration::from_micros(us))),
    ]
}

/// Begins with workflows that have versions, and with runs: most operations need them.
pub(crate) fn sequence() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![4 => on_workflows(), 2 => on_versions(), 6 => on_runs()];
    let policy = RetryPolicy { jitter_factor: 0.0, ..RetryPolicy::default() };
    vec(operation, 30..=80).prop_map(move |operations| {
        let mut all = Vec::new();
        for (number, handle) in ["a", "b-1"].into_iter().enumerate() {
            let handle = Some(handle.to_owned());
            all.extend([
                Operation::Create(NewWorkflow { handle, ..NewWorkflow::named("First") }),
                Operation::CreateVersion(workflow_id(number), json!({}), None),
                Operation::CreateRun(NewRun::new(workflow_id(number), "manual")),
            ]);
        }
        all.push(Operation::Retry(workflow_id(0), Some(policy)));
        all.extend(operations);
        all
    })
}
