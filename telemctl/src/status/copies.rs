//! Servers of `server_copy`: what only they have still to get, and why.

use super::counters::CounterStatus;
use super::plural;
use super::spool;
use crate::duration_text;
use crate::settings::Settings;
use serde::Serialize;
use telemetry_store::counters::Counter;
use telemetry_store::delivery_status::DeliveryStatus;
use telemetry_store::spool::COPY_DIR;
use telemetry_store::spool::copies::folder_name;

/// A server that gets each record besides. Numbers are none where its folder cannot be read.
#[derive(Debug, Serialize)]
pub(crate) struct CopyStatus {
    pub(crate) url: String,
    /// Records that only this server has still to get.
    pub(crate) waiting_records: Option<u64>,
    /// Bytes of disk blocks of their files.
    pub(crate) waiting_bytes: Option<u64>,
    /// When the oldest of these files was written.
    pub(crate) oldest_unix_secs: Option<i64>,
    /// Records that it will not get: too old, too many, or rejected.
    pub(crate) missed: Option<u64>,
    /// Tries that failed since the last one that did not.
    pub(crate) failures: u32,
    /// When the first of these was.
    pub(crate) failing_since_unix_secs: Option<u64>,
    pub(crate) last_failure: Option<String>,
    pub(crate) last_delivered_unix_secs: Option<u64>,
}

/// Each server of `server_copy`, in its order.
pub(super) fn read(settings: &Settings, counters: &[CounterStatus]) -> Vec<CopyStatus> {
    if settings.copies.is_empty() {
        return Vec::new();
    }
    let known = DeliveryStatus::read(&settings.state_dir).ok().flatten().unwrap_or_default().copies;
    let status = |url: String| {
        let folder = settings.spool_dir.join(COPY_DIR).join(folder_name(&url));
        let waiting = spool::count(&folder, &settings.spool_dir).ok();
        let known = known.iter().find(|known| known.url == url).cloned().unwrap_or_default();
        CopyStatus {
            waiting_records: waiting.as_ref().map(|waiting| waiting.records),
            waiting_bytes: waiting.as_ref().map(|waiting| waiting.disk_bytes),
            oldest_unix_secs: waiting.and_then(|waiting| waiting.oldest_secs),
            missed: missed(counters, &url),
            failures: known.failures,
            failing_since_unix_secs: known.failing_since_unix_secs,
            last_failure: known.last_failure,
            last_delivered_unix_secs: known.last_delivered_unix_secs,
            url,
        }
    };
    settings.copies.iter().map(|server| status(server.url.to_string())).collect()
}

/// None where what was counted cannot be read.
fn missed(counters: &[CounterStatus], url: &str) -> Option<u64> {
    let of_it = |counter| {
        let status = counters.iter().find(|status| status.counter == counter)?;
        status.total.map(|_| status.by_reason.get(url).copied().unwrap_or(0))
    };
    [Counter::CopyRejected, Counter::CopyExpired, Counter::CopyDropped].into_iter().map(of_it).sum()
}

impl CopyStatus {
    /// What is there to be said of it, for people.
    pub(super) fn text(&self, now: u64) -> String {
        let Self { url, .. } = self;
        let state = match (self.failures, &self.last_failure) {
            (0, _) => match self.last_delivered_unix_secs {
                Some(secs) => {
                    format!("took a record {} ago", duration_text::of_secs(now.saturating_sub(secs)))
                }
                None => "took nothing yet".to_owned(),
            },
            (_, reason) => {
                let since = self.failing_since_unix_secs.map(|secs| now.saturating_sub(secs));
                let since =
                    since.map(|secs| format!(" for {}", duration_text::of_secs(secs))).unwrap_or_default();
                format!("fails{since}: {}", reason.as_deref().unwrap_or("no reason is known"))
            }
        };
        format!("{url}: {state}{}{}", self.behind(now), self.loss())
    }

    /// What only it has still to get, and how old that is.
    pub(crate) fn behind(&self, now: u64) -> String {
        let oldest = self.oldest_unix_secs.and_then(|secs| u64::try_from(secs).ok());
        let oldest = oldest.map(|secs| {
            let age = duration_text::of_secs(now.saturating_sub(secs));
            format!(", the oldest for {age}")
        });
        match (self.waiting_records, self.waiting_bytes) {
            (Some(0), _) => String::new(),
            (Some(records), Some(bytes)) => {
                let wait = if records == 1 { "waits" } else { "wait" };
                let (records, kib) = (plural(records, "record"), bytes.div_ceil(1024));
                format!("; {records} {wait} for it, {kib} KiB{}", oldest.unwrap_or_default())
            }
            _ => "; what waits for it cannot be counted, run this as root".to_owned(),
        }
    }

    /// What it will never get.
    pub(crate) fn loss(&self) -> String {
        match self.missed {
            None | Some(0) => String::new(),
            Some(records) => format!("; it missed {}", plural(records, "record")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const NOW: u64 = 1_522_691_281;

    fn copy() -> CopyStatus {
        CopyStatus {
            url: "http://c/".to_owned(),
            waiting_records: Some(0),
            waiting_bytes: Some(0),
            oldest_unix_secs: None,
            missed: Some(0),
            failures: 0,
            failing_since_unix_secs: None,
            last_failure: Some("long ago".to_owned()),
            last_delivered_unix_secs: Some(NOW - 60),
        }
    }

    #[test]
    fn each_says_what_it_has_and_what_it_lacks() {
        let failing = |failing_since_unix_secs| CopyStatus {
            failures: 3,
            failing_since_unix_secs,
            waiting_records: Some(1),
            waiting_bytes: Some(4097),
            oldest_unix_secs: Some(NOW as i64 - 7200),
            missed: Some(2),
            ..copy()
        };
        for (copy, expected) in [
            (copy(), "http://c/: took a record 1 min ago"),
            (CopyStatus { last_delivered_unix_secs: None, ..copy() }, "http://c/: took nothing yet"),
            (
                failing(Some(NOW - 3600)),
                "http://c/: fails for 1 h 0 min: long ago; 1 record waits for it, 5 KiB, the oldest for 2 h 0 min; it missed 2 \
                 records",
            ),
            (
                CopyStatus { last_failure: None, waiting_records: None, missed: None, ..failing(None) },
                "http://c/: fails: no reason is known; what waits for it cannot be counted, run this as root",
            ),
        ] {
            assert_eq!(copy.text(NOW), expected);
        }
    }

    #[test]
    fn what_it_missed_is_of_this_url_and_unknown_where_it_cannot_be_read() {
        let status = |counter, total, url: &str| CounterStatus {
            counter,
            total,
            by_reason: BTreeMap::from([(url.to_owned(), 2), ("http://other/".to_owned(), 5)]),
        };
        let mut counters = vec![
            status(Counter::CopyRejected, Some(7), "http://c/"),
            status(Counter::CopyExpired, Some(7), "x"),
            status(Counter::CopyDropped, Some(7), "http://c/"),
        ];
        assert_eq!(missed(&counters, "http://c/"), Some(4));
        counters[1].total = None;
        assert_eq!(missed(&counters, "http://c/"), None);
    }
}
