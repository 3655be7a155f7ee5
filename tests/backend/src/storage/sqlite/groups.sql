-- What a record turned out to be: null where it is in no group, has no version, or no guilty.
ALTER TABLE records ADD COLUMN variant INTEGER;
ALTER TABLE records ADD COLUMN group_id INTEGER;
ALTER TABLE records ADD COLUMN version INTEGER;
ALTER TABLE records ADD COLUMN guilty INTEGER;
CREATE INDEX records_group ON records (group_id, id) WHERE group_id IS NOT NULL;
CREATE INDEX records_event ON records (event_id) WHERE group_id IS NOT NULL AND event_id IS NOT NULL;

CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    program TEXT NOT NULL,
    package TEXT,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    mark TEXT,
    marks TEXT NOT NULL,
    most_machines INTEGER NOT NULL DEFAULT 0,
    redirect INTEGER
) STRICT;
CREATE INDEX groups_key ON groups (key);
CREATE INDEX groups_first ON groups (first_seen);
CREATE INDEX groups_program ON groups (program);
CREATE INDEX groups_mark ON groups (mark) WHERE mark IS NOT NULL;
CREATE INDEX groups_redirect ON groups (redirect) WHERE redirect IS NOT NULL;

-- The lowest and the highest version of a group on each of its lines.
CREATE TABLE group_line (
    group_id INTEGER NOT NULL,
    line TEXT NOT NULL,
    lowest INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    PRIMARY KEY (group_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE signatures (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    first_day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signatures_day ON signatures (first_day, kind, subject);

CREATE TABLE variants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL,
    group_id INTEGER NOT NULL,
    tokens TEXT NOT NULL,
    rules TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    first_day INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX variants_hash ON variants (hash);
CREATE INDEX variants_signature ON variants (signature, first_day);
CREATE INDEX variants_group ON variants (group_id);

CREATE TABLE variant_day (
    variant INTEGER NOT NULL,
    day INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (variant, day, slot)
) STRICT, WITHOUT ROWID;

-- Builds of the module that a variant's name ends in.
CREATE TABLE variant_module (
    variant INTEGER NOT NULL,
    module TEXT NOT NULL,
    build_id TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    PRIMARY KEY (variant, module, build_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL,
    what TEXT NOT NULL,
    who TEXT NOT NULL,
    decided INTEGER NOT NULL,
    undone_who TEXT,
    undone INTEGER
) STRICT;
CREATE INDEX decisions_hash ON decisions (hash);

CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    line TEXT NOT NULL,
    text TEXT NOT NULL,
    sort_key BLOB NOT NULL,
    first_seen INTEGER NOT NULL,
    first_day INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX versions_order ON versions (line, sort_key);
CREATE INDEX versions_day ON versions (first_day);

CREATE TABLE group_day (
    group_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    records INTEGER NOT NULL,
    machines INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    PRIMARY KEY (day, group_id, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_day_group ON group_day (group_id, day);

CREATE TABLE group_version_day (
    group_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    version INTEGER NOT NULL,
    build TEXT NOT NULL,
    system_name TEXT NOT NULL,
    slot INTEGER NOT NULL,
    records INTEGER NOT NULL,
    machines INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    PRIMARY KEY (group_id, day, version, build, system_name, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_machine (
    day INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, group_id, machine)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_machine_machine ON group_machine (machine);

CREATE TABLE group_version_machine (
    day INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    build TEXT NOT NULL,
    system_name TEXT NOT NULL,
    machine INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, group_id, version, build, system_name, machine)
) STRICT, WITHOUT ROWID;

CREATE TABLE machine_day (
    day INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    system_name TEXT NOT NULL,
    build TEXT NOT NULL,
    kernel_version TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    host_type TEXT NOT NULL,
    cpu_model TEXT NOT NULL,
    bios_version TEXT NOT NULL,
    n INTEGER NOT NULL,
    heartbeats INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    PRIMARY KEY (day, machine, system_name, build, kernel_version)
) STRICT, WITHOUT ROWID;
CREATE INDEX machine_day_machine ON machine_day (machine);

CREATE TABLE fleet_day (
    dimension TEXT NOT NULL,
    day INTEGER NOT NULL,
    system_name TEXT NOT NULL,
    value TEXT NOT NULL,
    slot INTEGER NOT NULL,
    machines INTEGER NOT NULL,
    heartbeats INTEGER NOT NULL,
    records INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    PRIMARY KEY (dimension, day, system_name, value, slot)
) STRICT, WITHOUT ROWID;

-- Records of failures that are in no group, by why.
CREATE TABLE ungrouped_day (
    day INTEGER NOT NULL,
    reason TEXT NOT NULL,
    slot INTEGER NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (day, reason, slot)
) STRICT, WITHOUT ROWID;

-- Bounds that were met, so that the page of the collector can say so.
CREATE TABLE bound_day (
    day INTEGER NOT NULL,
    bound TEXT NOT NULL,
    slot INTEGER NOT NULL,
    n INTEGER NOT NULL,
    example TEXT NOT NULL,
    PRIMARY KEY (day, bound, slot)
) STRICT, WITHOUT ROWID;

-- Records that are still to be moved out of a group, and how far that has come.
CREATE TABLE moves (
    from_group INTEGER PRIMARY KEY,
    after_id INTEGER NOT NULL,
    moved INTEGER NOT NULL,
    total INTEGER NOT NULL,
    begun INTEGER NOT NULL
) STRICT;

-- One row. `generation` changes with every change of what is in which group; records after `read_after` up to `read_to`
-- were stored before there were groups, and are still to be read; `settled_day` is the last day whose counts are final;
-- of days before `machines_from` no machines are known any more.
CREATE TABLE grouping (
    generation INTEGER NOT NULL,
    rules TEXT NOT NULL,
    read_after INTEGER NOT NULL,
    read_to INTEGER NOT NULL,
    settled_day INTEGER NOT NULL,
    machines_from INTEGER NOT NULL
) STRICT;
INSERT INTO grouping SELECT 1, '', 0, coalesce(max(id), 0), 0, 0 FROM records;

-- Whether an import has brought groups and counts too.
ALTER TABLE imports ADD COLUMN has_groups INTEGER NOT NULL DEFAULT 0;

CREATE TABLE symbols (
    build_id TEXT NOT NULL,
    address INTEGER NOT NULL,
    names TEXT NOT NULL,
    source TEXT NOT NULL,
    tried INTEGER NOT NULL,
    PRIMARY KEY (build_id, address)
) STRICT, WITHOUT ROWID;

-- As the Flask backend groups, for those who compare.
CREATE TABLE guilty (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    function TEXT NOT NULL,
    module TEXT NOT NULL,
    comment TEXT NOT NULL DEFAULT '',
    hidden INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX guilty_pair ON guilty (function, module);
CREATE TABLE guilty_blacklisted (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    function TEXT NOT NULL,
    module TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX guilty_blacklisted_pair ON guilty_blacklisted (function, module);

CREATE VIEW v_records AS SELECT id, ts_reception, ts_capture, record_format_version, severity, classification, machine_id,
    arch, machine_type, build, kernel_version, system_name, board_name, cpu_model, bios_version, event_id, external,
    payload, group_id FROM records;
CREATE VIEW v_groups AS SELECT id, name, kind, program, package, first_seen, last_seen FROM groups WHERE redirect IS NULL;
CREATE VIEW v_group_days AS SELECT group_id, day, CAST(sum(records) AS bigint) AS records,
    CAST(sum(machines) AS bigint) AS machines FROM group_day GROUP BY group_id, day;
CREATE VIEW v_fleet_days AS SELECT day, dimension, system_name, value, CAST(sum(machines) AS bigint) AS machines,
    CAST(sum(heartbeats) AS bigint) AS heartbeats, CAST(sum(records) AS bigint) AS records,
    CAST(sum(crashes) AS bigint) AS crashes FROM fleet_day GROUP BY day, dimension, system_name, value;
