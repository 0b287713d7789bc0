//! `store_core::json::contains` gives the verdicts of PostgreSQL's `@>`.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use store_core::json::contains;
use store_tests::fixture::postgres::connect;
use store_tests::run;
use tokio_postgres::Client;

/// (left, right): the cases of `store-core/src/json/contains.rs`, and nastier ones.
const PAIRS: &[(&str, &str)] = &[
    (r#"{"a":1,"b":2}"#, r#"{"a":1}"#),
    (r#"{"a":1}"#, r#"{"a":1.0}"#),
    (r#"{"a":1}"#, r#"{"a":"1"}"#),
    (r#"{"a":{"b":{"c":1,"d":2}}}"#, r#"{"a":{"b":{"c":1}}}"#),
    (r#"{"a":{"b":1}}"#, r#"{"b":1}"#),
    (r#"{"a":[1,2,3]}"#, r#"{"a":[3,1]}"#),
    (r#"{"a":[1,2,3]}"#, r#"{"a":[1,1,1]}"#),
    (r#"{"a":[1]}"#, r#"{"a":1}"#),
    (r#"{"a":[[1,2]]}"#, r#"{"a":[[1]]}"#),
    (r#"{"a":[{"b":1,"c":2}]}"#, r#"{"a":[{"b":1}]}"#),
    (r#"{"a":null}"#, r#"{"a":null}"#),
    (r"{}", r#"{"a":null}"#),
    (r#"{"a":1}"#, r"{}"),
    ("[1,2]", "[]"),
    ("[1,2]", "1"),
    (r#"["a"]"#, r#""a""#),
    ("[[1]]", "1"),
    ("1", "[1]"),
    ("1", "1.0"),
    ("[]", "{}"),
    (r#"{"a":"it's \"q\""}"#, r#"{"a":"it's \"q\""}"#),
    (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992.0}"#),
    (r#"{"a":true}"#, r#"{"a":1}"#),
    ("[null]", "null"),
    ("null", "null"),
    ("[]", "null"),
    ("[[]]", "[]"),
    ("[[]]", "[[]]"),
    ("[[1]]", "[[]]"),
    ("[{}]", "{}"),
    ("{}", "[]"),
    ("{}", "{}"),
    ("[[[1]]]", "[[1]]"),
    (r#"{"a":[]}"#, r#"{"a":{}}"#),
    (r#"{"":0}"#, r#"{"":-0.0}"#),
    (r#"{"A":1}"#, r#"{"a":1}"#),
    (r#"["é"]"#, r#"["é"]"#),
    ("[0.1]", "[0.10]"),
    ("[18446744073709551615]", "[18446744073709551615]"),
    ("[18446744073709551615]", "[-1]"),
    ("[5e-324]", "[0]"),
    ("[1.7976931348623157e308]", "[1.7976931348623157e308]"),
];

async fn postgres(client: &Client, left: &Value, right: &Value) -> bool {
    let query = "SELECT $1::text::jsonb @> $2::text::jsonb";
    let (left, right) = (left.to_string(), right.to_string());
    client.query_one(query, &[&left, &right]).await.unwrap().get(0)
}

#[test]
fn the_listed_pairs_have_postgresqls_verdict() {
    run(async {
        let client = connect().await;
        for (left, right) in PAIRS {
            let parse = |text| serde_json::from_str::<Value>(text).unwrap();
            let (left, right) = (parse(left), parse(right));
            for (left, right) in [(&left, &right), (&right, &left)] {
                let expected = postgres(&client, left, right).await;
                assert_eq!(contains(left, right), expected, "{left} @> {right}");
            }
        }
    });
}

/// Few scalars and keys, so that documents often have something in common.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        (-4..5_i32).prop_map(|half| json!(f64::from(half) / 2.0)),
        "[ab]{0,2}".prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]{0,1}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Leaves parts of a document out: what remains is contained, unless a scalar took its place.
fn part_of(value: &Value, choices: &mut impl Iterator<Item = u8>) -> Value {
    let mut keep = || !choices.next().unwrap_or(0).is_multiple_of(4);
    match value {
        Value::Array(items) => {
            let mut kept: Vec<_> = items.iter().filter(|_| keep()).cloned().collect();
            kept.reverse();
            Value::Array(kept.iter().map(|item| part_of(item, choices)).collect())
        }
        Value::Object(map) => {
            let kept: Vec<_> = map.iter().filter(|_| keep()).collect();
            let part = kept.into_iter().map(|(key, value)| (key.clone(), part_of(value, choices)));
            Value::Object(part.collect())
        }
        scalar => scalar.clone(),
    }
}

#[test]
fn random_documents_have_postgresqls_verdict() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let client = runtime.block_on(connect());
    let config = Config { cases: 500, failure_persistence: None, ..Config::default() };
    let strategy = (document(), document(), prop::collection::vec(any::<u8>(), 64));
    TestRunner::new(config)
        .run(&strategy, |(left, other, choices)| {
            let part = part_of(&left, &mut choices.into_iter());
            for right in [&other, &part, &left] {
                let expected = runtime.block_on(postgres(&client, &left, right));
                prop_assert_eq!(contains(&left, right), expected, "{} @> {}", left, right);
            }
            Ok(())
        })
        .unwrap();
}
