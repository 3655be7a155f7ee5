//! Where the probe stands in the journal.

use serde::{Deserialize, Serialize};

/// Where the probe stands: after an entry, or at the beginning of a boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The boot whose entries are read.
    boot: String,
    /// The last entry that was read; none if none was.
    cursor: Option<String>,
}

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// With the first entry of the boot.
    Head,
    /// With the first entry after this one, or after where it was.
    After(&'a str),
    /// With the next entry that is written.
    Tail,
}

impl Position {
    /// Where a probe that knows this position begins to read this boot. One that knows nothing of the boot begins at its
    /// first entry, or with new ones only.
    pub(super) fn start(&self, boot: &str, new_only: bool) -> Start<'_> {
        match &self.cursor {
            Some(cursor) if self.boot == boot => Start::After(cursor),
            None if self.boot == boot => Start::Head,
            _ if new_only => Start::Tail,
            _ => Start::Head,
        }
    }

    /// Stands after this entry of this boot, or at the beginning of the boot.
    pub(super) fn set(&mut self, boot: &str, cursor: Option<&str>) {
        boot.clone_into(&mut self.boot);
        self.cursor = cursor.map(str::to_owned);
    }
}

/// Whether two cursors are of one entry. An entry that journald copies, as from `/run` to `/var` at boot, gets a new
/// sequence number (`s=`, `i=`) there. Boot, times and checksum (`b=`, `m=`, `t=`, `x=`) stay with it.
pub(super) fn is_same_entry(one: &str, other: &str) -> bool {
    let lasting = |cursor: &str| cursor.split_once(";b=").map(|(_, lasting)| lasting.to_owned());
    one == other || lasting(one).is_some_and(|of_one| lasting(other) == Some(of_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_begins_where_it_ended_in_this_boot() {
        let mut position = Position::default();
        assert_eq!(position.start("b1", false), Start::Head);
        assert_eq!(position.start("b1", true), Start::Tail);
        position.set("b1", None);
        assert_eq!(
            position.start("b1", true),
            Start::Head,
            "what is there now is newer than the first start"
        );
        position.set("b1", Some("c7"));
        assert_eq!(position.start("b1", true), Start::After("c7"));
        assert_eq!(position.start("b1", false), Start::After("c7"));
        assert_eq!(position.start("b2", true), Start::Tail);
        assert_eq!(position.start("b2", false), Start::Head);
    }

    #[test]
    fn a_copied_entry_is_the_same() {
        let entry = "s=3c8;i=4d;b=be6;m=1b2;t=5a3;x=ee1";
        assert!(is_same_entry(entry, entry));
        assert!(is_same_entry(entry, "s=901;i=2;b=be6;m=1b2;t=5a3;x=ee1"));
        assert!(!is_same_entry(entry, "s=3c8;i=4d;b=be6;m=1b2;t=5a3;x=ee2"));
        assert!(!is_same_entry(entry, "s=3c8;i=4e;b=be6;m=1b3;t=5a4;x=ee1"));
        assert!(!is_same_entry("s=1", "s=2") && is_same_entry("s=1", "s=1"));
    }
}
