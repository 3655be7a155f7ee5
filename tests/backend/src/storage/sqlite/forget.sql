-- Ids whose records are refused: hashes of them. `known`: whether anything had come under it.
CREATE TABLE forgotten (
    hash BLOB PRIMARY KEY,
    forgotten INTEGER NOT NULL,
    known INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids of which something may be left.
CREATE TABLE forget_jobs (
    machine_id TEXT PRIMARY KEY,
    begun INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Variants, groups and guilties that may have lost their last record.
CREATE TABLE forget_touched (
    kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
