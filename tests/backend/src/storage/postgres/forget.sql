-- Ids whose records are refused: hashes of them. `known`: whether anything had come under it.
CREATE TABLE forgotten (
    hash bytea PRIMARY KEY,
    forgotten bigint NOT NULL,
    known bigint NOT NULL
);

-- Ids of which something may be left.
CREATE TABLE forget_jobs (
    machine_id text COLLATE "C" PRIMARY KEY,
    begun bigint NOT NULL
);

-- Variants, groups and guilties that may have lost their last record.
CREATE TABLE forget_touched (
    kind text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    PRIMARY KEY (kind, id)
);
