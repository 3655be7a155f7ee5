//! Servers of `server_copy`: one that is away, and what it misses. The list is not concerned.

use super::finding::Finding;
use crate::duration_text;
use crate::status::{CopyStatus, plural};

const ABOUT: &str = "copies";

/// Per cent of `server_copy_max_size` from which the oldest records are about to be dropped.
const NEARLY_FULL_PERCENT: u64 = 90;

/// A finding for each copy.
pub(super) fn judge(copies: &[CopyStatus], max_bytes: Option<u64>, now: u64) -> Vec<Finding> {
    copies.iter().map(|copy| judge_one(copy, max_bytes, now)).collect()
}

fn judge_one(copy: &CopyStatus, max_bytes: Option<u64>, now: u64) -> Finding {
    let url = &copy.url;
    let about_to_lose = match (copy.waiting_bytes, max_bytes) {
        (Some(used), Some(limit))
            if used > 0 && used.saturating_mul(100) >= limit.saturating_mul(NEARLY_FULL_PERCENT) =>
        {
            format!(
                "; of more than {} KiB the oldest are dropped for it (server_copy_max_size)",
                limit / 1024
            )
        }
        _ => String::new(),
    };
    let rest = format!("{}{about_to_lose}{}", copy.behind(now), copy.loss());
    if copy.failures > 0 {
        let since = copy.failing_since_unix_secs.map(|secs| now.saturating_sub(secs));
        let since = since.map(|secs| format!(" for {}", duration_text::of_secs(secs))).unwrap_or_default();
        let reason = copy.last_failure.as_deref().unwrap_or("no reason is known");
        let remedy = "see that this copy can be reached, or take it out of server_copy; the other servers get \
                      their records all the same";
        return Finding::warning(ABOUT, format!("{url}: fails{since}: {reason}{rest}"), remedy);
    }
    match copy.waiting_records {
        None => {
            Finding::warning(ABOUT, format!("{url}: what waits for it cannot be counted"), "run this as root")
        }
        Some(0) => {
            let missed = copy.missed.filter(|missed| *missed > 0);
            let missed =
                missed.map(|missed| format!(", but for {} that it missed", plural(missed, "record")));
            Finding::ok(ABOUT, format!("{url}: lags behind nobody{}", missed.unwrap_or_default()))
        }
        Some(_) => Finding::ok(ABOUT, format!("{url}: catches up{rest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_copy_that_is_away_is_a_warning_with_what_it_misses() {
        let copy = |failures, waiting: Option<u64>, missed| CopyStatus {
            url: "http://c/".to_owned(),
            waiting_records: waiting,
            waiting_bytes: waiting.map(|records| records * 1024),
            oldest_unix_secs: waiting.filter(|records| *records > 0).map(|_| 100),
            missed: Some(missed),
            failures,
            failing_since_unix_secs: Some(100).filter(|_| failures > 0),
            last_failure: Some("Connection refused".to_owned()),
            last_delivered_unix_secs: None,
        };
        let limit = Some(100 * 1024);
        for (copy, limit, level, part) in [
            (copy(0, Some(0), 0), limit, Level::Ok, "http://c/: lags behind nobody; "),
            (copy(0, Some(0), 7), limit, Level::Ok, "lags behind nobody, but for 7 records that it missed"),
            (
                copy(0, Some(5), 0),
                limit,
                Level::Ok,
                "catches up; 5 records wait for it, 5 KiB, the oldest for 1 h 0 min",
            ),
            (copy(0, None, 0), limit, Level::Warning, "run this as root"),
            (
                copy(1, Some(5), 0),
                limit,
                Level::Warning,
                "fails for 1 h 0 min: Connection refused; 5 records wait",
            ),
            (
                copy(1, Some(89), 0),
                limit,
                Level::Warning,
                "89 KiB, the oldest for 1 h 0 min; see that this copy can be reached",
            ),
            (
                copy(1, Some(90), 3),
                limit,
                Level::Warning,
                "of more than 100 KiB the oldest are dropped for it",
            ),
            (copy(1, Some(90), 3), limit, Level::Warning, "; it missed 3 records; see that"),
            (
                copy(1, Some(90), 3),
                None,
                Level::Warning,
                "90 KiB, the oldest for 1 h 0 min; it missed 3 records",
            ),
            (copy(1, Some(0), 0), limit, Level::Warning, "Connection refused; see that"),
        ] {
            assert_finding(&judge_one(&copy, limit, 3700), level, part);
        }
    }
}
