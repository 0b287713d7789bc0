// @generated automatically by Diesel CLI.

diesel::table! {
    agentensor_checkpoint_metrics (checkpoint_id, path) {
        checkpoint_id -> Text,
        path -> Text,
        workflow_id -> Text,
        config_version -> Integer,
        value -> Double,
    }
}

diesel::table! {
    agentensor_checkpoints (id) {
        id -> Text,
        workflow_id -> Text,
        config_version -> Integer,
        runnable_config -> Text,
        metrics -> Text,
        metadata -> Text,
        artifact_url -> Nullable<Text>,
        is_best -> Bool,
        parent_id -> Nullable<Text>,
        record_bytes -> BigInt,
        created_at -> Text,
    }
}

diesel::table! {
    agentensor_workflows (workflow_id) {
        workflow_id -> Text,
        last_version -> Integer,
    }
}

diesel::table! {
    graph_blobs (thread_id, address) {
        thread_id -> Text,
        address -> Binary,
        type_tag -> Text,
        size -> BigInt,
        sealed -> Bool,
        bytes -> Binary,
    }
}

diesel::table! {
    graph_checkpoints (thread_id, checkpoint_ns, checkpoint_id) {
        thread_id -> Text,
        checkpoint_ns -> Text,
        checkpoint_id -> Text,
        parent_id -> Nullable<Text>,
        channel_versions -> Text,
        versions_seen -> Text,
        extra -> Text,
        metadata -> Text,
        run_id -> Nullable<Text>,
        bytes -> BigInt,
        created_at -> Text,
    }
}

diesel::table! {
    graph_threads (thread_id) {
        thread_id -> Text,
        created_at -> Text,
    }
}

diesel::table! {
    graph_values (thread_id, checkpoint_ns, channel, version) {
        thread_id -> Text,
        checkpoint_ns -> Text,
        channel -> Text,
        version -> Text,
        address -> Binary,
    }
}

diesel::table! {
    graph_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) {
        thread_id -> Text,
        checkpoint_ns -> Text,
        checkpoint_id -> Text,
        task_id -> Text,
        idx -> Integer,
        task_path -> Text,
        channel -> Text,
        address -> Binary,
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
