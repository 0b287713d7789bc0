-- Whose the thread is, and that never changes: so that one index has the items of an owner in the
-- order in which a search lists them.
ALTER TABLE chatkit_items ADD COLUMN owner TEXT COLLATE "C";

UPDATE chatkit_items AS item SET owner = thread.owner
    FROM chatkit_threads AS thread WHERE thread.thread_id = item.thread_id;

ALTER TABLE chatkit_items ALTER COLUMN owner SET NOT NULL;

CREATE INDEX idx_chatkit_items_owner_created_at
    ON chatkit_items (owner, created_at, thread_id, ordinal);
