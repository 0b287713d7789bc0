//! Random sequences of operations: both backends and the model answer the same.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use store_core::history::{
    ExecutionFilter, ExecutionStatus, NewExecution, NewStep, PruneRequest, Retention,
    RunHistoryStore, TaskExecution, Usage, UsageGroup,
};
use store_core::{Clock as _, ExecutionId, Order, PageRequest, Timestamp};
use store_tests::fixture::{History, noon};
use store_tests::model::{Model, Operation, apply};
use store_tests::samples::{id, result, task_id};

/// Few ids, so that operations meet; their order by bytes is not that of any language.
fn an_id() -> impl Strategy<Value = ExecutionId> {
    prop::sample::select(vec!["a", "B", "ä", "e 1", "🎉"]).prop_map(id)
}

fn text() -> impl Strategy<Value = String> {
    let nasty = vec![
        "",
        "x",
        "it's \"q\" \\ /",
        "%_'; --",
        "späße",
        "日本語",
        "🎉👩‍👩‍👧",
        "\u{202e}rtl",
        "e\u{301}",
        "\u{fffd}",
        "\n\t\r",
        "\u{1}\u{7f}",
        "\\u0000",
        "\u{e000}0",
        "null",
        "NaN",
    ];
    prop_oneof![prop::sample::select(nasty).prop_map(str::to_owned), ".{0,12}"]
        .prop_map(|text| text.replace('\0', ""))
}

fn scalar() -> impl Strategy<Value = Value> {
    let numbers = vec![
        json!(0),
        json!(-0.0),
        json!(1.5),
        json!(i64::MIN),
        json!(u64::MAX),
        json!((1_u64 << 53) + 1),
        json!(1e16),
        json!(-1e18),
        json!(1e19),
        json!(1e300),
        json!(5e-324),
        json!(1.797_693_134_862_315_7e308),
        json!(0.1),
        json!(123_456_789.123_456_78),
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(numbers),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let tree = scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop_oneof![20 => tree, 1 => Just(json!({"a": [1, "b\0"]})), 1 => Just(json!({"\0": 1}))]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    // Few, so that there are ties, with the clock as well.
    (0_u64..5).prop_map(|hours| {
        let early = noon().minus(Duration::from_secs(7200)).unwrap();
        early.plus(Duration::from_micros(hours * 3_600_000_000)).unwrap()
    })
}

fn workflow() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["w", "W", "ü"]).prop_map(str::to_owned)
}

fn metadata() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![json!({}), json!({"k": 1}), json!({"k": "1", "m": true})])
}

fn new_execution() -> impl Strategy<Value = NewExecution> {
    let tag = prop::sample::select(vec!["red", "it's", "ä"]).prop_map(str::to_owned);
    let config = prop::sample::select(vec![
        json!({}),
        json!({"tags": ["red"], "callbacks": [{"c": 1}], "metadata": {"k": 1}, "run_name": "n"}),
    ]);
    let given = (option::of(vec(tag, 0..3)), option::of(metadata()), option::of(instant()));
    (an_id(), workflow(), json(), config, given, option::of(Just("trace".to_owned()))).prop_map(
        |(id, workflow, inputs, runnable_config, (tags, metadata, started_at), trace_id)| {
            NewExecution {
                inputs,
                runnable_config,
                tags,
                metadata,
                started_at,
                trace_id,
                ..NewExecution::new(id, workflow)
            }
        },
    )
}

fn new_step() -> impl Strategy<Value = NewStep> {
    let key = prop::sample::select(vec!["k1", "k2", "K1", "k3", "k4", "k5", "k6", "ä", ""]);
    let tokens = prop_oneof![9 => 0_i64..1000, 1 => Just(-1), 1 => Just(Usage::STEP_MAX)];
    let usage = tokens.prop_map(|input_tokens| Usage { input_tokens, ..Usage::default() });
    (json(), option::weighted(0.3, key), option::of(instant()), option::of(usage)).prop_map(
        |(payload, key, at, usage)| NewStep {
            at,
            usage,
            name: key.map(|_| "ñame".to_owned()),
            idempotency_key: key.map(str::to_owned),
            ..NewStep::new(payload)
        },
    )
}

fn task() -> impl Strategy<Value = TaskExecution> {
    let status = prop::sample::select(ExecutionStatus::ALL.to_vec());
    let done = option::weighted(0.6, instant());
    let name = prop::sample::select(vec!["t", "T", "ö"]);
    let what = (status, done, option::of(json()));
    (an_id(), name, 0_i32..3, instant(), what).prop_map(
        |(id, name, attempt, started_at, (status, completed_at, args))| TaskExecution {
            attempt,
            status,
            completed_at,
            args,
            ..TaskExecution::running(id, task_id(name), started_at)
        },
    )
}

