DROP TABLE graph_writes;
DROP TABLE graph_checkpoints;
DROP TABLE graph_values;
DROP TABLE graph_blobs;
DROP TABLE graph_threads;
