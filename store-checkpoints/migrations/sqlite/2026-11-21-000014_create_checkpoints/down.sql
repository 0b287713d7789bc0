DROP TABLE agentensor_checkpoint_metrics;
DROP TABLE agentensor_checkpoints;
DROP TABLE agentensor_workflows;
