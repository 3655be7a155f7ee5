//! Passwords: of users who have no certificate (`pull_password_file`, as `htpasswd -B` writes it), and the one of this machine
//! (`ETC_DIR/telempulld/local_password`).

use crate::limits::PASSWORD_FILE_BYTES;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use telemetry_files::bounded_file;

/// A hash of a password that nobody has, so that an unknown user takes as long as a known one.
const NOBODY: &str = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// Most expensive hash that is compared: 2^12 rounds take a quarter of a second.
const MAX_COST: u32 = 12;

/// A user with a password, as Basic authentication has them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Login {
    /// The user's name.
    pub user: String,
    password: String,
}

impl Login {
    /// Of the value of `Authorization`.
    pub fn parse(value: &str) -> Option<Self> {
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }

    /// Whether the file has this user with this password. It takes as long as the hash is expensive.
    pub(crate) fn is_in(&self, file: &[u8]) -> bool {
        let text = String::from_utf8_lossy(file);
        let users: HashMap<_, _> = text.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let hash = users.get(self.user.as_str()).copied();
        let is_right = matches_hash(&self.password, hash.unwrap_or(NOBODY));
        hash.is_some() && is_right
    }

    /// Whether the password is this one, whatever the user. The time does not depend on where they differ.
    pub fn is_password(&self, expected: &[u8]) -> bool {
        let given = self.password.as_bytes();
        let differing = given.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b));
        differing == 0 && given.len() == expected.len() && !expected.is_empty()
    }
}

/// Hashes of another form, or too expensive ones, are no password's.
fn matches_hash(password: &str, hash: &str) -> bool {
    let cost =
        hash.strip_prefix("$2").and_then(|rest| rest.split('$').nth(1)).and_then(|cost| cost.parse().ok());
    cost.is_some_and(|cost: u32| cost <= MAX_COST) && bcrypt::verify(password, hash).unwrap_or(false)
}

/// The file of users.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    bounded_file::read_all(&bounded_file::open_regular(path)?, PASSWORD_FILE_BYTES)
}

/// The password of this machine: the first line; none if there is no file.
pub(crate) fn local(etc_dir: &Path) -> io::Result<Option<Vec<u8>>> {
    match read(&etc_dir.join("telempulld/local_password")) {
        Ok(bytes) => {
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            Ok(Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> Option<Login> {
        Login::parse(&format!("Basic {}", STANDARD.encode(text)))
    }

    #[test]
    fn users_of_the_file_are_known_by_their_passwords() {
        let hash = bcrypt::hash("right", 4).unwrap();
        let file =
            format!("# none\nann:{hash}\nbob:plain\nold:$apr1$x$y\ndear:$2y$31$CCCCCCCCCCCCCCCCCCCCC.\n");
        for (text, expected) in [
            ("ann:right", true),
            ("ann:wrong", false),
            ("ann:", false),
            ("Ann:right", false),
            ("bob:plain", false),
            ("old:x", false),
            ("dear:x", false),
            (":", false),
        ] {
            assert_eq!(login(text).unwrap().is_in(file.as_bytes()), expected, "{text}");
        }
        assert!(
            login("none").is_none()
                && Login::parse("Bearer x").is_none()
                && Login::parse("Basic !").is_none()
        );
        let file = file.replace("$2b$", "$2y$");
        assert!(login("ann:right").unwrap().is_in(file.as_bytes()), "as htpasswd writes it");
    }

    #[test]
    fn the_password_of_this_machine_is_one_line() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(local(dir.path()).unwrap(), None);
        std::fs::create_dir(dir.path().join("telempulld")).unwrap();
        std::fs::write(dir.path().join("telempulld/local_password"), "se:cret\r\nmore\n").unwrap();
        let password = local(dir.path()).unwrap().unwrap();
        assert!(login("anybody:se:cret").unwrap().is_password(&password));
        assert!(!login("anybody:se:cre").unwrap().is_password(&password));
        // An empty file is no password that everybody has.
        assert!(!login("anybody:").unwrap().is_password(b""));
    }
}
