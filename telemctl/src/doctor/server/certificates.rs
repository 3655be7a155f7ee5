//! The file of `cainfo`: an https server is believed by what stands in it, so that without it nothing is delivered.

use super::ABOUT;
use crate::doctor::finding::Finding;
use crate::doctor::ownership::{DaemonUser, Who, closed_directory, is_readable};
use std::io::{self, ErrorKind};
use std::path::Path;
use telemetry_files::bounded_file;

/// As telempost-upload bounds those of a record; a system's bundle has 250 KB.
const CERTIFICATES_BYTES: u64 = 4 << 20;

/// How a certificate in PEM begins (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
const TRUSTED_CERTIFICATE: &[u8] = b"-----BEGIN TRUSTED CERTIFICATE-----";

/// What keeps telempostd from using the file.
pub(super) fn check(path: &Path, user: &DaemonUser) -> Option<Finding> {
    let shown = path.display();
    let bytes =
        bounded_file::open_regular(path).and_then(|file| bounded_file::read_all(&file, CERTIFICATES_BYTES));
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let text = format!("cainfo {shown} cannot be read by this user");
            return Some(Finding::warning(ABOUT, text, "run this as root"));
        }
        Err(error) => return Some(unreadable(&shown.to_string(), &error)),
    };
    let has = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    if !has(CERTIFICATE) && !has(TRUSTED_CERTIFICATE) {
        let text = format!("cainfo {shown} holds no certificate in PEM: no https server is believed");
        return Some(Finding::error(
            ABOUT,
            text,
            "put the certificate of the server's authority there, in PEM",
        ));
    }
    let who = Who::User(user.uid);
    if let Some((directory, mode)) = closed_directory(path, who) {
        let directory = directory.display();
        let text = format!("cainfo {shown} cannot be read by {}: {directory} has mode {mode:04o}", user.name);
        return Some(Finding::error(ABOUT, text, format!("`chmod a+x {directory}`")));
    }
    (!is_readable(path, who)).then(|| {
        let text = format!("cainfo {shown} cannot be read by {}, as whom telempostd runs", user.name);
        Finding::error(ABOUT, text, format!("`chmod a+r {shown}`"))
    })
}

fn unreadable(shown: &str, error: &io::Error) -> Finding {
    let text = format!("cainfo {shown}: {error}: no https server is believed");
    let remedy = "put the certificate of the server's authority there, in PEM, or correct `cainfo` in the configuration (nothing: the system's certificates)";
    Finding::error(ABOUT, text, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::{Level, assert_finding};
    use super::*;
    use nix::unistd::Uid;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn each_state_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let path = dir.path().join("ca.pem");
        let me = DaemonUser { uid: Uid::effective().as_raw(), name: "me".to_owned() };
        let found = |user: &DaemonUser| check(&path, user);
        assert_finding(&found(&me).unwrap(), Level::Error, "No such file or directory");
        fs::create_dir(&path).unwrap();
        assert_finding(&found(&me).unwrap(), Level::Error, "not a regular file");
        fs::remove_dir(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_finding(&found(&me).unwrap(), Level::Error, "not a regular file");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert_finding(&found(&me).unwrap(), Level::Error, "no certificate in PEM");
        fs::File::options().write(true).open(&path).unwrap().set_len(CERTIFICATES_BYTES + 1).unwrap();
        assert_finding(&found(&me).unwrap(), Level::Error, "larger than");
        fs::write(&path, "# the authority\n-----BEGIN CERTIFICATE-----\n").unwrap();
        assert_eq!(found(&me), None);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(found(&me), None);
        let other = DaemonUser { uid: me.uid + 1, name: "telemetry".to_owned() };
        assert_finding(
            &found(&other).unwrap(),
            Level::Error,
            "read by telemetry, as whom telempostd runs; `chmod a+r ",
        );
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        assert_finding(&found(&other).unwrap(), Level::Error, "has mode 0700; `chmod a+x ");
    }
}
