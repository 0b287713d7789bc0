//! Stores filled with something of everything, by their traits.
//!
//! Behaviours of the conformance suite serve as well: each leaves behind what it proved.

use serde_json::json;
use store_core::chatkit::{NewAttachment, NewThread};
use store_core::history::{NewExecution, NewStep};
use store_core::queue::{QueueLimits, Rate, Retry};
use store_core::tokens::{RateLimit, TokenDenial};
use store_core::vault::NewIssuance;
use store_tests::conformance::{checkpoints, graph, history, queue, tokens, vault, workflow};
use store_tests::fixture::{Chats, Checkpoints, Graphs, History, Tokens, Vaults, Workflows, noon};
use store_tests::samples::*;

/// A minute.
pub(crate) const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// Runs behaviours one after the other, each at noon.
macro_rules! behave {
    ($t:expr; $($behaviour:path),* $(,)?) => {
        $( $t.clock.set(noon()); $behaviour($t).await; )*
        $t.clock.set(noon());
    };
}

/// Fills workflows and their triggers.
pub(crate) async fn workflows(t: &Workflows) {
    behave!(t;
        workflow::creating::every_field_of_a_workflow_round_trips,
        workflow::versions::every_field_of_a_version_round_trips,
        workflow::runs::every_field_of_a_run_round_trips,
        workflow::transitions::errors_and_reasons_round_trip,
        workflow::cron::every_field_of_a_schedule_round_trips,
        workflow::cron::every_misfire_policy_round_trips,
        workflow::webhooks::every_field_of_a_webhook_round_trips,
        workflow::webhooks::every_algorithm_round_trips,
        workflow::manual_policy::every_field_of_a_policy_round_trips,
        workflow::retry_policy::a_retry_policy_round_trips,
        workflow::listener_events::the_input_of_the_run_is_the_event,
        workflow::listener_leases::a_cursor_round_trips,
        workflow::listeners::a_status_and_its_error_come_back,
        workflow::audit::every_change_of_a_workflow_has_its_action,
    );
    scheduled(t, overlapping("* * * * *")).await;
    dispatch(t, time("12:05:00")).await;
    let hooked = hooked(t, idempotent_webhook()).await;
    t.store.handle_webhook(hooked, &delivery("once")).await.unwrap();
    archived(t).await;
    t.clock.set(noon());
}

/// Fills the queue.
pub(crate) async fn jobs(t: &Workflows) {
    behave!(t; queue::enqueue::every_field_of_a_job_round_trips);
    for state in UNFINISHED.into_iter().chain(FINISHED) {
        job_in(t, job_of(&format!("queue of {state:?}"), "kind"), state).await;
    }
    let again = leased(t, job_of("again", "späße")).await;
    t.store.fail_job(&again.lease, "boom", Retry::At(noon())).await.unwrap();
    assert_eq!(history_of(t, again.job.id).await.len(), 1);
    t.store.deliver_event("nobody waits", everything()).await.unwrap();
    t.store.pause_queue("paused").await.unwrap();
    let rate = Some(Rate { count: 3, per: MINUTE });
    let limits = QueueLimits { max_leased: Some(7), per_key: Some(2), rate };
    t.store.set_queue_limits("späße 🎉", limits).await.unwrap();
    behave!(t; queue::workers::a_worker_round_trips);
    t.store.increment_counter("späße 🎉", -3).await.unwrap();
    t.store.acquire_lock("späße 🎉", "owner", MINUTE).await.unwrap().unwrap();
}

