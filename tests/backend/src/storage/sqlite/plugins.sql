-- What parsers of payloads made of records.
CREATE TABLE plugin_values (
    id INTEGER NOT NULL,
    parser TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (id, parser, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX plugin_values_name ON plugin_values (parser, name, value);
CREATE TABLE plugin_forms (
    id INTEGER NOT NULL,
    parser TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (id, parser)
) STRICT;
CREATE TABLE plugin_progress (
    parser TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    done_to INTEGER NOT NULL,
    failed INTEGER NOT NULL
) STRICT;
-- Nothing of a record outlives it.
CREATE TRIGGER plugin_values_go AFTER DELETE ON records BEGIN
    DELETE FROM plugin_values WHERE id = old.id;
    DELETE FROM plugin_forms WHERE id = old.id;
END;
CREATE VIEW v_values AS SELECT id, parser, name, value FROM plugin_values;
