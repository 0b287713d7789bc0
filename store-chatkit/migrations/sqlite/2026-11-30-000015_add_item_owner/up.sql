-- Whose the thread is, and that never changes: so that one index has the items of an owner in the
-- order in which a search lists them. SQLite adds no column that must have a value without a
-- default: no owner is called that.
ALTER TABLE chatkit_items ADD COLUMN owner TEXT NOT NULL DEFAULT '';

UPDATE chatkit_items SET owner = thread.owner
    FROM chatkit_threads AS thread WHERE thread.thread_id = chatkit_items.thread_id;

CREATE INDEX idx_chatkit_items_owner_created_at
    ON chatkit_items (owner, created_at, thread_id, ordinal);
