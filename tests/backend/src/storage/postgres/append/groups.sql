-- Who failed how. A machine counts where its row is new: where it has as many records as the batch.
, failed AS MATERIALIZED (
    SELECT day, machine, coalesce(system_name, '') AS system_name, build, ts_reception, variant, group_id,
        coalesce(version, 0) AS version
    FROM kept WHERE group_id IS NOT NULL
), of_group AS MATERIALIZED (
    SELECT day, group_id, machine, count(*) AS n FROM failed GROUP BY day, group_id, machine
), of_group_after AS (
    INSERT INTO group_machine (day, group_id, machine, n)
    SELECT day, group_id, machine, n FROM of_group ORDER BY day, group_id, machine
    ON CONFLICT (day, group_id, machine) DO UPDATE SET n = group_machine.n + excluded.n
    RETURNING day, group_id, machine, n
), of_version AS MATERIALIZED (
    SELECT day, group_id, version, build, system_name, machine, count(*) AS n FROM failed
    GROUP BY day, group_id, version, build, system_name, machine
), of_version_after AS (
    INSERT INTO group_version_machine (day, group_id, version, build, system_name, machine, n)
    SELECT day, group_id, version, build, system_name, machine, n FROM of_version
    ORDER BY day, group_id, version, build COLLATE "C", system_name COLLATE "C", machine
    ON CONFLICT (day, group_id, version, build, system_name, machine)
    DO UPDATE SET n = group_version_machine.n + excluded.n
    RETURNING day, group_id, version, build, system_name, machine, n
), group_days AS (
    INSERT INTO group_day (day, group_id, slot, records, machines, last_seen)
    SELECT f.day, f.group_id, $30, f.records, m.machines, f.last_seen
    FROM (SELECT day, group_id, count(*) AS records, max(ts_reception) AS last_seen FROM failed GROUP BY day, group_id) AS f
    JOIN (SELECT o.day, o.group_id, count(*) FILTER (WHERE a.n = o.n) AS machines
        FROM of_group o JOIN of_group_after a USING (day, group_id, machine) GROUP BY o.day, o.group_id) AS m
    USING (day, group_id) ORDER BY f.day, f.group_id
    ON CONFLICT (day, group_id, slot) DO UPDATE SET records = group_day.records + excluded.records,
        machines = group_day.machines + excluded.machines, last_seen = greatest(group_day.last_seen, excluded.last_seen)
), version_days AS (
    INSERT INTO group_version_day (group_id, day, version, build, system_name, slot, records, machines, first_seen,
        last_seen)
    SELECT f.group_id, f.day, f.version, f.build, f.system_name, $30, f.records, m.machines, f.first_seen, f.last_seen
    FROM (SELECT group_id, day, version, build, system_name, count(*) AS records, min(ts_reception) AS first_seen,
            max(ts_reception) AS last_seen
        FROM failed GROUP BY group_id, day, version, build, system_name) AS f
    JOIN (SELECT o.group_id, o.day, o.version, o.build, o.system_name, count(*) FILTER (WHERE a.n = o.n) AS machines
        FROM of_version o JOIN of_version_after a USING (day, group_id, version, build, system_name, machine)
        GROUP BY o.group_id, o.day, o.version, o.build, o.system_name) AS m
    USING (group_id, day, version, build, system_name)
    ORDER BY f.day, f.group_id, f.version, f.build COLLATE "C", f.system_name COLLATE "C"
    ON CONFLICT (group_id, day, version, build, system_name, slot) DO UPDATE SET
        records = group_version_day.records + excluded.records, machines = group_version_day.machines + excluded.machines,
        first_seen = least(group_version_day.first_seen, excluded.first_seen),
        last_seen = greatest(group_version_day.last_seen, excluded.last_seen)
), variant_days AS (
    INSERT INTO variant_day (variant, day, slot, records)
    SELECT variant, day, $30, count(*) FROM failed GROUP BY variant, day ORDER BY variant, day
    ON CONFLICT (variant, day, slot) DO UPDATE SET records = variant_day.records + excluded.records
), ungrouped AS (
    INSERT INTO ungrouped_day (day, reason, slot, records)
    SELECT day, reason, $30, count(*) FROM kept WHERE reason IS NOT NULL GROUP BY day, reason ORDER BY day, reason COLLATE "C"
    ON CONFLICT (day, reason, slot) DO UPDATE SET records = ungrouped_day.records + excluded.records
)
