// @generated automatically by Diesel CLI.

diesel::table! {
    history_executions (execution_id) {
        execution_id -> Text,
        workflow_id -> Text,
        inputs -> Jsonb,
        runnable_config -> Jsonb,
        tags -> Jsonb,
        callbacks -> Jsonb,
        metadata -> Jsonb,
        run_name -> Nullable<Text>,
        status -> Text,
        started_at -> Timestamptz,
        completed_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        trace_id -> Nullable<Text>,
        trace_started_at -> Nullable<Timestamptz>,
        trace_completed_at -> Nullable<Timestamptz>,
        trace_last_span_at -> Nullable<Timestamptz>,
        step_count -> Int8,
        step_bytes -> Int8,
        input_tokens -> Int8,
        output_tokens -> Int8,
        cost_micros -> Int8,
        record_bytes -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    history_results (execution_id, task_id, result_key) {
        execution_id -> Text,
        task_id -> Text,
        result_key -> Text,
        value -> Jsonb,
        updated_at -> Timestamptz,
        record_bytes -> Int8,
    }
}

diesel::table! {
    history_steps (execution_id, step_index) {
        execution_id -> Text,
        step_index -> Int8,
        execution_started_at -> Timestamptz,
        at -> Timestamptz,
        kind -> Nullable<Text>,
        name -> Nullable<Text>,
        payload -> Jsonb,
        payload_bytes -> Int8,
        byte_offset -> Int8,
        input_tokens -> Nullable<Int8>,
        output_tokens -> Nullable<Int8>,
        cost_micros -> Nullable<Int8>,
        idempotency_key -> Nullable<Text>,
    }
}

diesel::table! {
    history_tasks (execution_id, task_id, attempt) {
        execution_id -> Text,
        task_id -> Text,
        attempt -> Int4,
        runtime -> Nullable<Text>,
        args -> Nullable<Jsonb>,
        result -> Nullable<Jsonb>,
        error -> Nullable<Text>,
        started_at -> Timestamptz,
        completed_at -> Nullable<Timestamptz>,
        duration_ms -> Nullable<Int8>,
        status -> Text,
        record_bytes -> Int8,
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
