-- Who fetches from a source is a lock's business. `next_secs`: when a source that fails is tried again.
ALTER TABLE sync_sources DROP COLUMN holder;
ALTER TABLE sync_sources DROP COLUMN held_until;
ALTER TABLE sync_sources ADD COLUMN next_secs INTEGER NOT NULL DEFAULT 0;

-- Whose an item is that could not be taken, so that it goes when that machine asks to be forgotten.
ALTER TABLE sync_invalid ADD COLUMN machine_id TEXT NOT NULL DEFAULT '';

-- A proof waits once.
CREATE INDEX buffer_items_forget ON buffer_items (key) WHERE kind = 'forget';
