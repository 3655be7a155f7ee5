//! From what is seen of a crash to what is said about it.
//!
//! ```text
//! started ──▶ gone (SIGSEGV)
//!    └──────▶ crashprobe's word ──▶ in the spool ──▶ in the journal: done
//! ```
//! Any step may be the first that is seen; those on the way to it are passed over.

use super::MADE_FOR;
use telemetry_store::crash_history::Disposition;

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By this signal.
    Signal(i32),
    /// By itself, with this code.
    Exit(i32),
}

/// Where the record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RecordPosition {
    /// It waits for delivery.
    Spool,
    /// The server refused it, for this reason.
    Rejected(String),
    /// It left; so it stands in the journal.
    DeliveryLog,
}

/// What is seen at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// None while the process is there.
    pub(super) ending: Option<Ending>,
    /// What crashprobe wrote down of this process.
    pub(super) disposition: Option<Disposition>,
    /// None while the record is nowhere.
    pub(super) record: Option<RecordPosition>,
    /// What cannot be seen, and the remedy.
    pub(super) unseen: Option<String>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Check again.
    CheckAgain,
    /// The report has arrived.
    Done,
    /// It will not, for this reason.
    Fail(String),
}

/// What was said already.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    disposition: bool,
    ending: bool,
    spool: bool,
}

const ASK_JOURNAL: &str = "`journalctl -t crashprobe` and `dmesg` may say more";

impl Steps {
    /// The lines that are new, and what is to be done next. `delivers` is whether records are posted at all.
    pub(super) fn follow(&mut self, seen: &Seen, delivers: bool) -> (Vec<String>, Next) {
        let mut lines = Vec::new();
        if let Some(Disposition::Sent { class, event_id }) = &seen.disposition
            && !std::mem::replace(&mut self.disposition, true)
        {
            lines.push(format!("crashprobe has sent a report: {class}, event {event_id}"));
        }
        if seen.ending == Some(Ending::Signal(MADE_FOR)) && !std::mem::replace(&mut self.ending, true) {
            lines.push("the process is gone, by SIGSEGV".to_owned());
        }
        let next = next(seen);
        match (&seen.record, &next) {
            (Some(RecordPosition::Spool), Next::CheckAgain) if !std::mem::replace(&mut self.spool, true) => {
                lines.push("the record is stored in the spool".to_owned());
            }
            (_, Next::Done) if delivers => {
                lines.push("the record was delivered".to_owned());
            }
            (_, Next::Done) => {
                let off = "delivery is off (record_server_delivery_enabled=false)";
                lines.push(format!("the record is in the journal and goes no further: {off}"));
            }
            _ => {}
        }
        (lines, next)
    }
}

fn next(seen: &Seen) -> Next {
    if let Some(unseen) = &seen.unseen {
        return Next::Fail(unseen.clone());
    }
    match seen.ending {
        Some(Ending::Signal(signal)) if signal != MADE_FOR => {
            return Next::Fail(format!("the process was ended by signal {signal}, not by its fault"));
        }
        Some(Ending::Exit(code)) => {
            return Next::Fail(format!("the process ended with exit code {code} and did not crash"));
        }
        _ => {}
    }
    match (&seen.disposition, &seen.record) {
        (Some(Disposition::LeftOut), _) => Next::Fail(
            "crashprobe left the report out: there were as many within an hour as crash_burst_limit allows; try again later, or raise it"
                .to_owned(),
        ),
        (Some(Disposition::NotSent { reason }), _) => {
            Next::Fail(format!("crashprobe has seen the crash and sent no report: {reason}"))
        }
        (_, Some(RecordPosition::Rejected(reason))) => {
            Next::Fail(format!("the server refused the record: {reason}; `telemctl rejected list` shows it"))
        }
        (_, Some(RecordPosition::DeliveryLog)) => Next::Done,
        // crashprobe lets the process go before it has sent: that it is gone without a word says nothing.
        _ => Next::CheckAgain,
    }
}

