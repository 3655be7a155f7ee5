//! From an entry to a record.

use super::entry::Entry;
use serde::{Deserialize, Serialize};
use telemetry_outbox::{Finding, UnsentRecord};

/// The class of all records of this probe.
pub const CLASS: &str = "org.clearlinux/journal/error";

/// Medium.
pub const SEVERITY: u32 = 2;

/// The name by which the kernel knows this probe.
const OWN_PROGRAM: &str = "journalprobe";

/// Something that failed, as an entry of the journal says.
///
/// ```text
/// MESSAGE=foo.service: Main process exited, code=exited, status=1/FAILURE
/// UNIT=foo.service       if it is known
/// REPEATED=12            if it was there more than once
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    key: String,
    message: String,
    unit: Option<String>,
}

impl Failure {
    /// What an entry says; none if it says nothing, or if it is of this probe itself, whose complaints about
    /// telemprobd would become records otherwise, which it would complain about again.
    pub fn from_entry(entry: &Entry) -> Option<Self> {
        if entry.program.as_deref() == Some(OWN_PROGRAM) || (entry.message.is_none() && entry.unit.is_none())
        {
            return None;
        }
        let message = entry.message.clone().unwrap_or_default();
        let unit = entry.unit.clone();
        let of_unit = unit.as_deref().map(lasting_name).unwrap_or_default();
        let exit_status = entry.exit_status.as_deref().unwrap_or_default();
        let key = format!("{of_unit}\n{exit_status}\n{}", without_numbers(&message));
        Some(Self { key, message, unit })
    }
}

impl Finding for Failure {
    fn key(&self) -> &str {
        &self.key
    }

    fn record(&self, count: u64) -> UnsentRecord {
        let mut payload = format!("MESSAGE={}\n", self.message);
        if let Some(unit) = &self.unit {
            payload.push_str(&format!("UNIT={unit}\n"));
        }
        if count > 1 {
            payload.push_str(&format!("REPEATED={count}\n"));
        }
        UnsentRecord { class: CLASS.to_owned(), severity: SEVERITY, payload }
    }
}

/// A unit's name. Those that systemd-run makes up have a number or an id, a new one at each run.
fn lasting_name(unit: &str) -> String {
    if unit.starts_with("run-") { without_numbers(unit) } else { unit.to_owned() }
}

/// The text with `#` for what differs from one time to the next: process ids, counters, addresses. A hexadecimal number
/// has at least four digits, one of which is a decimal one.
fn without_numbers(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        if digits.is_empty() {
            result.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        if digits.len() >= 4 && digits.contains(|c: char| c.is_ascii_digit()) {
            result.push('#');
        } else {
            push_without_decimals(&mut result, digits);
        }
        rest = after;
    }
    result
}

fn push_without_decimals(result: &mut String, text: &str) {
    let mut is_number = false;
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if is_number => {}
            true => result.push('#'),
            false => result.push(c),
        }
        is_number = c.is_ascii_digit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(unit: &str, message: &str) -> Failure {
        let entry = Entry { unit: Some(unit.into()), message: Some(message.into()), ..Entry::default() };
        Failure::from_entry(&entry).unwrap()
    }

    #[test]
    fn the_payload_is_what_collectors_know() {
        let message = "a.service: Main process exited, code=exited, status=1/FAILURE";
        let failed = failure("a.service", message);
        assert_eq!(failed.record(1).payload, format!("MESSAGE={message}\nUNIT=a.service\n"));
        assert_eq!(failed.record(7).payload, format!("MESSAGE={message}\nUNIT=a.service\nREPEATED=7\n"));
        assert_eq!((failed.record(1).class.as_str(), failed.record(1).severity), (CLASS, 2));
        let alone = Failure::from_entry(&Entry { message: Some("x".into()), ..Entry::default() }).unwrap();
        assert_eq!(alone.record(1).payload, "MESSAGE=x\n");
        let silent =
            Failure::from_entry(&Entry { unit: Some("a.service".into()), ..Entry::default() }).unwrap();
        assert_eq!(silent.record(1).payload, "MESSAGE=\nUNIT=a.service\n");
        telemetry_record::classification::check(CLASS).unwrap();
    }

    #[test]
    fn what_the_probe_itself_says_is_no_failure() {
        let own = |program: &str| Entry {
            message: Some("telemprobd is away".into()),
            program: Some(program.into()),
            ..Entry::default()
        };
        assert_eq!(Failure::from_entry(&own("journalprobe")), None);
        assert!(Failure::from_entry(&own("systemd")).is_some());
        assert_eq!(Failure::from_entry(&Entry::default()), None);
    }

    #[test]
    fn the_same_thing_again_has_other_numbers() {
        for (one, other) in [
            ("worker 123 exited", "worker 4567 exited"),
            ("oops at 0x7ffd1234", "oops at 0x55e81238beef"),
            ("id 5de9de8d5f3c6a7d445d75ba01cc3322 lost", "id 0123456789abcdef0123456789abcdef lost"),
            ("counter is at 9.", "counter is at 10."),
        ] {
            assert_eq!(failure("a.service", one).key(), failure("a.service", other).key());
        }
        let run = |id: &str| failure(&format!("run-{id}.service"), &format!("run-{id}.service: exited")).key;
        assert_eq!(run("r5de9de8d5f3c6a7d"), run("r0123456789abcdef"));
        assert_eq!(run("u12"), run("u9"));
    }

    #[test]
    fn what_is_not_the_same_has_another_key() {
        let one = failure("getty@tty1.service", "exited");
        assert_ne!(one.key(), failure("getty@tty2.service", "exited").key());
        assert_ne!(one.key(), failure("getty@tty1.service", "started").key());
        // Text of a message cannot pass for a unit.
        assert_ne!(failure("a", "b").key(), failure("", "a b").key());
        let status = |status: &str| Entry {
            message: Some(format!("exited, status={status}/n/a")),
            exit_status: Some(status.into()),
            ..Entry::default()
        };
        let key = |entry: &Entry| Failure::from_entry(entry).unwrap().key;
        assert_ne!(key(&status("3")), key(&status("4")));
    }

    #[test]
    fn words_are_not_numbers() {
        assert_eq!(without_numbers("a bad face, feed 12 cabbages"), "a bad face, feed # cabbages");
        assert_eq!(without_numbers("sda1 eth0 ü1ü 10.0.0.1"), "sda# eth# ü#ü #.#.#.#");
        assert_eq!(without_numbers("0x12ab00ff"), "#x#");
        assert_eq!(without_numbers(""), "");
    }
}