/// Fills run history.
pub(crate) async fn history(t: &History) {
    behave!(t; history::tasks::every_field_of_a_task_round_trips);
    let full = NewExecution {
        inputs: everything(),
        runnable_config: json!({"configurable": {"n": 1.0, "big": 12_345_678_901_234_567_890_u64}}),
        tags: Some(vec!["b".into(), "späße".into()]),
        callbacks: Some(vec![json!({"url": "https://example.com"})]),
        metadata: Some(json!({"level": 1.5e300, "tiny": 5e-324})),
        run_name: Some("nightly 🎉".into()),
        started_at: Some(at("2026-03-02T09:14:05.120344Z")),
        trace_id: Some("trace".into()),
        ..execution("full 🎉")
    };
    t.store.start(full).await.unwrap();
    for (number, kind) in ["llm", "tool_call", "node", "log", "error"].into_iter().enumerate() {
        let new = NewStep {
            at: Some(at("2026-03-02T12:00:01.000001Z")),
            kind: Some(kind.into()),
            name: Some("späße".into()),
            usage: Some(usage(1, 2, 3)),
            ..keyed(&number.to_string(), everything())
        };
        t.store.append_step(&id("full 🎉"), new).await.unwrap();
    }
    for name in ["succeeded", "failed", "cancelled"] {
        t.store.start(execution(name)).await.unwrap();
        let steps = (0..20).map(|n| step(json!([n, null, "x".repeat(n)]))).collect();
        t.store.append_steps(&id(name), steps).await.unwrap();
    }
    t.store.succeed(&id("succeeded")).await.unwrap();
    t.store.fail(&id("failed"), "späße \"boom\"\n🎉").await.unwrap();
    t.store.cancel(&id("cancelled"), Some("why")).await.unwrap();
    t.store.put_result(result("e", "a", "key 🎉", everything())).await.unwrap();
}

/// Fills service tokens.
pub(crate) async fn tokens(t: &Tokens) {
    behave!(t;
        tokens::creating::every_field_of_a_token_round_trips,
        tokens::audit::every_change_of_a_token_has_its_action,
    );
    t.store.create(token("kept"), &full_origin()).await.unwrap();
    rotate(t, "kept", rotation("successor", MINUTE)).await;
    let denials = [denied("kept", TokenDenial::Scope, 3, noon())];
    t.store.record_denials(&denials).await.unwrap();
    t.store.record_uses(&[uses("successor", 5, noon())]).await.unwrap();
    let limit = RateLimit { limit: 5, interval_seconds: 60 };
    assert!(t.store.take_use(&token_id("successor"), limit).await.unwrap());
}

/// Fills training checkpoints.
pub(crate) async fn checkpoints(t: &Checkpoints) {
    behave!(t;
        checkpoints::recording::every_field_of_a_checkpoint_round_trips,
        checkpoints::metrics::every_double_round_trips,
        checkpoints::metrics::numbers_json_lacks_round_trip,
        checkpoints::metrics::integers_round_trip_exactly,
    );
    recorded_chain(t, 5).await;
}

/// Fills graph state.
pub(crate) async fn graphs(t: &Graphs) {
    behave!(t;
        graph::putting::every_field_of_a_graph_checkpoint_round_trips,
        graph::writes::every_field_of_a_write_round_trips,
        graph::values::every_byte_of_a_value_round_trips,
    );
    for number in 1..10 {
        let step = graph_step("chain", number).value("a", &number.to_string(), "späße");
        step.after(number - 1).put(t).await;
    }
}

/// Fills conversations.
pub(crate) async fn chats(t: &Chats) {
    for form in thread_forms() {
        save(t, &alice(), NewThread::from_json(form).unwrap()).await;
    }
    saved(t, "thr_1").await;
    for form in item_forms("thr_1") {
        add(t, "thr_1", form_of_item(form)).await;
    }
    save(t, &bob(), new_thread("of bob")).await;
    add(t, "of bob", message("secret", "Only Bob reads brücke")).await;
    for form in attachment_forms("thr_1") {
        attach(t, NewAttachment::from_json(form).unwrap()).await;
    }
    attach(t, file_in("thr_1", "atc_kept", "späße 'x' 🎉")).await;
    attach(t, file_at("atc_gone", "gone")).await;
    let gone = attachment_id("atc_gone");
    t.store.delete_attachment(&administrator(), &gone).await.unwrap();
}

/// Fills the vault, and returns what opens to which secret.
pub(crate) async fn vault(t: &Vaults) {
    behave!(t;
        vault::creating::every_field_of_a_credential_round_trips,
        vault::templates::every_field_of_a_template_round_trips,
        vault::alerts::every_field_of_an_alert_round_trips,
    );
    let rotated = kept(t, "rotated").await;
    rotate_secret(t, rotated.id, "another").await;
    kept_oauth(t, "with tokens").await;
    let template = put_template(t, secret_template("bare")).await;
    let issued = NewIssuance { name: Some("issued".into()), ..NewIssuance::of("of a template") };
    t.store.issue_from_template(&caller(), template.id, issued).await.unwrap();
}
