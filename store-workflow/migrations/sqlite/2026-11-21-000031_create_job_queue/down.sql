DROP TABLE workflow_counters;
DROP TABLE workflow_locks;
DROP TABLE job_workers;
DROP TABLE job_queues;
DROP TABLE job_events;
DROP TABLE job_dependencies;
DROP TABLE job_assignments;
DROP TABLE job_history;