/// Why the report has not arrived by the deadline, and where the reason is to be found. `fault` is what last went wrong in delivery.
pub(super) fn overdue(seen: &Seen, fault: Option<&str>) -> String {
    match (&seen.disposition, &seen.record) {
        (None, _) => format!("no word of crashprobe yet; {ASK_JOURNAL}"),
        (_, Some(_)) => {
            let why = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
            format!("the record still waits in the spool{why}; `telemctl doctor` finds the reason")
        }
        (_, None) => {
            "the record is neither in the spool nor in the journal; `telemctl status` counts what was dropped"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: Option<Ending> = Some(Ending::Signal(MADE_FOR));

    fn sent() -> Option<Disposition> {
        Some(Disposition::Sent { class: "a/b/c".to_owned(), event_id: "00ff".to_owned() })
    }

    #[test]
    fn each_step_is_printed_once() {
        let seen = |ending, disposition, record| Seen { ending, disposition, record, unseen: None };
        let mut steps = Steps::default();
        for (seen, lines, next) in [
            (seen(None, None, None), &[][..], Next::CheckAgain),
            (
                seen(None, sent(), None),
                &["crashprobe has sent a report: a/b/c, event 00ff"],
                Next::CheckAgain,
            ),
            (seen(None, sent(), None), &[], Next::CheckAgain),
            (seen(GONE, sent(), None), &["the process is gone, by SIGSEGV"], Next::CheckAgain),
            (
                seen(GONE, sent(), Some(RecordPosition::Spool)),
                &["the record is stored in the spool"],
                Next::CheckAgain,
            ),
            (seen(GONE, sent(), Some(RecordPosition::Spool)), &[], Next::CheckAgain),
            (seen(GONE, sent(), None), &[], Next::CheckAgain),
            (
                seen(GONE, sent(), Some(RecordPosition::DeliveryLog)),
                &["the record was delivered"],
                Next::Done,
            ),
        ] {
            let expected: Vec<_> = lines.iter().map(ToString::to_string).collect();
            assert_eq!(steps.follow(&seen, true), (expected, next), "{seen:?}");
        }
        let all = seen(GONE, sent(), Some(RecordPosition::DeliveryLog));
        let (lines, next) = Steps::default().follow(&all, true);
        assert_eq!((lines.len(), next), (3, Next::Done), "{lines:?}");
        let (lines, next) = Steps::default().follow(&all, false);
        assert!(lines[2].contains("delivery is off") && next == Next::Done, "{lines:?}");
    }

    #[test]
    fn what_can_go_wrong_has_its_words() {
        let failed = Some(Disposition::NotSent { reason: "telemprobd is away".to_owned() });
        let refused = Some(RecordPosition::Rejected("400: no".to_owned()));
        for (seen, part) in [
            (Seen { unseen: Some("run this as root".to_owned()), ..Seen::default() }, "run this as root"),
            (Seen { ending: Some(Ending::Signal(9)), ..Seen::default() }, "ended by signal 9"),
            (Seen { ending: Some(Ending::Exit(3)), ..Seen::default() }, "exit code 3"),
            (Seen { disposition: Some(Disposition::LeftOut), ..Seen::default() }, "crash_burst_limit"),
            (Seen { disposition: failed, ..Seen::default() }, "sent no report: telemprobd is away"),
            (Seen { disposition: sent(), record: refused, ..Seen::default() }, "refused the record: 400: no"),
        ] {
            let Next::Fail(reason) = next(&seen) else { panic!("{seen:?}") };
            assert!(reason.contains(part), "{part}: {reason}");
        }
        assert_eq!(next(&Seen { ending: GONE, ..Seen::default() }), Next::CheckAgain);
    }

    #[test]
    fn the_deadline_names_what_is_missing() {
        let spool = Some(RecordPosition::Spool);
        for (seen, fault, part) in [
            (Seen::default(), None, "no word of crashprobe yet"),
            (
                Seen { disposition: sent(), ..Seen::default() },
                None,
                "neither in the spool nor in the journal",
            ),
            (
                Seen { disposition: sent(), record: spool.clone(), ..Seen::default() },
                None,
                "in the spool; `telemctl doctor`",
            ),
            (
                Seen { disposition: sent(), record: spool, ..Seen::default() },
                Some("h: no"),
                "in the spool: h: no; `telemctl",
            ),
        ] {
            let text = overdue(&seen, fault);
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
