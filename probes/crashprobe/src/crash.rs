//! What is known of a crash before anything is read.

use super::cli::Args;
use telemetry_crash::report::CrashReport;

/// What the kernel puts behind the path of a file that was deleted or replaced.
const DELETED: &str = " (deleted)";

/// A crash, as the command line describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// Path of the executable.
    pub executable: Option<String>,
    /// Name of the process.
    pub name: Option<String>,
    /// Its id, as the system sees it.
    pub pid: Option<i32>,
    /// Number of the signal.
    pub signal: Option<i32>,
}

impl Crash {
    /// The crash of a command line.
    pub fn from_args(args: &Args) -> Self {
        let without_mark = |path: String| path.strip_suffix(DELETED).map(str::to_owned).unwrap_or(path);
        Self {
            executable: args.executable().map(without_mark),
            name: args.name(),
            pid: args.pid(),
            signal: args.signal(),
        }
    }

    /// The best name for it; empty if there is none.
    pub fn label(&self) -> &str {
        self.executable.as_deref().or(self.name.as_deref()).unwrap_or_default()
    }

    /// A report that says what is known.
    pub fn report(&self, remarks: Vec<String>) -> CrashReport {
        CrashReport {
            process: self.label().to_owned(),
            pid: self.pid,
            signal: self.signal,
            remarks,
            ..CrashReport::default()
        }
    }
}

/// Puts a remark into the head of a payload that is written already, and whole lines at its end out of the way.
pub fn add_remark(payload: &str, remark: &str, most_bytes: usize) -> String {
    add_line(payload, &format!("Note: {remark}\n"), most_bytes)
}

/// As [`add_remark`], a whole line.
pub fn add_line(payload: &str, line: &str, most_bytes: usize) -> String {
    let head_bytes = payload.find("\n\n").map_or(payload.len(), |end| end.saturating_add(1));
    let (head, rest) = payload.split_at_checked(head_bytes).unwrap_or((payload, ""));
    let mut text = format!("{head}{line}{rest}");
    while text.len() > most_bytes {
        let end = text.trim_end_matches('\n').rfind('\n').map_or(0, |newline| newline.saturating_add(1));
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_runtime::command_line;

    #[test]
    fn a_crash_is_called_by_the_best_that_is_known() {
        let crash = |line: &[&str]| {
            Crash::from_args(&command_line::try_parse_from::<Args>([&["x"], line].concat()).unwrap())
        };
        assert_eq!(crash(&["-p", "a", "-E", "!bin!a (deleted)"]).label(), "/bin/a");
        assert_eq!(crash(&["-p", "a"]).label(), "a");
        assert_eq!(crash(&[]).label(), "");
        let report = crash(&["-p", "a", "-s", "6", "--pid=7"]).report(vec!["So.".to_owned()]);
        assert_eq!(report.payload(), "Process: a\nPID: 7\nSignal: 6\nNote: So.\n");
    }

    #[test]
    fn a_remark_stands_in_the_head() {
        let payload = "Process: a\nPID: 7\n\nBacktrace (TID 7):\n#0 f() - [a]\n";
        let expected = "Process: a\nPID: 7\nNote: So.\n\nBacktrace (TID 7):\n#0 f() - [a]\n";
        assert_eq!(add_remark(payload, "So.", 8192), expected);
        let expected = "Process: a\nPID: 7\nNote: So.\n\nBacktrace (TID 7):\n";
        assert_eq!(add_remark(payload, "So.", payload.len()), expected);
        assert_eq!(add_remark("Process: a\n", "So.", 8192), "Process: a\nNote: So.\n");
        assert_eq!(add_remark("", "So.", 8192), "Note: So.\n");
        assert_eq!(add_remark("", "So.", 3), "");
    }
}
