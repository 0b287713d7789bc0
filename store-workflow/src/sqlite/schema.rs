// @generated automatically by Diesel CLI.

diesel::table! {
    job_assignments (job_id, epoch) {
        job_id -> Text,
        epoch -> BigInt,
        worker -> Text,
        started_at -> Text,
        ended_at -> Text,
        outcome -> Text,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    job_dependencies (job_id, depends_on) {
        job_id -> Text,
        depends_on -> Text,
        condition -> Text,
    }
}

diesel::table! {
    job_events (token) {
        token -> Text,
        job_id -> Nullable<Text>,
        payload -> Nullable<Text>,
        created_at -> Text,
        delivered_at -> Nullable<Text>,
    }
}

diesel::table! {
    job_history (id) {
        id -> Text,
        queue -> Text,
        kind -> Text,
        payload -> Text,
        run_id -> Nullable<Text>,
        priority -> SmallInt,
        state -> Text,
        attempt -> Integer,
        max_attempts -> Integer,
        run_at -> Text,
        unique_key -> Nullable<Text>,
        concurrency_key -> Nullable<Text>,
        timeout_ms -> Nullable<BigInt>,
        tags -> Text,
        capabilities -> Text,
        depends_on -> Text,
        event_token -> Nullable<Text>,
        event -> Nullable<Text>,
        progress -> Nullable<Text>,
        result -> Nullable<Text>,
        last_error -> Nullable<Text>,
        assignment_error -> Nullable<Text>,
        cancel_reason -> Nullable<Text>,
        lease_owner -> Nullable<Text>,
        lease_epoch -> BigInt,
        leased_at -> Nullable<Text>,
        outcome -> Nullable<Text>,
        created_at -> Text,
        finished_at -> Text,
    }
}

diesel::table! {
    job_queues (queue) {
        queue -> Text,
        paused -> Bool,
        max_leased -> Nullable<Integer>,
        per_key -> Nullable<Integer>,
        rate_count -> Nullable<Integer>,
        rate_per_us -> Nullable<BigInt>,
        window_started_at -> Nullable<Text>,
        window_claims -> Integer,
    }
}

diesel::table! {
    job_workers (id) {
        id -> Text,
        capabilities -> Text,
        metadata -> Text,
        registered_at -> Text,
        heartbeat_at -> Text,
    }
}

diesel::table! {
    jobs (id) {
        id -> Text,
        queue -> Text,
        kind -> Text,
        payload -> Text,
        run_id -> Nullable<Text>,
        priority -> SmallInt,
        state -> Text,
        attempt -> Integer,
        max_attempts -> Integer,
        run_at -> Text,
        unique_key -> Nullable<Text>,
        concurrency_key -> Nullable<Text>,
        timeout_ms -> Nullable<BigInt>,
        tags -> Text,
        capabilities -> Text,
        depends_on -> Text,
        waits_for -> Integer,
        dependents -> Integer,
        event_token -> Nullable<Text>,
        event -> Nullable<Text>,
        progress -> Nullable<Text>,
        last_error -> Nullable<Text>,
        cancel_reason -> Nullable<Text>,
        lease_owner -> Nullable<Text>,
        lease_epoch -> BigInt,
        lease_expires_at -> Nullable<Text>,
        leased_at -> Nullable<Text>,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    workflow_audit (seq) {
        seq -> BigInt,
        workflow_id -> Text,
        run_id -> Nullable<Text>,
        actor -> Text,
        action -> Text,
        at -> Text,
        metadata -> Text,
    }
}

diesel::table! {
    workflow_counters (name) {
        name -> Text,
        value -> BigInt,
        updated_at -> Text,
    }
}

diesel::table! {
    workflow_cron_occurrences (workflow_id, scheduled_for) {
        workflow_id -> Text,
        scheduled_for -> Text,
        run_id -> Text,
    }
}

diesel::table! {
    workflow_cron_triggers (workflow_id) {
        workflow_id -> Text,
        expression -> Text,
        timezone -> Text,
        allow_overlapping -> Bool,
        start_at -> Nullable<Text>,
        end_at -> Nullable<Text>,
        misfire -> Text,
        catch_up_max -> Nullable<Integer>,
        next_at -> Nullable<Text>,
        look_at -> Nullable<Text>,
        last_dispatched_at -> Nullable<Text>,
        last_skip_reason -> Nullable<Text>,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    workflow_handles (handle) {
        handle -> Text,
        active -> Integer,
        archived -> Integer,
    }
}

diesel::table! {
    workflow_listener_events (listener_id, dedupe_key) {
        listener_id -> Text,
        dedupe_key -> Text,
        expires_at -> Text,
    }
}

diesel::table! {
    workflow_listeners (id) {
        id -> Text,
        workflow_id -> Text,
        workflow_version_id -> Text,
        node_name -> Text,
        platform -> Text,
        bot_identity -> Text,
        config -> Text,
        status -> Text,
        lease_owner -> Nullable<Text>,
        lease_epoch -> BigInt,
        lease_expires_at -> Nullable<Text>,
        cursor_state -> Nullable<Text>,
        cursor_updated_at -> Nullable<Text>,
        last_event_at -> Nullable<Text>,
        last_error -> Nullable<Text>,
        record_bytes -> BigInt,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    workflow_locks (name) {
        name -> Text,
        owner -> Nullable<Text>,
        epoch -> BigInt,
        expires_at -> Nullable<Text>,
    }
}

diesel::table! {
    workflow_manual_policies (workflow_id) {
        workflow_id -> Text,
        label -> Nullable<Text>,
        allowed_actors -> Text,
        require_comment -> Bool,
        default_payload -> Nullable<Text>,
        cooldown_seconds -> BigInt,
        last_dispatched_at -> Nullable<Text>,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    workflow_retry_policies (workflow_id) {
        workflow_id -> Text,
        max_attempts -> BigInt,
        initial_delay_seconds -> Double,
        backoff_factor -> Double,
        max_delay_seconds -> Nullable<Double>,
        jitter_factor -> Double,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    workflow_runs (id) {
        id -> Text,
        workflow_id -> Text,
        workflow_version_id -> Text,
        status -> Text,
        triggered_by -> Text,
        input -> Text,
        runnable_config -> Text,
        tags -> Text,
        callbacks -> Text,
        metadata -> Text,
        run_name -> Nullable<Text>,
        output -> Nullable<Text>,
        error -> Nullable<Text>,
        cancel_reason -> Nullable<Text>,
        attempt -> Integer,
        retry_of -> Nullable<Text>,
        idempotency_key -> Nullable<Text>,
        scheduled_for -> Nullable<Text>,
        record_bytes -> BigInt,
        created_at -> Text,
        started_at -> Nullable<Text>,
        completed_at -> Nullable<Text>,
        updated_at -> Text,
        row_version -> BigInt,
    }
}

diesel::table! {
    workflow_versions (id) {
        id -> Text,
        workflow_id -> Text,
        version -> Integer,
        graph -> Text,
        mermaid -> Nullable<Text>,
        metadata -> Text,
        runnable_config -> Nullable<Text>,
        notes -> Nullable<Text>,
        created_by -> Text,
        checksum -> Text,
        record_bytes -> BigInt,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    workflow_webhook_deliveries (workflow_id, delivery_key) {
        workflow_id -> Text,
        delivery_key -> Text,
        run_id -> Text,
        expires_at -> Nullable<Text>,
    }
}

diesel::table! {
    workflow_webhooks (workflow_id) {
        workflow_id -> Text,
        config -> Text,
        shared_secret -> Nullable<Binary>,
        hmac_secret -> Nullable<Binary>,
        secrets_sealed -> Bool,
        window_start -> Nullable<Text>,
        window_count -> Integer,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::table! {
    workflows (id) {
        id -> Text,
        name -> Text,
        handle -> Nullable<Text>,
        slug -> Text,
        description -> Nullable<Text>,
        tags -> Text,
        is_archived -> Bool,
        draft_access -> Text,
        is_public -> Bool,
        published_at -> Nullable<Text>,
        published_by -> Nullable<Text>,
        require_login -> Bool,
        share_url -> Nullable<Text>,
        chatkit -> Nullable<Text>,
        search_text -> Text,
        row_version -> BigInt,
        version_count -> Integer,
        record_bytes -> BigInt,
        created_at -> Text,
        updated_at -> Text,
    }
}

diesel::joinable!(jobs -> workflow_runs (run_id));
diesel::joinable!(workflow_cron_occurrences -> workflows (workflow_id));
diesel::joinable!(workflow_cron_triggers -> workflows (workflow_id));
diesel::joinable!(workflow_listener_events -> workflow_listeners (listener_id));
diesel::joinable!(workflow_manual_policies -> workflows (workflow_id));
diesel::joinable!(workflow_retry_policies -> workflows (workflow_id));
diesel::joinable!(workflow_versions -> workflows (workflow_id));
diesel::joinable!(workflow_webhook_deliveries -> workflow_webhooks (workflow_id));
diesel::joinable!(workflow_webhooks -> workflows (workflow_id));

diesel::allow_tables_to_appear_in_same_query!(
    job_assignments,
    job_dependencies,
    job_events,
    job_history,
    job_queues,
    job_workers,
    jobs,
    workflow_audit,
    workflow_counters,
    workflow_cron_occurrences,
    workflow_cron_triggers,
    workflow_handles,
    workflow_listener_events,
    workflow_listeners,
    workflow_locks,
    workflow_manual_policies,
    workflow_retry_policies,
    workflow_runs,
    workflow_versions,
    workflow_webhook_deliveries,
    workflow_webhooks,
    workflows,
);
