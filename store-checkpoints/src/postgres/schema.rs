// @generated automatically by Diesel CLI.

diesel::table! {
    agentensor_checkpoint_metrics (checkpoint_id, path) {
        checkpoint_id -> Uuid,
        path -> Text,
        workflow_id -> Text,
        config_version -> Int4,
        value -> Float8,
    }
}

diesel::table! {
    agentensor_checkpoints (id) {
        id -> Uuid,
        workflow_id -> Text,
        config_version -> Int4,
        runnable_config -> Jsonb,
        metrics -> Jsonb,
        metadata -> Jsonb,
        artifact_url -> Nullable<Text>,
        is_best -> Bool,
        parent_id -> Nullable<Uuid>,
        record_bytes -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    agentensor_workflows (workflow_id) {
        workflow_id -> Text,
        last_version -> Int4,
    }
}

diesel::table! {
    graph_blobs (thread_id, address) {
        thread_id -> Text,
        address -> Bytea,
        type_tag -> Text,
        size -> Int8,
        sealed -> Bool,
        bytes -> Bytea,
    }
}

diesel::table! {
    graph_checkpoints (thread_id, checkpoint_ns, checkpoint_id) {
        thread_id -> Text,
        checkpoint_ns -> Text,
        checkpoint_id -> Uuid,
        parent_id -> Nullable<Uuid>,
        channel_versions -> Jsonb,
        versions_seen -> Jsonb,
        extra -> Jsonb,
        metadata -> Jsonb,
        run_id -> Nullable<Text>,
        bytes -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    graph_threads (thread_id) {
        thread_id -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    graph_values (thread_id, checkpoint_ns, channel, version) {
        thread_id -> Text,
        checkpoint_ns -> Text,
        channel -> Text,
        version -> Text,
        address -> Bytea,
    }
}

diesel::table! {
    graph_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) {
        thread_id -> Text,
        checkpoint_ns -> Text,
        checkpoint_id -> Uuid,
        task_id -> Text,
        idx -> Int4,
        task_path -> Text,
        channel -> Text,
        address -> Bytea,
    }
}

diesel::joinable!(agentensor_checkpoint_metrics -> agentensor_checkpoints (checkpoint_id));
diesel::joinable!(agentensor_checkpoints -> agentensor_workflows (workflow_id));
diesel::joinable!(graph_blobs -> graph_threads (thread_id));
diesel::joinable!(graph_checkpoints -> graph_threads (thread_id));
diesel::joinable!(graph_values -> graph_threads (thread_id));
diesel::joinable!(graph_writes -> graph_threads (thread_id));

diesel::allow_tables_to_appear_in_same_query!(
    agentensor_checkpoint_metrics,
    agentensor_checkpoints,
    agentensor_workflows,
    graph_blobs,
    graph_checkpoints,
    graph_threads,
    graph_values,
    graph_writes,
);
