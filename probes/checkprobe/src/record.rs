//! What is reported of a state: lines of words, and only what there is. The command never leaves the machine.
//!
//! ```text
//! Check: disk-root
//! Kind: disk
//! State: CRITICAL
//! Was: OK
//! Since: 2026-11-27T07:51:29Z
//! ```

use crate::definition::Definition;
use crate::history::Reason;
use crate::result::Measured;
use jiff::Timestamp;
use std::fmt::Write;
use telemetry_store::check_states::{CheckState, State};

/// Classification.
pub(crate) const CLASS: &str = "org.telemetrics/check/state";

/// Of the payload.
pub(crate) const PAYLOAD_VERSION: u32 = 1;

/// The severity of a state.
pub(crate) fn severity(state: State) -> u32 {
    match state {
        State::Ok => 1,
        State::Warning | State::Unknown => 2,
        State::Critical => 3,
    }
}

/// The payload.
pub(crate) fn payload(
    definition: &Definition,
    kept: &CheckState,
    reason: Reason,
    measured: &Measured,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        // Writing to a String cannot fail.
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "{name}: {value}");
        }
    };
    let (was, was_since) = match reason {
        Reason::Change { was: Some(was), was_since_unix_secs } => {
            (Some(was.word().to_owned()), Some(time(was_since_unix_secs)))
        }
        Reason::Change { was: None, .. } => (Some("PENDING".to_owned()), None),
        Reason::Flapping | Reason::Reminder(_) => (None, None),
    };
    line("Check", Some(definition.name.clone()));
    line("Kind", Some(definition.kind.word().to_owned()));
    line("Group", definition.group.as_deref().map(one_line));
    line("State", kept.state.map(|state| state.word().to_owned()));
    line("Was", was);
    line("Since", Some(time(kept.since_unix_secs)));
    line("Was-Since", was_since);
    line("Attempts", Some(definition.attempts.to_string()));
    line("Value", measured.value.map(|value| value.to_string()));
    line("Warning", definition.warning.as_ref().map(ToString::to_string));
    line("Critical", definition.critical.as_ref().map(ToString::to_string));
    line("Reminder", if let Reason::Reminder(number) = reason { Some(number.to_string()) } else { None });
    line("Flapping", (reason == Reason::Flapping).then(|| "yes".to_owned()));
    if definition.has_output {
        line("Output", Some(one_line(&measured.text)));
        line("Perfdata", Some(one_line(&measured.perfdata)));
    }
    text
}

/// ISO 8601, in UTC.
fn time(unix_secs: u64) -> String {
    let seconds = i64::try_from(unix_secs).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| unix_secs.to_string(), |time| time.to_string())
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{File, parse};

    fn definition(lines: &str) -> Definition {
        let text = format!("[disk-root]\nkind=plugin\ncommand=/p --password=secret\n{lines}");
        parse(&[File { name: "f".to_owned(), text }]).0.remove(0)
    }

    #[test]
    fn a_change_says_what_there_is_and_never_the_command() {
        let kept = CheckState {
            state: Some(State::Critical),
            since_unix_secs: 1_795_766_400,
            ..CheckState::default()
        };
        let measured = Measured {
            value: Some(2.0),
            text: "full".to_owned(),
            perfdata: "/=5%".to_owned(),
            ..Measured::default()
        };
        let change = Reason::Change { was: Some(State::Ok), was_since_unix_secs: 1_795_762_800 };
        let text = payload(&definition("critical=5:\ngroup=disks\n"), &kept, change, &measured);
        assert_eq!(
            text,
            "\
Check: disk-root
Kind: plugin
Group: disks
State: CRITICAL
Was: OK
Since: 2026-11-27T08:00:00Z
Was-Since: 2026-11-27T07:00:00Z
Attempts: 3
Value: 2
Critical: 5:
Output: full
Perfdata: /=5%
"
        );
        let text = payload(&definition("output=false\n"), &kept, Reason::Reminder(2), &measured);
        assert!(
            text.contains("\nReminder: 2\n") && !text.contains("full") && !text.contains("Was"),
            "{text}"
        );
        let text = payload(&definition(""), &kept, Reason::Flapping, &measured);
        assert!(text.contains("\nFlapping: yes\n") && !text.contains("secret"), "{text}");
    }
}
