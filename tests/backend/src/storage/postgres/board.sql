-- Which machines are there: an id that has rotated is none of them, and in a year a fleet has a hundred times as many.
CREATE INDEX state_machine_due ON state_machine ((last_seen + 3 * CASE WHEN push_interval > 0 THEN push_interval ELSE 86400 END));

-- A fleet has many checks that are OK, which are counted.
CREATE INDEX check_now_standing ON check_now (rank, machine, check_group);
