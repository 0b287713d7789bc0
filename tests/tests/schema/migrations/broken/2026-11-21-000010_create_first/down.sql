DROP TABLE broken_first;
