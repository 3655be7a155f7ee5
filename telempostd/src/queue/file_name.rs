//! Files that wait, in the order of delivery. 50,000 of them take about 3 MB, so that names which are ids,
//! as ours are, are kept as numbers.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use telemetry_record::hex_id::HexId;

/// The name of a spool file.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum FileName {
    /// 32 hex digits, an id.
    Id([u8; 16]),
    /// An id, a point, and the user id of the sender.
    IdOfUser([u8; 16], u32),
    /// Any other, as the six characters of the C daemons.
    Other(Box<[u8]>),
}

impl FileName {
    /// Whether the file was made by a daemon that writes under a hidden name and renames, so that it is
    /// whole as soon as it is seen.
    pub(crate) fn is_whole_when_seen(&self) -> bool {
        !matches!(self, FileName::Other(_))
    }
}

impl From<&OsStr> for FileName {
    fn from(name: &OsStr) -> Self {
        name.to_str().and_then(parse_ours).unwrap_or_else(|| FileName::Other(name.as_bytes().into()))
    }
}

impl From<&FileName> for OsString {
    fn from(name: &FileName) -> Self {
        match name {
            FileName::Id(id) => HexId::from_bytes(*id).to_string().into(),
            FileName::IdOfUser(id, user) => format!("{}.{user}", HexId::from_bytes(*id)).into(),
            FileName::Other(bytes) => OsString::from_vec(bytes.to_vec()),
        }
    }
}

fn parse_ours(name: &str) -> Option<FileName> {
    let Some((id, user)) = name.split_once('.') else {
        return parse_id(name).map(FileName::Id);
    };
    let number: u32 = user.parse().ok()?;
    // Only as it would be written, since the name is made from the number again.
    (number.to_string() == user).then_some(FileName::IdOfUser(parse_id(id)?, number))
}

fn parse_id(digits: &str) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != id.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in id.iter_mut().zip(pairs) {
        *byte = hex_value(*high)? << 4 | hex_value(*low)?;
    }
    Some(id)
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A file with its place in the order: those that were put back come behind those that were not, then
/// age counts, then the name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    /// How often it was put back, see [`crate::exchange::response::Setback::may_be_the_record`].
    pub(crate) put_back: u16,
    /// When it was written, in nanoseconds since the epoch.
    pub(crate) modified_ns: i64,
    /// Its name.
    pub(crate) name: FileName,
}

/// Files in the order of delivery.
#[derive(Debug, Default)]
pub(crate) struct Backlog(BTreeSet<Place>);

impl Backlog {
    /// Adds a file; one that is there already is there once.
    pub(crate) fn insert(&mut self, place: Place) {
        self.0.insert(place);
    }

    /// The first file.
    pub(crate) fn first(&self) -> Option<&Place> {
        self.0.first()
    }

    /// Takes the first file.
    pub(crate) fn pop_first(&mut self) -> Option<Place> {
        self.0.pop_first()
    }

    /// Takes a file out.
    pub(crate) fn remove(&mut self, place: &Place) {
        self.0.remove(place);
    }

    /// Whether this file is there, at this place.
    pub(crate) fn contains(&self, place: &Place) -> bool {
        self.0.contains(place)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive() {
        for name in [
            "0de9de8d5f3c6a7d445d75ba01cc3322",
            "ffffffffffffffffffffffffffffffff",
            "0de9de8d5f3c6a7d445d75ba01cc3322.0",
            "0de9de8d5f3c6a7d445d75ba01cc3322.4294967295",
            "0de9de8d5f3c6a7d445d75ba01cc3322.4294967296",
            "0de9de8d5f3c6a7d445d75ba01cc3322.+5",
            "0de9de8d5f3c6a7d445d75ba01cc3322.05",
            "0de9de8d5f3c6a7d445d75ba01cc3322.",
            "aB3xY9",
            "aB3xY9.5",
            "0DE9DE8D5F3C6A7D445D75BA01CC3322",
            "0de9de8d5f3c6a7d445d75ba01cc332",
            "+de9de8d5f3c6a7d445d75ba01cc3322",
        ] {
            assert_eq!(OsString::from(&FileName::from(OsStr::new(name))), OsStr::new(name));
        }
        let bytes = OsStr::from_bytes(b"\xff\xfe");
        assert_eq!(OsString::from(&FileName::from(bytes)), bytes);
    }

    #[test]
    fn only_our_names_are_whole_when_seen() {
        let is_whole = |name| FileName::from(OsStr::new(name)).is_whole_when_seen();
        assert!(is_whole("0de9de8d5f3c6a7d445d75ba01cc3322"));
        assert!(is_whole("0de9de8d5f3c6a7d445d75ba01cc3322.1000"));
        assert!(!is_whole("aB3xY9"));
    }

    #[test]
    fn age_orders_behind_having_been_put_back() {
        let place = |put_back, modified_ns, name| Place {
            put_back,
            modified_ns,
            name: FileName::from(OsStr::new(name)),
        };
        let mut backlog = Backlog::default();
        for place in [place(1, 1, "a"), place(0, 3, "b"), place(0, 2, "d"), place(0, 2, "c")] {
            backlog.insert(place);
        }
        let mut names = Vec::new();
        while let Some(place) = backlog.pop_first() {
            names.push(OsString::from(&place.name));
        }
        assert_eq!(names, ["c", "d", "b", "a"]);
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<Place>() <= 40);
    }
}
