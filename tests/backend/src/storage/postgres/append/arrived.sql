-- The batch comes as one array a column. Ids are given in its order; keys are noted in theirs, so that two collectors
-- with the same keys do not wait for each other in a circle. Whose key is known gets no id.
WITH arrived AS MATERIALIZED (
    SELECT a.*, ts_reception / 86400 AS day, nextval('records_id') AS id
    FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[],
        $16::text[], $17::text[], $18::boolean[], $19::text[], $20::bytea[], $21::bigint[], $22::boolean[],
        $23::boolean[], $24::text[], $25::bigint[], $26::bigint[], $27::bigint[], $28::bigint[]) WITH ORDINALITY
    AS a (key, ts_reception, ts_capture, record_format_version, severity, classification, machine_id, arch,
        machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model,
        bios_version, event_id, external, payload, payload_bytes, machine, is_heartbeat, is_crash, reason,
        variant, group_id, version, guilty, number)
), guard AS MATERIALIZED (
