//! What of faults is logged: each when it begins or is another one, and not more in a minute than somebody reads.

use std::collections::HashMap;

use super::limits::LOGGED;

/// The faults that machines have, by their names.
#[derive(Debug, Default)]
pub(super) struct Faults {
    now: HashMap<String, String>,
    minute: u64,
    logged: u32,
    left_out: u64,
}

impl Faults {
    /// What is logged once a machine was asked: lines.
    pub(super) fn note(&mut self, name: &str, fault: Option<&str>, now_secs: u64) -> Vec<String> {
        let line = match (fault, self.now.get(name)) {
            (Some(fault), known) if known.is_none_or(|known| known != fault) => {
                self.now.insert(name.to_owned(), fault.to_owned());
                format!("{name}: {fault}")
            }
            (None, Some(_)) => {
                self.now.remove(name);
                format!("{name}: it answers again")
            }
            _ => return Vec::new(),
        };
        let mut lines = Vec::new();
        if now_secs / 60 != self.minute {
            if self.left_out > 0 {
                lines.push(format!(
                    "{} more changes of machines; the page collector has all of them",
                    self.left_out
                ));
            }
            (self.minute, self.logged, self.left_out) = (now_secs / 60, 0, 0);
        }
        if self.logged < LOGGED {
            self.logged += 1;
            lines.push(line);
        } else {
            self.left_out += 1;
        }
        lines
    }

    /// Forgets machines that are not asked any more.
    pub(super) fn retain(&mut self, is_asked: impl Fn(&str) -> bool) {
        self.now.retain(|name, _| is_asked(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_once_and_many_are_summed() {
        let mut faults = Faults::default();
        assert_eq!(faults.note("a", None, 60), [""; 0]);
        assert_eq!(faults.note("a", Some("x"), 60), ["a: x"]);
        assert_eq!(faults.note("a", Some("x"), 61), [""; 0]);
        assert_eq!(faults.note("a", Some("y"), 62), ["a: y"]);
        assert_eq!(faults.note("a", None, 63), ["a: it answers again"]);
        for number in 0..100 {
            faults.note(&format!("m{number}"), Some("x"), 64);
        }
        let lines = faults.note("a", Some("x"), 120);
        assert_eq!(lines, ["83 more changes of machines; the page collector has all of them", "a: x"]);
        faults.retain(|name| name == "a");
        assert_eq!(faults.now.len(), 1);
    }
}
