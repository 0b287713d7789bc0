CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_alone_word ON alone (word);
