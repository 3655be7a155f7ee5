//! The configuration file that a sender names (`CFG:`). Any local user may name one, so that it counts only if it belongs to
//! root or the sender and nobody else could have written it.

use super::refusal::Refusal;
use nix::errno::Errno;
use std::cell::OnceCell;
use std::path::Path;
use telemetry_files::errno_of;
use telemetry_runtime::foreign_files::{FileError, ForeignFile};

/// Such a file, as it was read for records that name it.
#[derive(Debug)]
pub(crate) struct SenderConfig {
    file: Result<ForeignFile, FileError>,
    /// Whether it names a server, once somebody has asked whose file it may be: it is parsed once for all records.
    has_server: OnceCell<bool>,
}

impl SenderConfig {
    /// What was read, or why nothing was.
    pub(crate) fn new(file: Result<ForeignFile, FileError>) -> Self {
        Self { file, has_server: OnceCell::new() }
    }

    /// Whether a record of this sender may go where the file says. `path` is how the record names it.
    pub(super) fn check(&self, path: &Path, sender: u32) -> Result<(), Refusal> {
        let file = self.file.as_ref().map_err(|error| match error {
            FileError::Io(error) => Refusal::Configuration(errno_of(error)),
            FileError::NoAnswer(_) => Refusal::ConfigurationUnanswered,
        })?;
        let bytes = file.trusted(Some(sender)).map_err(|_| Refusal::Configuration(Errno::EPERM))?;
        // Without a server telempostd would have nobody to deliver the record to: the sender learns that now.
        let names_server =
            || telemetry_config::server_of(path, bytes.to_vec()).is_ok_and(|server| !server.url.is_empty());
        if *self.has_server.get_or_init(names_server) {
            Ok(())
        } else {
            Err(Refusal::Configuration(Errno::EINVAL))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::time::Instant;
    use telemetry_runtime::foreign_files::NoAnswer;

    const USER: u32 = 1000;

    fn verdict(owner: u32, mode: u32, lines: &str) -> Result<(), Refusal> {
        let file = ForeignFile { owner, mode, bytes: format!("[settings]\n{lines}\n").into() };
        SenderConfig::new(Ok(file)).check(Path::new("/t.conf"), USER)
    }

    #[test]
    fn only_files_of_root_or_the_sender_that_nobody_else_writes() {
        for owner in [0, USER] {
            assert_eq!(verdict(owner, 0o100_644, "server=http://h/"), Ok(()));
        }
        for (owner, mode) in [(USER + 1, 0o644), (USER, 0o664), (USER, 0o646)] {
            let refused = Err(Refusal::Configuration(Errno::EPERM));
            assert_eq!(verdict(owner, mode, "server=http://h/"), refused);
        }
        for useless in [
            "server=gopher://h/",
            "server=",
            "server=http://h/\ntidheader=Content-Length: 0",
            "server=http://h/\ntidheader=Telemetry-Set: 1",
        ] {
            let refused = Err(Refusal::Configuration(Errno::EINVAL));
            assert_eq!(verdict(USER, 0o644, useless), refused, "{useless}");
        }
    }

    #[test]
    fn a_file_that_was_not_read_is_refused_with_the_reason() {
        let check =
            |error: FileError| SenderConfig::new(Err(error)).check(Path::new("/t.conf"), USER).unwrap_err();
        let error = io::Error::from_raw_os_error(Errno::ENOENT as i32);
        assert_eq!(check(error.into()), Refusal::Configuration(Errno::ENOENT));
        let unanswered = check(NoAnswer { retry: Instant::now() }.into());
        assert_eq!((unanswered.errno(), unanswered.reason()), (Errno::EAGAIN, "configuration"));
    }
}
