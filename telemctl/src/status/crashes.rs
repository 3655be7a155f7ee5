//! What became of crashes, as the crash probe wrote it down.

use super::{plural, unreadable};
use crate::duration_text;
use crate::local_time;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::path::Path;
use telemetry_store::crash_history::{CrashEntry, CrashHistory, Disposition, Totals};

/// Crashes since the first one that was seen; none where the history cannot be read.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CrashStatus {
    pub(super) sent: Option<u64>,
    pub(super) left_out: Option<u64>,
    pub(super) not_sent: Option<u64>,
    pub(super) latest: Option<LatestCrash>,
    pub(crate) error: Option<String>,
}

/// The latest crash.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct LatestCrash {
    unix_secs: u64,
    pid: i32,
    executable: String,
    /// `sent`, `left_out` or `not_sent`.
    fate: &'static str,
    class: Option<String>,
    event_id: Option<String>,
    reason: Option<String>,
}

impl CrashStatus {
    pub(super) fn from_state_dir(state_dir: &Path) -> Self {
        match CrashHistory::read(state_dir) {
            Ok(history) => Self::from_history(history.unwrap_or_default()),
            Err(error) => {
                let error = unreadable(&state_dir.join("crashes.json"), &error);
                Self { error: Some(error), ..Self::default() }
            }
        }
    }

    pub(super) fn from_history(mut history: CrashHistory) -> Self {
        let Totals { sent, left_out, not_sent } = history.totals;
        Self {
            sent: Some(sent),
            left_out: Some(left_out),
            not_sent: Some(not_sent),
            latest: history.entries.pop_back().map(LatestCrash::from),
            error: None,
        }
    }

    /// The crashes for people.
    pub(super) fn lines(&self, now: u64, zone: &TimeZone) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let counts = (self.sent, self.left_out, self.not_sent);
        lines.push(match (&self.error, counts) {
            (Some(error), _) => ("Crashes", error.clone()),
            (None, (Some(sent), Some(left_out), Some(not_sent))) if sent.max(left_out).max(not_sent) > 0 => {
                let sent = plural(sent, "report");
                ("Crashes", format!("{sent} sent, {left_out} left out by the limit, {not_sent} not sent"))
            }
            _ => ("Crashes", "none was seen".to_owned()),
        });
        lines.extend(self.latest.as_ref().map(|latest| ("", latest.line(now, zone))));
        lines
    }
}

impl LatestCrash {
    fn line(&self, now: u64, zone: &TimeZone) -> String {
        let Self { unix_secs, pid, executable, fate, class, event_id, reason } = self;
        let ago = duration_text::of_secs(now.saturating_sub(*unix_secs));
        let moment = local_time::format(i64::try_from(*unix_secs).unwrap_or(i64::MAX), zone);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let what = match *fate {
            "sent" => format!("sent as {}, event {}", text(class), text(event_id)),
            "left_out" => "left out by crash_burst_limit".to_owned(),
            _ => format!("not sent: {}", text(reason)),
        };
        format!("latest {ago} ago ({moment}): {executable}, pid {pid}: {what}")
    }
}

impl From<CrashEntry> for LatestCrash {
    fn from(entry: CrashEntry) -> Self {
        let CrashEntry { unix_secs, pid, executable, disposition } = entry;
        let (fate, class, event_id, reason) = match disposition {
            Disposition::Sent { class, event_id } => ("sent", Some(class), Some(event_id), None),
            Disposition::LeftOut => ("left_out", None, None, None),
            Disposition::NotSent { reason } => ("not_sent", None, None, Some(reason)),
        };
        Self { unix_secs, pid, executable, fate, class, event_id, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_522_691_281;

    fn shown(fates: &[Disposition]) -> Vec<String> {
        let mut history = CrashHistory::default();
        for fate in fates {
            let executable = "/usr/bin/editor".to_owned();
            history.note(CrashEntry { unix_secs: NOW - 60, pid: 7, executable, disposition: fate.clone() });
        }
        let lines = CrashStatus::from_history(history).lines(NOW, &TimeZone::UTC);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn the_latest_crash_is_shown_with_what_became_of_it() {
        let sent = Disposition::Sent { class: "a/b/c".to_owned(), event_id: "00ff".to_owned() };
        let failed = Disposition::NotSent { reason: "telemprobd is away".to_owned() };
        let latest = "latest 1 min ago (Mon 2018-04-02 17:47:01 UTC): /usr/bin/editor, pid 7: ";
        assert_eq!(shown(&[]), ["none was seen"]);
        for (fates, counts, what) in [
            (
                &[failed.clone(), sent][..],
                "1 report sent, 0 left out by the limit, 1 not sent",
                "sent as a/b/c, event 00ff",
            ),
            (
                &[failed.clone(), Disposition::LeftOut],
                "0 reports sent, 1 left out by the limit, 1 not sent",
                "left out by crash_burst_limit",
            ),
            (
                &[failed],
                "0 reports sent, 0 left out by the limit, 1 not sent",
                "not sent: telemprobd is away",
            ),
        ] {
            assert_eq!(shown(fates), [counts.to_owned(), format!("{latest}{what}")]);
        }
    }

    #[test]
    fn a_history_that_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("crashes.json")).unwrap();
        let status = CrashStatus::from_state_dir(dir.path());
        assert_eq!((status.sent, status.latest.as_ref()), (None, None));
        let lines = status.lines(NOW, &TimeZone::UTC);
        assert!(
            matches!(lines.as_slice(), [("Crashes", error)] if error.contains("cannot be read")),
            "{lines:?}"
        );
    }
}
