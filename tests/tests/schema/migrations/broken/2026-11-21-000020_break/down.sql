DROP TABLE broken_second;
