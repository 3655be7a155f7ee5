-- What parsers of payloads made of records.
CREATE TABLE plugin_values (
    id bigint NOT NULL,
    parser text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    PRIMARY KEY (id, parser, name)
);
CREATE INDEX plugin_values_name ON plugin_values (parser, name, value);
CREATE TABLE plugin_forms (
    id bigint NOT NULL,
    parser text COLLATE "C" NOT NULL,
    payload text NOT NULL,
    PRIMARY KEY (id, parser)
);
CREATE TABLE plugin_progress (
    parser text COLLATE "C" PRIMARY KEY,
    digest text NOT NULL,
    done_to bigint NOT NULL,
    failed bigint NOT NULL
);
-- Nothing of a record outlives it; of records that go with their whole day, the parsers' own round sees to that.
CREATE FUNCTION plugin_values_go() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM plugin_values WHERE id = OLD.id;
    DELETE FROM plugin_forms WHERE id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER plugin_values_go AFTER DELETE ON records FOR EACH ROW EXECUTE FUNCTION plugin_values_go();
CREATE VIEW v_values AS SELECT v.id, v.parser, v.name, v.value FROM plugin_values v
    WHERE EXISTS (SELECT 1 FROM records r WHERE r.id = v.id);
