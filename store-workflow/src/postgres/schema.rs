// @generated automatically by Diesel CLI.

diesel::table! {
    job_assignments (job_id, epoch) {
        job_id -> Uuid,
        epoch -> Int8,
        worker -> Text,
        started_at -> Timestamptz,
        ended_at -> Timestamptz,
        outcome -> Text,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    job_dependencies (job_id, depends_on) {
        job_id -> Uuid,
        depends_on -> Uuid,
        condition -> Text,
    }
}

diesel::table! {
    job_events (token) {
        token -> Text,
        job_id -> Nullable<Uuid>,
        payload -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        delivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    job_history (id) {
        id -> Uuid,
        queue -> Text,
        kind -> Text,
        payload -> Jsonb,
        run_id -> Nullable<Uuid>,
        priority -> Int2,
        state -> Text,
        attempt -> Int4,
        max_attempts -> Int4,
        run_at -> Timestamptz,
        unique_key -> Nullable<Text>,
        concurrency_key -> Nullable<Text>,
        timeout_ms -> Nullable<Int8>,
        tags -> Jsonb,
        capabilities -> Jsonb,
        depends_on -> Jsonb,
        event_token -> Nullable<Text>,
        event -> Nullable<Jsonb>,
        progress -> Nullable<Jsonb>,
        result -> Nullable<Jsonb>,
        last_error -> Nullable<Text>,
        assignment_error -> Nullable<Text>,
        cancel_reason -> Nullable<Text>,
        lease_owner -> Nullable<Text>,
        lease_epoch -> Int8,
        leased_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Timestamptz,
    }
}

diesel::table! {
    job_queues (queue) {
        queue -> Text,
        paused -> Bool,
        max_leased -> Nullable<Int4>,
        per_key -> Nullable<Int4>,
        rate_count -> Nullable<Int4>,
        rate_per_us -> Nullable<Int8>,
        window_started_at -> Nullable<Timestamptz>,
        window_claims -> Int4,
    }
}

diesel::table! {
    job_workers (id) {
        id -> Text,
        capabilities -> Jsonb,
        metadata -> Jsonb,
        registered_at -> Timestamptz,
        heartbeat_at -> Timestamptz,
    }
}

diesel::table! {
    jobs (id) {
        id -> Uuid,
        queue -> Text,
        kind -> Text,
        payload -> Jsonb,
        run_id -> Nullable<Uuid>,
        priority -> Int2,
        state -> Text,
        attempt -> Int4,
        max_attempts -> Int4,
        run_at -> Timestamptz,
        unique_key -> Nullable<Text>,
        concurrency_key -> Nullable<Text>,
        timeout_ms -> Nullable<Int8>,
        tags -> Jsonb,
        capabilities -> Jsonb,
        depends_on -> Jsonb,
        waits_for -> Int4,
        dependents -> Int4,
        event_token -> Nullable<Text>,
        event -> Nullable<Jsonb>,
        progress -> Nullable<Jsonb>,
        last_error -> Nullable<Text>,
        cancel_reason -> Nullable<Text>,
        lease_owner -> Nullable<Text>,
        lease_epoch -> Int8,
        lease_expires_at -> Nullable<Timestamptz>,
        leased_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_audit (seq) {
        seq -> Int8,
        workflow_id -> Uuid,
        run_id -> Nullable<Uuid>,
        actor -> Text,
        action -> Text,
        at -> Timestamptz,
        metadata -> Jsonb,
    }
}

diesel::table! {
    workflow_counters (name) {
        name -> Text,
        value -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_cron_occurrences (workflow_id, scheduled_for) {
        workflow_id -> Uuid,
        scheduled_for -> Timestamptz,
        run_id -> Uuid,
    }
}

diesel::table! {
    workflow_cron_triggers (workflow_id) {
        workflow_id -> Uuid,
        expression -> Text,
        timezone -> Text,
        allow_overlapping -> Bool,
        start_at -> Nullable<Timestamptz>,
        end_at -> Nullable<Timestamptz>,
        misfire -> Text,
        catch_up_max -> Nullable<Int4>,
        next_at -> Nullable<Timestamptz>,
        look_at -> Nullable<Timestamptz>,
        last_dispatched_at -> Nullable<Timestamptz>,
        last_skip_reason -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_handles (handle) {
        handle -> Text,
        active -> Int4,
        archived -> Int4,
    }
}

diesel::table! {
    workflow_listener_events (listener_id, dedupe_key) {
        listener_id -> Uuid,
        dedupe_key -> Text,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_listeners (id) {
        id -> Uuid,
        workflow_id -> Uuid,
        workflow_version_id -> Uuid,
        node_name -> Text,
        platform -> Text,
        bot_identity -> Text,
        config -> Jsonb,
        status -> Text,
        lease_owner -> Nullable<Text>,
        lease_epoch -> Int8,
        lease_expires_at -> Nullable<Timestamptz>,
        cursor_state -> Nullable<Jsonb>,
        cursor_updated_at -> Nullable<Timestamptz>,
        last_event_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        record_bytes -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_locks (name) {
        name -> Text,
        owner -> Nullable<Text>,
        epoch -> Int8,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    workflow_manual_policies (workflow_id) {
        workflow_id -> Uuid,
        label -> Nullable<Text>,
        allowed_actors -> Jsonb,
        require_comment -> Bool,
        default_payload -> Nullable<Jsonb>,
        cooldown_seconds -> Int8,
        last_dispatched_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_retry_policies (workflow_id) {
        workflow_id -> Uuid,
        max_attempts -> Int8,
        initial_delay_seconds -> Float8,
        backoff_factor -> Float8,
        max_delay_seconds -> Nullable<Float8>,
        jitter_factor -> Float8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_runs (id) {
        id -> Uuid,
        workflow_id -> Uuid,
        workflow_version_id -> Uuid,
        status -> Text,
        triggered_by -> Text,
        input -> Jsonb,
        runnable_config -> Jsonb,
        tags -> Jsonb,
        callbacks -> Jsonb,
        metadata -> Jsonb,
        run_name -> Nullable<Text>,
        output -> Nullable<Jsonb>,
        error -> Nullable<Text>,
        cancel_reason -> Nullable<Text>,
        attempt -> Int4,
        retry_of -> Nullable<Uuid>,
        idempotency_key -> Nullable<Text>,
        scheduled_for -> Nullable<Timestamptz>,
        record_bytes -> Int8,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        row_version -> Int8,
    }
}

diesel::table! {
    workflow_versions (id) {
        id -> Uuid,
        workflow_id -> Uuid,
        version -> Int4,
        graph -> Jsonb,
        mermaid -> Nullable<Text>,
        metadata -> Jsonb,
        runnable_config -> Nullable<Jsonb>,
        notes -> Nullable<Text>,
        created_by -> Text,
        checksum -> Text,
        record_bytes -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflow_webhook_deliveries (workflow_id, delivery_key) {
        workflow_id -> Uuid,
        delivery_key -> Text,
        run_id -> Uuid,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    workflow_webhooks (workflow_id) {
        workflow_id -> Uuid,
        config -> Jsonb,
        shared_secret -> Nullable<Bytea>,
        hmac_secret -> Nullable<Bytea>,
        secrets_sealed -> Bool,
        window_start -> Nullable<Timestamptz>,
        window_count -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    workflows (id) {
        id -> Uuid,
        name -> Text,
        handle -> Nullable<Text>,
        slug -> Text,
        description -> Nullable<Text>,
        tags -> Jsonb,
        is_archived -> Bool,
        draft_access -> Text,
        is_public -> Bool,
        published_at -> Nullable<Timestamptz>,
        published_by -> Nullable<Text>,
        require_login -> Bool,
        share_url -> Nullable<Text>,
        chatkit -> Nullable<Jsonb>,
        search_text -> Text,
        row_version -> Int8,
        version_count -> Int4,
        record_bytes -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
