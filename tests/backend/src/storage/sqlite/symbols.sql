-- Addresses whose names are wanted, and for which variants.
CREATE TABLE symbol_wanted (
    build_id TEXT NOT NULL,
    address INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (build_id, address, variant)
) STRICT, WITHOUT ROWID;
CREATE INDEX symbol_wanted_variant ON symbol_wanted (variant);
-- Debug files that were looked up: where, when, whether in vain (1: without a server, 2: at one), and when again at the earliest.
CREATE TABLE symbol_files (
    build_id TEXT PRIMARY KEY,
    sources TEXT NOT NULL,
    tried INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    again INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX symbol_files_tried ON symbol_files (tried);
-- Variants that debug files named, and the signatures that they had before: their addresses lead on.
CREATE TABLE symbol_variants (
    variant INTEGER PRIMARY KEY,
    signature_before TEXT NOT NULL
) STRICT;
CREATE INDEX symbol_variants_before ON symbol_variants (signature_before);
-- Variants up to this one were searched for frames without a name.
ALTER TABLE grouping ADD COLUMN symbols_read INTEGER NOT NULL DEFAULT 0;
