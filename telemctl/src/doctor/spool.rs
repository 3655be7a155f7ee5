//! The spool: readable, within its bounds, and moving.

use super::disk::Disk;
use super::finding::Finding;
use crate::duration_text;
use crate::settings::Settings;
use crate::status::{SpoolStatus, Status, plural};
use std::path::Path;
use std::time::Duration;
use telemetry_store::delivery_status::SpoolFault;
use telemetry_store::limits::ON_THE_WAY_BYTES;
use telemetry_store::spool::DAMAGED_DIR;

const ABOUT: &str = "spool";

/// Per cent of `spool_max_size` from which records are about to be refused.
const NEARLY_FULL_PERCENT: u64 = 90;

/// What the configuration allows, and telemprobd takes.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    max_bytes: Option<u64>,
    keep_free_percent: u64,
    record_expiry: Duration,
}

pub(super) fn check(settings: &Settings, status: &Status, now: u64) -> Vec<Finding> {
    let spool = &status.spool;
    let bounds = Bounds {
        max_bytes: settings.spool_max_bytes.map(|bytes| bytes.max(ON_THE_WAY_BYTES)),
        keep_free_percent: settings.spool_keep_free_percent,
        record_expiry: settings.record_expiry,
    };
    let mut findings: Vec<_> = status.delivery.spool_fault.as_ref().map(judge_fault).into_iter().collect();
    findings.extend(judge(spool, Disk::of(&settings.spool_dir), bounds, now));
    findings
}

/// What telempostd could not do with a file there.
fn judge_fault(fault: &SpoolFault) -> Finding {
    let path = fault.path.display();
    let (reason, daemon_says) =
        fault.reason.split_once("; ").unwrap_or((&fault.reason, "make the spool writable"));
    let remedy =
        format!("{daemon_says}; `lsattr {path}` shows whether it is made immutable (`chattr -i {path}`)");
    Finding::error(ABOUT, format!("{path}: {reason}"), remedy)
}

/// All that is wrong; one line if nothing is.
fn judge(spool: &SpoolStatus, disk: Option<Disk>, bounds: Bounds, now: u64) -> Vec<Finding> {
    if let Some(error) = &spool.error {
        return vec![Finding::unseen(ABOUT, error.as_str())];
    }
    let mut findings = Vec::new();
    findings.extend(disk.and_then(|disk| judge_disk(disk, &spool.dir, bounds.keep_free_percent)));
    findings.extend(judge_size(spool.disk_bytes, bounds.max_bytes));
    findings.extend(judge_age(spool.oldest_unix_secs, bounds.record_expiry, now));
    findings.extend(judge_set_aside(spool));
    if findings.is_empty() {
        let waiting = match spool.records {
            Some(0) | None => "nothing waits".to_owned(),
            Some(1) => "1 record waits".to_owned(),
            Some(records) => format!("{records} records wait"),
        };
        let free = disk.map(|disk| format!(", {} % of its file system are free", disk.free_percent()));
        findings.push(Finding::ok(ABOUT, format!("{waiting}{}", free.unwrap_or_default())));
    }
    findings
}

fn judge_disk(disk: Disk, dir: &Path, keep_free_percent: u64) -> Option<Finding> {
    if let Some(finding) = disk.judge(ABOUT, "", dir) {
        return Some(finding);
    }
    (disk.free_percent() < keep_free_percent).then(|| {
        let text = format!(
            "{} % of its file system are free: below {keep_free_percent} % records are refused",
            disk.free_percent()
        );
        Finding::error(ABOUT, text, "make room there, or lower spool_keep_free")
    })
}

fn judge_size(disk_bytes: Option<u64>, max_bytes: Option<u64>) -> Option<Finding> {
    let (used, limit) = (disk_bytes?, max_bytes?);
    let percent = (u128::from(used) * 100).checked_div(u128::from(limit)).unwrap_or(100) as u64;
    let text = format!("{} KiB of {} KiB are used (spool_max_size)", used.div_ceil(1024), limit / 1024);
    match percent {
        0..NEARLY_FULL_PERCENT => None,
        NEARLY_FULL_PERCENT..100 => {
            Some(Finding::warning(ABOUT, text, "see that records are delivered, or raise spool_max_size"))
        }
        _ => Some(Finding::error(
            ABOUT,
            format!("{text}: records are refused"),
            "see that records are delivered, or raise spool_max_size",
        )),
    }
}

fn judge_age(oldest_unix_secs: Option<i64>, expiry: Duration, now: u64) -> Option<Finding> {
    let age = now.saturating_sub(u64::try_from(oldest_unix_secs?).unwrap_or(0));
    let (waits, expiry) = (duration_text::of_secs(age), expiry.as_secs());
    if age > expiry {
        let text = format!("the oldest record waits for {waits}, longer than record_expiry allows");
        return Some(Finding::error(ABOUT, text, "telempostd would have removed it; see that it runs"));
    }
    (age > expiry / 2).then(|| {
        let left = duration_text::of_secs(expiry - age);
        let text = format!("the oldest record waits for {waits}, and is dropped in {left} (record_expiry)");
        Finding::warning(ABOUT, text, "see that records are delivered, or raise record_expiry")
    })
}

