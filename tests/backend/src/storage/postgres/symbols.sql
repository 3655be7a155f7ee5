-- Addresses whose names are wanted, and for which variants.
CREATE TABLE symbol_wanted (
    build_id text COLLATE "C" NOT NULL,
    address bigint NOT NULL,
    variant bigint NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (build_id, address, variant)
);
CREATE INDEX symbol_wanted_variant ON symbol_wanted (variant);
-- Debug files that were looked up: where, when, whether in vain (1: without a server, 2: at one), and when again at the earliest.
CREATE TABLE symbol_files (
    build_id text COLLATE "C" PRIMARY KEY,
    sources text COLLATE "C" NOT NULL,
    tried bigint NOT NULL,
    missed bigint NOT NULL,
    again bigint NOT NULL
);
CREATE INDEX symbol_files_tried ON symbol_files (tried);
-- Variants that debug files named, and the signatures that they had before: their addresses lead on.
CREATE TABLE symbol_variants (
    variant bigint PRIMARY KEY,
    signature_before text COLLATE "C" NOT NULL
);
CREATE INDEX symbol_variants_before ON symbol_variants (signature_before);
-- Variants up to this one were searched for frames without a name.
ALTER TABLE grouping ADD COLUMN symbols_read bigint NOT NULL DEFAULT 0;
