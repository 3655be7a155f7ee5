-- What each machine ran, and what of that is seen for the first time on its day.
, ran AS MATERIALIZED (
    SELECT day, machine, coalesce(system_name, '') AS system_name, build, kernel_version, min(machine_id) AS machine_id,
        min(machine_type) AS host_type, coalesce(min(cpu_model), '') AS cpu_model,
        coalesce(min(bios_version), '') AS bios_version, count(*) AS n,
        count(*) FILTER (WHERE is_heartbeat) AS heartbeats, count(*) FILTER (WHERE is_crash) AS crashes,
        min(ts_reception) AS first_seen, max(ts_reception) AS last_seen
    FROM kept GROUP BY day, machine, coalesce(system_name, ''), build, kernel_version
), before AS MATERIALIZED (
    SELECT m.day, m.machine, m.system_name, m.build, m.kernel_version, m.host_type, m.cpu_model, m.bios_version,
        m.heartbeats
    FROM (SELECT DISTINCT day, machine FROM ran) AS r CROSS JOIN LATERAL (
        -- Row by row through the index of its day: a plan from when the tables were empty would read all of them.
        SELECT * FROM machine_day d
        WHERE d.day = r.day AND d.machine = r.machine AND d.day BETWEEN $32::integer AND $33::integer OFFSET 0
    ) AS m
), machines AS (
    INSERT INTO machine_day (day, machine, system_name, build, kernel_version, machine_id, host_type, cpu_model,
        bios_version, n, heartbeats, crashes, first_seen, last_seen)
    SELECT day, machine, system_name, build, kernel_version, machine_id, host_type, cpu_model, bios_version, n,
        heartbeats, crashes, first_seen, last_seen
    FROM ran ORDER BY day, machine, system_name COLLATE "C", build COLLATE "C", kernel_version COLLATE "C"
    ON CONFLICT (day, machine, system_name, build, kernel_version) DO UPDATE SET n = machine_day.n + excluded.n,
        heartbeats = machine_day.heartbeats + excluded.heartbeats, crashes = machine_day.crashes + excluded.crashes,
        first_seen = least(machine_day.first_seen, excluded.first_seen),
        last_seen = greatest(machine_day.last_seen, excluded.last_seen)
), changed AS (
    SELECT r.* FROM ran r LEFT JOIN before b USING (day, machine, system_name, build, kernel_version)
    WHERE b.machine IS NULL OR r.heartbeats > 0 AND b.heartbeats = 0
), now_in AS (
    SELECT d.dimension, r.day, d.system, d.value, r.machine, bool_or(r.heartbeats > 0) AS is_heard
    FROM changed r CROSS JOIN LATERAL (VALUES ('all', '', ''), ('system', '', r.system_name),
        ('build', r.system_name, r.build), ('kernel', '', r.kernel_version), ('host_type', '', r.host_type),
        ('cpu_model', '', r.cpu_model), ('bios_version', '', r.bios_version)) AS d (dimension, system, value)
    GROUP BY d.dimension, r.day, d.system, d.value, r.machine
), was_in AS (
    SELECT d.dimension, b.day, d.system, d.value, b.machine, bool_or(b.heartbeats > 0) AS is_heard
    FROM before b CROSS JOIN LATERAL (VALUES ('all', '', ''), ('system', '', b.system_name),
        ('build', b.system_name, b.build), ('kernel', '', b.kernel_version), ('host_type', '', b.host_type),
        ('cpu_model', '', b.cpu_model), ('bios_version', '', b.bios_version)) AS d (dimension, system, value)
    WHERE EXISTS (SELECT FROM changed c WHERE c.day = b.day AND c.machine = b.machine)
    GROUP BY d.dimension, b.day, d.system, d.value, b.machine
), sums AS (
    SELECT n.dimension, n.day, n.system, n.value, count(*) FILTER (WHERE w.machine IS NULL) AS machines,
        count(*) FILTER (WHERE n.is_heard AND w.is_heard IS NOT TRUE) AS heartbeats, 0::bigint AS records,
        0::bigint AS crashes
    FROM now_in n LEFT JOIN was_in w USING (dimension, day, system, value, machine)
    GROUP BY n.dimension, n.day, n.system, n.value
    UNION ALL
    SELECT d.dimension, r.day, d.system, d.value, 0, 0, sum(r.n)::bigint, sum(r.crashes)::bigint
    FROM ran r CROSS JOIN LATERAL (VALUES ('all', '', ''), ('build', r.system_name, r.build),
        ('kernel', '', r.kernel_version)) AS d (dimension, system, value)
    GROUP BY d.dimension, r.day, d.system, d.value
), fleet AS (
    INSERT INTO fleet_day (dimension, day, system_name, value, slot, machines, heartbeats, records, crashes)
    SELECT dimension, day, system, value, $30, sum(machines)::bigint, sum(heartbeats)::bigint, sum(records)::bigint,
        sum(crashes)::bigint
    FROM sums GROUP BY dimension, day, system, value
    ORDER BY dimension COLLATE "C", day, system COLLATE "C", value COLLATE "C"
    ON CONFLICT (dimension, day, system_name, value, slot) DO UPDATE SET
        machines = fleet_day.machines + excluded.machines, heartbeats = fleet_day.heartbeats + excluded.heartbeats,
        records = fleet_day.records + excluded.records, crashes = fleet_day.crashes + excluded.crashes
)