fn judge_set_aside(spool: &SpoolStatus) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(files) = spool.damaged.filter(|files| *files > 0) {
        let dir = spool.dir.join(DAMAGED_DIR);
        let text = format!("{} gave no record, as after a power cut", plural(files, "file"));
        let remedy = format!("look at {0} and remove what is there: `rm {0}/*`", dir.display());
        findings.push(Finding::warning(ABOUT, text, remedy));
    }
    if let Some(records) = spool.rejected.filter(|records| *records > 0) {
        let were = if records == 1 { "was" } else { "were" };
        let text = format!("{} {were} rejected by the server", plural(records, "record"));
        findings.push(Finding::warning(ABOUT, text, "`telemctl rejected list` says why"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    const NOW: u64 = 1_000_000;
    const BOUNDS: Bounds =
        Bounds { max_bytes: Some(100 << 10), keep_free_percent: 5, record_expiry: Duration::from_secs(3600) };
    const DISK: Disk = Disk { is_read_only: false, free_bytes: 50, all_bytes: 100, free_files: None };

    fn spool() -> SpoolStatus {
        SpoolStatus {
            dir: "/s".into(),
            records: Some(2),
            records_exact: true,
            files: Some(2),
            disk_bytes: Some(8192),
            oldest_unix_secs: Some(NOW as i64 - 60),
            damaged: Some(0),
            rejected: Some(0),
            error: None,
        }
    }

    #[test]
    fn a_spool_that_moves_is_one_line() {
        let found = judge(&spool(), Some(DISK), BOUNDS, NOW);
        assert_eq!(found, [Finding::ok(ABOUT, "2 records wait, 50 % of its file system are free")]);
        let empty = SpoolStatus { records: Some(0), disk_bytes: Some(0), oldest_unix_secs: None, ..spool() };
        assert_eq!(judge(&empty, None, BOUNDS, NOW), [Finding::ok(ABOUT, "nothing waits")]);
    }

    #[test]
    fn each_thing_that_can_be_wrong() {
        let disk = |free_bytes| Disk { free_bytes, ..DISK };
        let older = |secs| SpoolStatus { oldest_unix_secs: Some(NOW as i64 - secs), ..spool() };
        let with_bytes = |bytes| SpoolStatus { disk_bytes: Some(bytes), ..spool() };
        let unreadable = SpoolStatus { error: Some("/s cannot be read: x".to_owned()), ..spool() };
        for (spool, disk, level, part) in [
            (spool(), Disk { is_read_only: true, ..DISK }, Level::Error, "read-only"),
            (spool(), Disk { free_files: Some(0), ..DISK }, Level::Error, "no inode left"),
            (spool(), disk(4), Level::Error, "4 % of its file system are free: below 5 %"),
            (spool(), disk(5), Level::Ok, "5 %"),
            (with_bytes(89 << 10), DISK, Level::Ok, "wait"),
            (with_bytes(90 << 10), DISK, Level::Warning, "90 KiB of 100 KiB are used"),
            (with_bytes(100 << 10), DISK, Level::Error, "records are refused"),
            (older(1800), DISK, Level::Ok, "wait"),
            (older(1801), DISK, Level::Warning, "waits for 30 min, and is dropped in 29 min"),
            (older(3601), DISK, Level::Error, "longer than record_expiry allows"),
            (SpoolStatus { damaged: Some(3), ..spool() }, DISK, Level::Warning, "3 files gave no record"),
            (SpoolStatus { damaged: Some(1), ..spool() }, DISK, Level::Warning, "`rm /s/.damaged/*`"),
            (SpoolStatus { rejected: Some(1), ..spool() }, DISK, Level::Warning, "1 record was rejected"),
            (unreadable, DISK, Level::Warning, "/s cannot be read: x"),
        ] {
            let found = judge(&spool, Some(disk), BOUNDS, NOW);
            let [finding] = found.as_slice() else { panic!("{part}: {found:?}") };
            assert_finding(finding, level, part);
        }
    }

    #[test]
    fn what_telempostd_could_not_remove() {
        for (reason, part) in [
            (
                "cannot be removed: x; make the spool writable",
                "/s/f: cannot be removed: x; make the spool writable; `lsattr",
            ),
            ("y", "/s/f: y; make the spool writable; `lsattr /s/f` shows"),
        ] {
            let fault = SpoolFault { unix_secs: 1, path: "/s/f".into(), reason: reason.to_owned() };
            assert_finding(&judge_fault(&fault), Level::Error, part);
        }
    }

    #[test]
    fn no_limit_and_a_limit_of_nothing() {
        let bounds = |max_bytes| Bounds { max_bytes, ..BOUNDS };
        let full = SpoolStatus { disk_bytes: Some(u64::MAX), ..spool() };
        assert_finding(&judge(&full, Some(DISK), bounds(None), NOW)[0], Level::Ok, "wait");
        assert_finding(&judge(&full, Some(DISK), bounds(Some(0)), NOW)[0], Level::Error, "refused");
    }
}
