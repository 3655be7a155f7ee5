), fresh AS (
    INSERT INTO idempotency (key, id, day)
    SELECT key, id, day FROM arrived WHERE EXISTS (SELECT FROM guard) ORDER BY key
    ON CONFLICT (key) DO NOTHING RETURNING key
), kept AS MATERIALIZED (
    SELECT arrived.* FROM arrived JOIN fresh USING (key)
), stored AS (
    INSERT INTO records (id, day, ts_reception, ts_capture, record_format_version, severity, classification,
        machine_id, arch, machine_type, build, kernel_version, payload_format_version, system_name, board_name,
        cpu_model, bios_version, event_id, external, payload, payload_bytes, variant, group_id, version, guilty)
    SELECT id, day, ts_reception, ts_capture, record_format_version, severity, classification, machine_id, arch,
        machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model,
        bios_version, event_id, external, payload, payload_bytes, variant, group_id, version, guilty
    FROM kept ORDER BY id
)
