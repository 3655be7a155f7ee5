//! The order of delivery.

use super::file_name::FileName;

/// Where a file stands in the order of delivery: those that were put back come behind those that were not, then age
/// counts, then the name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Position {
    /// How often it was put back since a server failed over one of its records.
    pub(crate) put_back: u16,
    /// When it was written, in nanoseconds since the epoch.
    pub(crate) modified_ns: i64,
    /// Its name.
    pub(crate) name: FileName,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::ffi::{OsStr, OsString};

    #[test]
    fn a_file_that_was_put_back_comes_behind_younger_ones() {
        let position = |put_back, modified_ns, name| Position {
            put_back,
            modified_ns,
            name: FileName::from(OsStr::new(name)),
        };
        let order = BTreeSet::from([
            position(1, 1, "a"),
            position(0, 3, "b"),
            position(0, 2, "d"),
            position(0, 2, "c"),
        ]);
        let names: Vec<_> = order.iter().map(|position| OsString::from(&position.name)).collect();
        assert_eq!(names, ["c", "d", "b", "a"]);
    }

    #[test]
    fn a_position_takes_at_most_40_bytes() {
        assert!(size_of::<Position>() <= 40);
    }
}
