-- Series that any machine has, each once: `key` is a hash of all the rest.
CREATE TABLE series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    unit TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX series_key ON series (key);

-- Lists of series, by which samples are read: `series` has ids, ascending, each as 4 bytes, the lowest first.
CREATE TABLE layout (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL,
    series BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX layout_key ON layout (key);

-- Machines of samples and checks: `kind` 0 by machine id, 1 by the name of `[pull NAME]`. `layout` has all series that it is
-- known to have, 0 none. Times in Unix seconds; `last_sample` 0 and `push_interval` 0: none.
CREATE TABLE state_machine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    last_sample INTEGER NOT NULL,
    push_interval INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    left_out INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX state_machine_name ON state_machine (kind, name);

-- Which layouts rows of a machine may have: one that no machine has goes.
CREATE TABLE machine_layout (
    machine INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    PRIMARY KEY (machine, layout)
) STRICT, WITHOUT ROWID;
CREATE INDEX machine_layout_layout ON machine_layout (layout);

-- A row a sample, never a row a point: `data` has a double for each series of the layout, the lowest byte first; what is
-- no number was not in the sample.
CREATE TABLE sample (
    machine INTEGER NOT NULL,
    time INTEGER NOT NULL,
    received INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (machine, time)
) STRICT, WITHOUT ROWID;

-- Hours and days that begin at `time`: of each series how many values (4 bytes), the smallest, their mean, the largest and
-- the last (doubles). Of counters the values are rates.
CREATE TABLE sample_hour (
    machine INTEGER NOT NULL,
    time INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (machine, time)
) STRICT, WITHOUT ROWID;
CREATE TABLE sample_day (
    machine INTEGER NOT NULL,
    time INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (machine, time)
) STRICT, WITHOUT ROWID;

-- Hours that are still to be made, or to be made again.
CREATE TABLE sample_due (
    machine INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (machine, time)
) STRICT, WITHOUT ROWID;
CREATE INDEX sample_due_time ON sample_due (time, machine);

-- Times without a sample that were longer than three intervals: from one sample to the next.
CREATE TABLE silence (
    machine INTEGER NOT NULL,
    from_secs INTEGER NOT NULL,
    until_secs INTEGER NOT NULL,
    PRIMARY KEY (machine, from_secs)
) STRICT, WITHOUT ROWID;

-- `state` 0 to 3 as Nagios plugins exit, 4 pending; `rank` 0 is the worst.
CREATE TABLE check_now (
    machine INTEGER NOT NULL,
    name TEXT NOT NULL,
    state INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    since INTEGER NOT NULL,
    reported INTEGER NOT NULL,
    received INTEGER NOT NULL,
    kind TEXT NOT NULL,
    check_group TEXT NOT NULL,
    value TEXT NOT NULL,
    warning TEXT NOT NULL,
    critical TEXT NOT NULL,
    output TEXT NOT NULL,
    perfdata TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    flapping INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    PRIMARY KEY (machine, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX check_now_worst ON check_now (rank, since);

-- `state` 5: since then the machine has no such check.
CREATE TABLE check_change (
    machine INTEGER NOT NULL,
    name TEXT NOT NULL,
    time INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (machine, name, time)
) STRICT, WITHOUT ROWID;

-- Planned downtime; a `check_name` that is empty means all checks. The machine need not be known yet.
CREATE TABLE downtime (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    machine TEXT NOT NULL,
    check_name TEXT NOT NULL,
    from_secs INTEGER NOT NULL,
    until_secs INTEGER NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    made INTEGER NOT NULL
) STRICT;
CREATE INDEX downtime_until ON downtime (until_secs);

-- How the pull of each name goes.
CREATE TABLE pull_state (
    name TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    machine TEXT NOT NULL,
    tried INTEGER NOT NULL,
    answered INTEGER,
    next INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    fault TEXT,
    fault_at INTEGER,
    server TEXT,
    client_version TEXT
) STRICT, WITHOUT ROWID;

-- What ends when, as it was reckoned last.
CREATE TABLE runs_out (
    machine INTEGER NOT NULL,
    what TEXT NOT NULL,
    time INTEGER NOT NULL,
    earliest INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    PRIMARY KEY (machine, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_out_time ON runs_out (time);
