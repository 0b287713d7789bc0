DROP INDEX idx_chatkit_items_owner_created_at;
ALTER TABLE chatkit_items DROP COLUMN owner;
