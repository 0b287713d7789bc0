DROP TABLE neighbours;
