-- What this collector is called where it is a buffer, or fetches from one; and the totals of what waits in it. `aged_secs`
-- counts the time that passed while it ran; `seen_secs` is when that was last added to.
CREATE TABLE sync_self (
    id TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    records INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    kept_bytes INTEGER NOT NULL,
    aged_secs INTEGER NOT NULL,
    seen_secs INTEGER NOT NULL,
    freed_by TEXT,
    freed_secs INTEGER NOT NULL
) STRICT;
INSERT INTO sync_self VALUES (lower(hex(randomblob(16))), 0, 0, 0, 0, 0, 0, NULL, 0);

-- What waits to be fetched, oldest first; `freed` is what only keepers have still to pass.
CREATE TABLE buffer_items (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    received INTEGER NOT NULL,
    aged INTEGER NOT NULL,
    machine_id TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    freed INTEGER NOT NULL,
    via TEXT NOT NULL,
    external INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX buffer_items_waiting ON buffer_items (seq) WHERE freed = 0;
CREATE INDEX buffer_items_machine ON buffer_items (machine_id);

CREATE TABLE buffer_keys (
    key BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    received INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX buffer_keys_received ON buffer_keys (received);

CREATE TABLE buffer_keepers (
    fetcher TEXT PRIMARY KEY,
    passed INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Totals of what buffers lost, our own and those that are known through them.
CREATE TABLE sync_losses (
    buffer TEXT PRIMARY KEY,
    dropped INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    invalid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where is fetched from, and how that stands.
CREATE TABLE sync_sources (
    source TEXT PRIMARY KEY,
    buffer TEXT,
    last_seq INTEGER NOT NULL,
    records INTEGER NOT NULL,
    known INTEGER NOT NULL,
    invalid INTEGER NOT NULL,
    fetched_secs INTEGER NOT NULL,
    failing_since INTEGER,
    error TEXT,
    clock_behind_secs INTEGER NOT NULL,
    waiting_records INTEGER NOT NULL,
    waiting_bytes INTEGER NOT NULL,
    oldest_age_secs INTEGER NOT NULL,
    holder TEXT,
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of what was fetched, for as long as the same may come again, whatever becomes of the record.
CREATE TABLE sync_keys (
    key BLOB PRIMARY KEY,
    id INTEGER NOT NULL,
    fetched INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_keys_fetched ON sync_keys (fetched);
CREATE INDEX sync_keys_id ON sync_keys (id);

CREATE TABLE sync_invalid (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    item TEXT NOT NULL
) STRICT;
