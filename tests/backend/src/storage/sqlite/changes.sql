-- What people changed that is of no group: the site's rules, the guilties and their blacklist. Of the rules the last row
-- holds.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    object TEXT NOT NULL,
    what TEXT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL,
    who TEXT NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_subject ON changes (subject, object, id);

-- A row while guilties are found again: of records up to `to_id` they still are to be.
CREATE TABLE guilty_work (
    start_id INTEGER PRIMARY KEY,
    to_id INTEGER NOT NULL
) STRICT;
