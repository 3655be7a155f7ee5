//! Three servers of the fleet that say how they are, up to now: a disk of the first is full in two and a half days, a certificate
//! of the second ends in a week, and the third was last heard yesterday.

use super::dice::Dice;
use crate::record::Record;
use crate::timestamp::format_utc;

const HOUR_SECS: i64 = 60 * 60;
const DAY_SECS: i64 = 24 * HOUR_SECS;

/// How long they have sent samples, one an hour.
const HOURS: i64 = 72;

/// Since when the check of the first fails.
const FAILS_SECS: i64 = 3 * HOUR_SECS;

/// What is there, and what of it is left at the end.
const DISK_BYTES: f64 = 200e9;
const LEFT_BYTES: f64 = 14e9;
const LEFT_SECS: i64 = 60 * HOUR_SECS;

/// The machine ids of the three; they are static.
pub const SERVER_IDS: [&str; 3] = [
    "5e72e20000000000000000000000000a",
    "5e72e20000000000000000000000000b",
    "5e72e20000000000000000000000000c",
];

/// Their records in the order of time, as they are received when they are made.
#[must_use]
pub fn servers(now_secs: i64) -> Vec<Record> {
    let mut records = Vec::new();
    for hour in (0..=HOURS).rev() {
        let at_secs = now_secs - hour * HOUR_SECS;
        for (number, id) in (0..).zip(SERVER_IDS) {
            // The third one went out a day ago.
            if number < 2 || hour > 24 {
                records.push(sample(id, number, at_secs, now_secs));
            }
        }
    }
    for (id, name, state, since_secs, value, output) in [
        (
            SERVER_IDS[0],
            "disk-var",
            "CRITICAL",
            now_secs - FAILS_SECS,
            7.0,
            "7 percent of /var are free, 10 have to be",
        ),
        (SERVER_IDS[0], "mail-queue", "OK", now_secs - 2 * DAY_SECS, 3.0, "3 mails wait"),
        (SERVER_IDS[1], "certificate-web", "WARNING", now_secs - DAY_SECS, 7.0, "it ends in 7 days"),
        (SERVER_IDS[2], "gateway", "OK", now_secs - 2 * DAY_SECS, 0.02, ""),
    ] {
        let since = format_utc(since_secs).replace(" UTC", "Z").replace(' ', "T");
        let payload = format!(
            "Check: {name}\nKind: plugin\nState: {state}\nSince: {since}\nValue: {value}\nOutput: {output}\n"
        );
        records.push(record(id, "org.telemetrics/check/state", since_secs, payload));
    }
    records.sort_by_key(|record| record.captured_secs);
    records
}

fn sample(id: &str, number: i64, at_secs: i64, now_secs: i64) -> Record {
    let dice = Dice::new(u64::from_ne_bytes(number.to_ne_bytes()))
        .with(u64::from_ne_bytes((at_secs / HOUR_SECS).to_ne_bytes()));
    // Only the first one fills; logs are rotated at midnight, and files come and go.
    let rate = if number == 0 { LEFT_BYTES / LEFT_SECS as f64 } else { 0.0 };
    let noise = dice.unit() * 0.4e9 - (at_secs % DAY_SECS) as f64 / DAY_SECS as f64 * 1e9;
    let free = LEFT_BYTES + rate * (now_secs - at_secs) as f64 + noise;
    let load = 0.5 + dice.with(1).unit();
    let available = 3e9 + dice.with(2).unit() * 1e9;
    let certificate = if number == 1 {
        format!(
            "# TYPE telemetry_certificate_not_after_timestamp_seconds gauge\n\
             telemetry_certificate_not_after_timestamp_seconds{{path=\"/etc/ssl/web.pem\",sha256=\"0123456789abcdef\"}} {}\n",
            now_secs - now_secs % DAY_SECS + 7 * DAY_SECS
        )
    } else {
        String::new()
    };
    let payload = format!(
        "# TYPE system_load gauge\nsystem_load{{minutes=\"5\"}} {load:.2}\n\
         # TYPE system_memory_limit_bytes gauge\nsystem_memory_limit_bytes 8000000000\n\
         # TYPE system_memory_linux_available_bytes gauge\nsystem_memory_linux_available_bytes {available:.0}\n\
         # TYPE system_filesystem_usage_bytes gauge\n\
         system_filesystem_usage_bytes{{mountpoint=\"/var\",state=\"free\"}} {free:.0}\n\
         system_filesystem_usage_bytes{{mountpoint=\"/var\",state=\"used\"}} {:.0}\n\
         {certificate}# TYPE telemetry_environment_interval_seconds gauge\n\
         telemetry_environment_interval_seconds {HOUR_SECS}\n# EOF\n",
        DISK_BYTES - free
    );
    record(id, "org.telemetrics/environment/sample", at_secs, payload)
}

fn record(id: &str, class: &str, at_secs: i64, payload: String) -> Record {
    Record {
        record_format_version: 4,
        severity: 1,
        classification: class.to_owned(),
        machine_id: id.to_owned(),
        captured_secs: at_secs,
        arch: "x86_64".to_owned(),
        host_type: "Vendor|Server|1".to_owned(),
        build: "12".to_owned(),
        kernel_version: "6.1.0-18-amd64".to_owned(),
        payload_format_version: Some(1),
        system_name: Some("debian".to_owned()),
        board_name: Some("Board|Vendor".to_owned()),
        cpu_model: Some("cpu".to_owned()),
        bios_version: Some("1.0".to_owned()),
        event_id: None,
        external: false,
        payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{check, openmetrics};

    #[test]
    fn what_they_send_is_understood() {
        let now = 1_795_766_400;
        let records = servers(now);
        assert!(records.windows(2).all(|two| two[0].captured_secs <= two[1].captured_secs));
        let of =
            |class: &'static str| records.iter().filter(move |record| record.classification.ends_with(class));
        assert_eq!(of("check/state").filter_map(|record| check::parse(&record.payload)).count(), 4);
        assert!(of("sample").all(|record| openmetrics::parse(&record.payload).left_out == 0));
        let last = of("sample")
            .filter(|record| record.machine_id == SERVER_IDS[2])
            .map(|record| record.captured_secs)
            .max();
        assert_eq!(last, Some(now - 25 * HOUR_SECS));
    }
}
