-- Rows for the measurement in partitioning.md: for an empty history, not for one that is used.
INSERT INTO history_executions (execution_id, workflow_id, inputs, runnable_config, tags, callbacks,
  metadata, status, started_at, completed_at, step_count, step_bytes, record_bytes, updated_at)
SELECT 'e' || n, 'w', '{}', '{}', '[]', '[]', '{}', 'succeeded', start, start, 100, 30000, 20, start
FROM (SELECT n, now() - n * interval '5 minutes' AS start FROM generate_series(1, 30000) n) AS made;
INSERT INTO history_steps (execution_id, step_index, execution_started_at, at, payload,
  payload_bytes, byte_offset, idempotency_key)
SELECT execution_id, n, started_at, started_at, jsonb_build_object('text', repeat('x', 286)), 300,
  300 * n, n FROM history_executions, generate_series(0, 99) n;
