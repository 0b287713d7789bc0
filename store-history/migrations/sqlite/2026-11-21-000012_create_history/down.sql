DROP TABLE history_results;
DROP TABLE history_tasks;
DROP TABLE history_steps;
DROP TABLE history_executions;
