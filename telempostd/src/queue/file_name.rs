//! Names of spool files. Many wait in memory through an outage, so those that are ids, as ours are, are kept as numbers.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use telemetry_record::hex_id::HexId;
use telemetry_store::spool::name::FileName as OwnName;

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
    /// Whether telemprobd of ours gives such names.
    pub(crate) fn is_ours(&self) -> bool {
        !matches!(self, FileName::Other(_))
    }

    /// Whether the file was made by a daemon that writes under a hidden name and renames, so that it is
    /// whole as soon as it is seen.
    pub(crate) fn is_whole_when_seen(&self) -> bool {
        self.is_ours()
    }
}

impl From<&OsStr> for FileName {
    fn from(name: &OsStr) -> Self {
        match OwnName::parse(name) {
            // Only as it would be written, since the name is made from the numbers again.
            Some(own) if *own.to_string() == *name => match own.sender {
                Some(sender) => FileName::IdOfUser(own.id.to_bytes(), sender),
                None => FileName::Id(own.id.to_bytes()),
            },
            _ => FileName::Other(name.as_bytes().into()),
        }
    }
}

impl From<&FileName> for OsString {
    fn from(name: &FileName) -> Self {
        let own = |id: &[u8; 16], sender| OwnName { id: HexId::from_bytes(*id), sender }.to_string().into();
        match name {
            FileName::Id(id) => own(id, None),
            FileName::IdOfUser(id, user) => own(id, Some(*user)),
            FileName::Other(bytes) => OsString::from_vec(bytes.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_written_as_it_was_read() {
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
    fn only_names_of_our_daemons_are_of_files_that_are_whole_when_seen() {
        let is_whole = |name| FileName::from(OsStr::new(name)).is_whole_when_seen();
        assert!(is_whole("0de9de8d5f3c6a7d445d75ba01cc3322"));
        assert!(is_whole("0de9de8d5f3c6a7d445d75ba01cc3322.1000"));
        assert!(!is_whole("aB3xY9"));
    }
}
