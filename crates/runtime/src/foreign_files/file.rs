//! What was read of a foreign file, and whether it counts.

const ROOT: u32 = 0;

/// Write permission of group and others.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// A regular file, as one open descriptor showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignFile {
    /// Whose it is.
    pub owner: u32,
    /// Its kind and permissions.
    pub mode: u32,
    /// All that is in it.
    pub bytes: Vec<u8>,
}

/// Why what is in a file does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// It is somebody else's.
    #[error("it belongs to user {owner}, neither to root nor to the sender, user {sender}")]
    WrongOwner {
        /// Whose it is.
        owner: u32,
        /// Who sent the record.
        sender: u32,
    },
    /// Nobody knows who sent the record, and it is not root's.
    #[error("it belongs to user {0}, and without a known sender only root's counts")]
    NotRoots(u32),
    /// It may be anybody's word.
    #[error("others than its owner can write it")]
    OthersMayWrite,
}

impl ForeignFile {
    /// What is in the file, if it counts for a record of this sender: it belongs to root or to him, and nobody else can
    /// write it. Where nobody knows who sent the record, as with those of the C daemons, only a file of root counts.
    ///
    /// # Errors
    /// It does not count.
    pub fn trusted(&self, sender: Option<u32>) -> Result<&[u8], Untrusted> {
        match sender {
            _ if self.owner == ROOT => {}
            None => return Err(Untrusted::NotRoots(self.owner)),
            Some(sender) if self.owner != sender => {
                return Err(Untrusted::WrongOwner { owner: self.owner, sender });
            }
            Some(_) => {}
        }
        if self.mode & OTHERS_MAY_WRITE != 0 { Err(Untrusted::OthersMayWrite) } else { Ok(&self.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_root_or_the_sender_that_nobody_else_writes() {
        let file = |owner, mode| ForeignFile { owner, mode, bytes: b"x".to_vec() };
        let whose = |sender, owner| file(owner, 0o100_644).trusted(sender).map(<[u8]>::to_vec);
        assert_eq!(whose(Some(1000), 1000), Ok(b"x".to_vec()));
        for sender in [None, Some(0), Some(1000)] {
            assert!(whose(sender, 0).is_ok());
        }
        assert_eq!(whose(None, 1000), Err(Untrusted::NotRoots(1000)));
        for sender in [0, 1001] {
            assert_eq!(whose(Some(sender), 1000), Err(Untrusted::WrongOwner { owner: 1000, sender }));
        }
        for mode in [0o664, 0o646, 0o622] {
            assert_eq!(file(0, 0o100_000 | mode).trusted(Some(0)), Err(Untrusted::OthersMayWrite));
        }
    }
}
