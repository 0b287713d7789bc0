DROP INDEX idx_alone_word;
