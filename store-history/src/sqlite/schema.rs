// @generated automatically by Diesel CLI.

diesel::table! {
    history_executions (execution_id) {
        execution_id -> Text,
        workflow_id -> Text,
        inputs -> Text,
        runnable_config -> Text,
        tags -> Text,
        callbacks -> Text,
        metadata -> Text,
        run_name -> Nullable<Text>,
        status -> Text,
        started_at -> Text,
        completed_at -> Nullable<Text>,
        error -> Nullable<Text>,
        trace_id -> Nullable<Text>,
        trace_started_at -> Nullable<Text>,
        trace_completed_at -> Nullable<Text>,
        trace_last_span_at -> Nullable<Text>,
        step_count -> BigInt,
        step_bytes -> BigInt,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        cost_micros -> BigInt,
        record_bytes -> BigInt,
        updated_at -> Text,
    }
}

diesel::table! {
    history_results (execution_id, task_id, result_key) {
        execution_id -> Text,
        task_id -> Text,
        result_key -> Text,
        value -> Text,
        updated_at -> Text,
        record_bytes -> BigInt,
    }
}

diesel::table! {
    history_steps (execution_id, step_index) {
        execution_id -> Text,
        step_index -> BigInt,
        execution_started_at -> Text,
        at -> Text,
        kind -> Nullable<Text>,
        name -> Nullable<Text>,
        payload -> Text,
        payload_bytes -> BigInt,
        byte_offset -> BigInt,
        input_tokens -> Nullable<BigInt>,
        output_tokens -> Nullable<BigInt>,
        cost_micros -> Nullable<BigInt>,
        idempotency_key -> Nullable<Text>,
    }
}

diesel::table! {
    history_tasks (execution_id, task_id, attempt) {
        execution_id -> Text,
        task_id -> Text,
        attempt -> Integer,
        runtime -> Nullable<Text>,
        args -> Nullable<Text>,
        result -> Nullable<Text>,
        error -> Nullable<Text>,
        started_at -> Text,
        completed_at -> Nullable<Text>,
        duration_ms -> Nullable<BigInt>,
        status -> Text,
        record_bytes -> BigInt,
    }
}

diesel::joinable!(history_results -> history_executions (execution_id));
diesel::joinable!(history_steps -> history_executions (execution_id));
diesel::joinable!(history_tasks -> history_executions (execution_id));

diesel::allow_tables_to_appear_in_same_query!(
    history_executions,
    history_results,
    history_steps,
    history_tasks,
);
