//! What is sent of a crash: class and payload, of what a worker left behind.

use super::broker::WorkerResult;
use super::crash::{self, Crash};
use super::protocol::Report;
use telemetry_crash::limits::PAYLOAD_BYTES;
use telemetry_crash::report::Subject;
use telemetry_crash::report::class::{self, Class, THIRD_PARTY};
use telemetry_outbox::UnsentRecord;

/// Where the path of the executable says all: nothing has to be read. `filters` are the rules for paths.
pub fn from_path(executable: Option<&str>, filters: bool) -> Option<UnsentRecord> {
    let class = class::classify(executable, filters, false);
    class.fixed_payload.map(|text| unsent(class, text.to_owned()))
}

/// The newest report, with these remarks, and one if it is not whole; without a report, an error with what is known of the crash.
pub fn from_result(result: WorkerResult, crash: &Crash, remarks: Vec<String>, filters: bool) -> UnsentRecord {
    let known = crash.executable.as_deref();
    let (class, text) = match (result.report, result.cut_short) {
        (Some(report), cut_short) => {
            let class = class_of(known, &report, filters);
            let remarks = remarks.into_iter().chain(cut_short);
            let text =
                remarks.fold(report.text, |text, remark| crash::add_remark(&text, &remark, PAYLOAD_BYTES));
            (class, with_packages(text, &report.subjects))
        }
        (None, cut_short) => {
            let mut report = crash.report(remarks);
            report.error = Some(cut_short.unwrap_or_else(|| "The analysis found nothing.".to_owned()));
            (class::classify(known, filters, true), report.payload())
        }
    };
    unsent(class, class.fixed_payload.map_or(text, str::to_owned))
}

/// The payload with the packages that are known of the program and of the library that crashed.
fn with_packages(text: String, subjects: &[Option<Subject>; 2]) -> String {
    let lines = ["Package", "Library"].iter().zip(subjects).filter_map(|(word, subject)| {
        let package = subject.as_ref()?.package.as_ref()?;
        Some(format!("{word}: {package}\n"))
    });
    lines.fold(text, |text, line| crash::add_line(&text, &line, PAYLOAD_BYTES))
}

/// The class of a report: what was executed and the program have to be the distribution's, which differ where a dynamic
/// linker was executed; and so has the code that crashed.
fn class_of(known: Option<&str>, report: &Report, filters: bool) -> Class {
    let program = report.program.as_deref();
    let of_path = |path| class::classify(path, filters, report.failed);
    let classes = [known.or(program), program.or(known)].map(of_path);
    let of_third_party = (filters && report.is_third_party).then_some(THIRD_PARTY);
    let mut fixed = classes.into_iter().chain(of_third_party).filter(|class| class.fixed_payload.is_some());
    fixed.next().unwrap_or_else(|| of_path(known.or(program)))
}

fn unsent(class: Class, payload: String) -> UnsentRecord {
    UnsentRecord { class: class.name.to_owned(), severity: class.severity, payload }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_crash::report::class::{BACKTRACE, ERROR};

    fn crash(executable: Option<&str>) -> Crash {
        let executable = executable.map(str::to_owned);
        Crash { executable, name: Some("x".to_owned()), pid: Some(7), signal: Some(11) }
    }

    fn result(report: Option<(bool, &str)>, cut_short: Option<&str>) -> WorkerResult {
        let text = "Process: x\n\nBacktrace (TID 7):\n".to_owned();
        let report = report.map(|(failed, path)| Report {
            failed,
            is_third_party: path == "/usr/bin/third",
            program: Some(path.to_owned()),
            subjects: [None, None],
            text,
        });
        WorkerResult { report, cut_short: cut_short.map(str::to_owned), other_process: false }
    }

    #[test]
    fn what_a_worker_leaves_behind_is_sent() {
        const TIME: &str = "Time limit of 10 s reached.";
        let (usr, home) = (Some("/usr/bin/x"), Some("/home/x"));
        let whole = "Process: x\nNote: Two.\n\nBacktrace (TID 7):\n";
        let cut = "Process: x\nNote: Two.\nNote: Time limit of 10 s reached.\n\nBacktrace (TID 7):\n";
        let nothing =
            "Process: /usr/bin/x\nPID: 7\nSignal: 11\nError: Time limit of 10 s reached.\nNote: Two.\n";
        let unnamed = "Process: x\nPID: 7\nSignal: 11\nError: The analysis found nothing.\nNote: Two.\n";
        let third = "Crash from third party\n";
        for (executable, result, filters, class, text) in [
            (usr, result(Some((false, "/usr/bin/x")), None), true, BACKTRACE, whole),
            (usr, result(Some((true, "/usr/bin/x")), None), true, ERROR, whole),
            (usr, result(Some((false, "/usr/bin/x")), Some(TIME)), true, BACKTRACE, cut),
            // A dynamic linker was executed.
            (usr, result(Some((false, "/home/x")), None), true, THIRD_PARTY, third),
            (usr, result(Some((false, "/home/x")), None), false, BACKTRACE, whole),
            // A library crashed.
            (usr, result(Some((false, "/usr/bin/third")), None), true, THIRD_PARTY, third),
            (usr, result(Some((false, "/usr/bin/third")), None), false, BACKTRACE, whole),
            (usr, result(None, Some(TIME)), true, ERROR, nothing),
            (home, result(Some((false, "/usr/bin/x")), None), true, THIRD_PARTY, third),
            (home, result(Some((false, "/usr/bin/x")), None), false, BACKTRACE, whole),
            (None, result(Some((false, "/usr/bin/x")), None), true, BACKTRACE, whole),
            (None, result(Some((false, "/x")), Some(TIME)), true, THIRD_PARTY, third),
            (None, result(None, None), true, THIRD_PARTY, third),
            (None, result(None, None), false, ERROR, unnamed),
        ] {
            let shown = format!("{executable:?} {result:?}");
            let record = from_result(result, &crash(executable), vec!["Two.".to_owned()], filters);
            assert_eq!(record, unsent(class, text.to_owned()), "{shown}");
        }
    }

    #[test]
    fn a_path_may_say_all() {
        let third = Some(unsent(THIRD_PARTY, "Crash from third party\n".to_owned()));
        assert_eq!(from_path(Some("/home/x"), true), third);
        assert_eq!(from_path(None, true), third);
        assert_eq!(from_path(Some("/home/x"), false), None);
        assert_eq!(from_path(Some("/usr/bin/x"), true), None);
    }
}
