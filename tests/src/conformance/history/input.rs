//! Bad input: the same verdict and the same error on every backend.

use serde_json::{Value, json};
use store_core::history::NewExecution;
use store_core::{Error, PageRequest};

use crate::behaviours;
use crate::fixture::History;
use crate::samples::{execution, id, keyed, step};
use store_core::history::NewStep;

/// Stores a payload and reads it back.
async fn round_trip(t: &History, payload: Value) -> Value {
    let appended = t.store.append_step(&id("e"), step(payload)).await.unwrap();
    let read = t.store.fetch_with_steps(&id("e")).await.unwrap().steps.pop().unwrap();
    assert_eq!(read, appended, "what is returned is what is read back");
    read.payload
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({"a": inner}),
    })
}

behaviours! {
    emits history_input_tests from history::input;

    /// Numbers come back exactly, or in the one form both backends can keep.
    async fn numbers_round_trip_in_the_form_both_backends_keep(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let exact = [
            "0", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808",
            "9223372036854775808", "18446744073709551615", "0.1", "0.30000000000000004", "5e-324",
            "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308", "1.0",
            "1000000000000000.0", "1e20", "1.5e300", "123456789.123456789",
        ];
        for text in exact {
            let (given, read) = (parsed(text), round_trip(t, parsed(text)).await);
            assert_eq!(read, given, "{text}");
            assert_eq!(read.is_f64(), given.is_f64(), "{text} keeps its kind");
        }
        let normalized = [
            ("-0.0", "0.0"), ("1e16", "10000000000000000"), ("-1e18", "-1000000000000000000"),
            ("9.223372036854775808e18", "9223372036854775808"),
        ];
        for (text, kept) in normalized {
            let read = round_trip(t, parsed(text)).await;
            assert_eq!(read, parsed(kept), "{text}");
            assert_eq!(read.is_f64(), parsed(kept).is_f64(), "{text}");
        }
        assert!(round_trip(t, json!(-0.0)).await.as_f64().unwrap().is_sign_positive());
    }

    /// NUL in a string or a key is `Invalid` with its path, and changes nothing.
    async fn nul_in_json_is_invalid_with_its_path(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let cases = [
            (json!("\0"), "payload"),
            (json!({"a": [1, {"b": "x\0"}]}), "payload.a[1].b"),
            (json!({"k\0": 1}), "payload"),
        ];
        for (payload, path) in cases {
            let error = t.store.append_step(&id("e"), step(payload)).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == path), "{error}");
        }
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 0);
        let new = NewExecution { inputs: json!({"a": "\0"}), ..execution("f") };
        let error = t.store.start(new).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "inputs.a"), "{error}");
        assert_eq!(t.store.find(&id("f")).await.unwrap(), None);
    }

    /// A hundred levels of nesting are kept, one more is `Invalid`.
    async fn nesting_of_a_hundred_levels_is_kept(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        assert_eq!(round_trip(t, nested(100)).await, nested(100));
        let error = t.store.append_step(&id("e"), step(nested(101))).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { reason, .. }
            if reason == "is nested deeper than 100 levels"), "{error}");
    }

    /// A value over 16 MiB is `Invalid` with its size and the cap.
    async fn a_value_over_the_cap_is_invalid(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let text = "x".repeat(16 * 1024 * 1024);
        let error = t.store.append_step(&id("e"), step(json!(text))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "payload is invalid: has 16777218 bytes of JSON, the cap is 16777216"
        );
        let fits = json!(&text[2..]);
        assert_eq!(round_trip(t, fits.clone()).await, fits);
    }

    /// Text of every script, and of every plane, comes back as it was.
    async fn text_of_every_kind_round_trips(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let texts = [
            "", " ", "'", "\"", "\\", "\\u0000", "%", "_", "\u{1}\u{7f}\u{85}", "\u{feff}bom",
            "e\u{301} é", "👩‍👩‍👧‍👦", "\u{202e}rtl", "\u{10ffff}", "\u{e000}0", "-- ; DROP TABLE x", "$1 ?1 :a",
        ];
        for text in texts {
            assert_eq!(round_trip(t, json!({text: text})).await, json!({text: text}));
        }
    }

    /// Ids and keys that are too long, empty or hold control characters never reach a store.
    async fn bad_names_of_a_step_are_invalid(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let long = "x".repeat(256);
        let wrong = [
            (keyed("", json!(1)), "idempotency_key"),
            (keyed(&long, json!(1)), "idempotency_key"),
            (keyed("a\0", json!(1)), "idempotency_key"),
            (NewStep { kind: Some(long.clone()), ..step(json!(1)) }, "kind"),
            (NewStep { kind: Some("a\n".into()), ..step(json!(1)) }, "kind"),
            (NewStep { name: Some("\0".into()), ..step(json!(1)) }, "name"),
        ];
        for (wrong, expected) in wrong {
            let error = t.store.append_step(&id("e"), wrong.clone()).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == expected), "{error}");
            let batch = vec![step(json!(1)), wrong];
            let error = t.store.append_steps(&id("e"), batch).await.unwrap_err();
            let expected = format!("steps[1].{expected}");
            assert!(matches!(&error, Error::Invalid { field, .. } if *field == expected));
        }
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 0);
    }

    /// What an execution cannot be started with is `Invalid` and starts nothing.
    async fn bad_fields_of_an_execution_are_invalid(t: &History) {
        let base = || execution("e");
        let wrong = [
            (NewExecution { workflow_id: String::new(), ..base() }, "workflow_id"),
            (NewExecution { workflow_id: "a\0".into(), ..base() }, "workflow_id"),
            (NewExecution { runnable_config: json!([]), ..base() }, "runnable_config"),
            (NewExecution { runnable_config: json!({"tags": "x"}), ..base() }, "runnable_config.tags"),
            (NewExecution { runnable_config: json!({"tags": [1]}), ..base() }, "runnable_config.tags"),
            (NewExecution { runnable_config: json!({"run_name": 1}), ..base() }, "runnable_config.run_name"),
            (NewExecution { runnable_config: json!({"metadata": 1}), ..base() }, "metadata"),
            (NewExecution { metadata: Some(json!("x")), ..base() }, "metadata"),
            (NewExecution { tags: Some(vec!["a".into(), String::new()]), ..base() }, "tags[1]"),
            (NewExecution { tags: Some(vec!["x".into(); 257]), ..base() }, "tags"),
            (NewExecution { run_name: Some("x".repeat(256)), ..base() }, "run_name"),
            (NewExecution { trace_id: Some(String::new()), ..base() }, "trace_id"),
        ];
        for (wrong, expected) in wrong {
            let error = t.store.start(wrong).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == expected), "{error}");
        }
        assert_eq!(t.store.find(&id("e")).await.unwrap(), None);
    }

    /// An error text with NUL, or of more than 1 MiB, is `Invalid` and finishes nothing.
    async fn a_bad_error_text_is_invalid(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        for text in ["a\0b", &"x".repeat(1024 * 1024 + 1)] {
            let error = t.store.fail(&id("e"), text).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "error"), "{error}");
            let error = t.store.cancel(&id("e"), Some(text)).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "error"), "{error}");
        }
        assert!(t.store.fetch(&id("e")).await.unwrap().completed_at.is_none());
        t.store.fail(&id("e"), &"x".repeat(1024 * 1024)).await.unwrap();
    }

    /// Ids that look like SQL, paths or patterns are only ids.
    async fn hostile_ids_are_only_ids(t: &History) {
        let names = ["'; DROP TABLE history_steps; --", "../../etc/passwd", "%", "_", "a%", "🎉", "\"x\"", "$1", "?1"];
        for name in names {
            t.store.start(execution(name)).await.unwrap();
            t.store.append_step(&id(name), step(json!(name))).await.unwrap();
        }
        for name in names {
            let steps = t.store.steps(&id(name), &PageRequest::default()).await.unwrap().items;
            assert_eq!(steps.len(), 1);
            assert_eq!(steps[0].payload, json!(name));
        }
    }
}
