//! Names of objects: numbers between points.

use std::fmt;
use std::str::FromStr;

/// As SNMP has it: no name has more parts.
const PARTS: usize = 128;

/// A name. Its order is that of its numbers: .10 comes behind .9.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oid(Vec<u32>);

impl Oid {
    /// This one with more parts behind it.
    pub(super) fn with(&self, parts: &[u32]) -> Self {
        Self(self.0.iter().chain(parts).copied().collect())
    }
}

/// `.1.3.6` or `1.3.6`.
impl FromStr for Oid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("must be numbers between points, at most {PARTS}");
        let parts = text.strip_prefix('.').unwrap_or(text).split('.').take(PARTS + 1);
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Option<Vec<u32>> =
            parts.map(|part| part.parse().ok().filter(|_| is_number(part))).collect();
        parts.filter(|parts| parts.len() <= PARTS).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let oid = |text: &str| text.parse::<Oid>().unwrap();
        assert!(oid(".1.3.10") > oid("1.3.9") && oid(".1.3") < oid(".1.3.0"));
        assert_eq!(oid("1.3.4294967295").to_string(), ".1.3.4294967295");
        assert_eq!(oid(".1").with(&[2, 3]).to_string(), ".1.2.3");
        let long = ".1".repeat(PARTS + 1);
        for wrong in ["", ".", "..1", "1..2", ".1.", ".-1", ".+1", ".1.x", ".4294967296", " .1", &long] {
            assert!(wrong.parse::<Oid>().is_err(), "{wrong}");
        }
    }
}
