//! The password file: what `htpasswd -B` writes.
//!
//! ```text
//! # who may read; lines of this kind and empty ones are passed over
//! alice:$2y$10$LtyB...       a name, a colon, a bcrypt hash
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes of the file: some ten thousand users.
const FILE_BYTES: u64 = 1024 * 1024;

const NAME_BYTES: usize = 64;

/// A cost of 14 is a second of work; at 31 one try would take a day, and all others would wait for it.
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// Names and the hashes of their passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Users(BTreeMap<String, String>);

/// Why there are no users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersError {
    path: PathBuf,
    reason: String,
}

impl Users {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, others may write it, or a line is no user with a bcrypt hash.
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let wrong = |reason: String| UsersError { path: path.to_owned(), reason };
        let found = fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
        if found.mode() & 0o022 != 0 {
            return Err(wrong("its group or others may write it; run chmod go-w on it".to_owned()));
        }
        if found.len() > FILE_BYTES || !found.is_file() {
            return Err(wrong("it is no file, or larger than 1 MiB".to_owned()));
        }
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    /// Reads what is in a file.
    ///
    /// # Errors
    /// Names the first wrong line, and never what is in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut users = BTreeMap::new();
        for (number, line) in (1_u32..).zip(text.trim_start_matches('\u{feff}').lines().map(str::trim_end)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash) = line.split_once(':').ok_or(format!("line {number} has no colon"))?;
            if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
                return Err(format!(
                    "line {number}: a name has 1 to {NAME_BYTES} bytes and no control characters"
                ));
            }
            if !is_bcrypt(hash) {
                return Err(format!(
                    "line {number} has no bcrypt hash with a cost of {} to {}; make one with htpasswd -B",
                    COSTS.start(),
                    COSTS.end()
                ));
            }
            if users.insert(name.to_owned(), hash.to_owned()).is_some() {
                return Err(format!("line {number} names a user again"));
            }
        }
        Ok(Self(users))
    }

    /// The hash to compare with, or none.
    #[must_use]
    pub fn hash(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

fn is_bcrypt(hash: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    let mut parts = hash.split('$');
    let (Some(""), Some(version), Some(cost), Some(rest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    ["2a", "2b", "2x", "2y"].contains(&version)
        && cost.len() == 2
        && cost.parse().is_ok_and(|cost| COSTS.contains(&cost))
        && rest.len() == 53
        && rest.bytes().all(is_base64)
}

/// Hashes are not for logs.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the users in {}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for UsersError {}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$04$abcdefghijklmnopqrstuuDX0p7hZPj2yJQ8yK3eG0QW3cM1b9M2K";

    #[test]
    fn a_file_of_htpasswd_is_read() {
        let users = Users::parse(&format!("\u{feff}# all\n\nalice:{HASH}\r\nbob b:{HASH}\n")).unwrap();
        assert_eq!(
            (users.hash("alice"), users.hash("bob b"), users.hash("eve")),
            (Some(HASH), Some(HASH), None)
        );
        assert!(!format!("{users:?}").contains("$2y$"), "{users:?}");
    }

    #[test]
    fn other_hashes_and_wrong_lines_are_named_and_not_repeated() {
        for line in [
            "alice".to_owned(),
            format!(":{HASH}"),
            "alice:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=".to_owned(),
            "alice:$apr1$aaaa$bbbbbbbbbbbbbbbbbbbbbb".to_owned(),
            "alice:secret".to_owned(),
            format!("alice:{}", HASH.replace("$04$", "$31$")),
            format!("alice:{HASH}x"),
            format!("ali\u{7}ce:{HASH}"),
        ] {
            let error = Users::parse(&format!("bob:{HASH}\n{line}\n")).unwrap_err();
            assert!(error.starts_with("line 2") && !error.contains("secret"), "{error}");
        }
        assert!(Users::parse(&format!("a:{HASH}\na:{HASH}")).unwrap_err().starts_with("line 2"));
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        fs::write(&path, format!("alice:{HASH}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Users::read(&path).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
        assert!(Users::read(&path).unwrap_err().to_string().contains("chmod go-w"));
        assert!(Users::read(directory.path()).is_err());
        assert!(Users::read(&directory.path().join("none")).is_err());
    }
}