fn filter() -> impl Strategy<Value = ExecutionFilter> {
    let status = option::weighted(0.3, prop::sample::select(ExecutionStatus::ALL.to_vec()));
    let range = (option::weighted(0.3, instant()), option::weighted(0.5, instant()));
    let tag = option::weighted(0.2, Just("it's".to_owned()));
    let trace = option::weighted(0.2, Just("trace".to_owned()));
    let wanted = option::weighted(0.2, metadata());
    (option::weighted(0.3, workflow()), status, range, tag, trace, wanted).prop_map(
        |(workflow_id, status, (started_from, started_before), tag, trace_id, wanted)| {
            ExecutionFilter {
                workflow_id,
                status,
                started_from,
                started_before,
                tag,
                trace_id,
                metadata_contains: wanted,
            }
        },
    )
}

fn prune() -> impl Strategy<Value = PruneRequest> {
    let retention = prop_oneof![
        instant().prop_map(Retention::OlderThan),
        (0_u64..12).prop_map(Retention::MaxRows),
        (0_u64..400).prop_map(Retention::MaxBytes),
    ];
    (retention, 1_u32..4, any::<bool>()).prop_map(|(retention, batch, dry_run)| PruneRequest {
        retention,
        batch,
        dry_run,
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let order = || prop::sample::select(vec![Order::Asc, Order::Desc]);
    let groups = vec![UsageGroup::Workflow, UsageGroup::Day, UsageGroup::Status];
    let key = || prop::sample::select(vec!["k", "K", "ß"]);
    let error = || text().prop_map(|text| text.replace("null", "\0"));
    let put = (an_id(), prop::sample::select(vec!["t", "T"]), key(), json());
    prop_oneof![
        10 => new_execution().prop_map(Operation::Start),
        6 => (an_id(), new_step()).prop_map(|(id, step)| Operation::AppendStep(id, step)),
        4 => (an_id(), vec(new_step(), 0..5)).prop_map(|(id, s)| Operation::AppendSteps(id, s)),
        3 => an_id().prop_map(Operation::Succeed),
        2 => (an_id(), error()).prop_map(|(id, error)| Operation::Fail(id, error)),
        2 => (an_id(), option::of(error())).prop_map(|(id, why)| Operation::Cancel(id, why)),
        2 => an_id().prop_map(Operation::Fetch),
        2 => an_id().prop_map(Operation::FetchWithSteps),
        3 => (filter(), order(), 1_u32..4).prop_map(|(f, o, l)| Operation::List(f, o, l)),
        2 => (filter(), prop::sample::select(groups)).prop_map(|(f, g)| Operation::Usage(f, g)),
        3 => (an_id(), order(), 1_u32..4).prop_map(|(id, o, l)| Operation::Steps(id, o, l)),
        4 => task().prop_map(Operation::RecordTask),
        2 => (an_id(), order(), 1_u32..3).prop_map(|(id, o, l)| Operation::Tasks(id, o, l)),
        3 => put.prop_map(|(id, task, key, value)| {
            Operation::PutResult(result(id.as_str(), task, key, value))
        }),
        2 => (an_id(), option::of(key()), 1_u32..3)
            .prop_map(|(id, key, l)| Operation::Results(id, key.map(str::to_owned), l)),
        1 => an_id().prop_map(Operation::Delete),
        5 => prune().prop_map(Operation::Prune),
        1 => Just(Operation::Advance(Duration::from_secs(3600))),
        1 => (0_u64..7_200_000_000).prop_map(|us| Operation::Advance(Duration::from_micros(us))),
    ]
}

/// Fixtures of every backend that is compiled in.
async fn fixtures() -> Vec<History> {
    vec![
        #[cfg(feature = "sqlite")]
        store_tests::fixture::sqlite::history("").await,
        #[cfg(feature = "postgres")]
        store_tests::fixture::postgres::history("").await,
    ]
}

/// Removes what the case before left behind.
async fn clear(store: &Arc<dyn RunHistoryStore>) {
    let all = PageRequest::first(1000);
    for one in store.list(&ExecutionFilter::default(), &all).await.unwrap().items {
        store.delete(&one.execution_id).await.unwrap();
    }
}

async fn compare(stores: &[History], operations: &[Operation]) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    for fixture in stores {
        fixture.clock.set(noon());
        clear(&fixture.store).await;
    }
    for (place, operation) in operations.iter().enumerate() {
        let now = stores[0].clock.now();
        let expected = model.apply(operation, now);
        for fixture in stores {
            prop_assert_eq!(fixture.clock.now(), now);
            let answer = apply(fixture.store.as_ref(), operation).await;
            let backend = fixture.store.health().await.backend;
            prop_assert_eq!(answer, expected.clone(), "{}: {} {:?}", backend, place, operation);
            if let Operation::Advance(by) = operation {
                fixture.clock.advance(*by).unwrap();
            }
        }
    }
    Ok(())
}

/// Whatever is done in whatever order, every backend answers as the model does.
#[test]
fn every_backend_answers_as_the_model_does() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stores = runtime.block_on(fixtures());
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&vec(operation(), 1..=40), |operations| {
            runtime.block_on(compare(&stores, &operations))
        })
        .unwrap();
    runtime.block_on(async {
        for fixture in stores {
            fixture.finish().await;
        }
    });
}
