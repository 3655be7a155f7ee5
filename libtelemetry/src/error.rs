//! What can go wrong for a program that makes and sends records.

use nix::errno::Errno;
use std::io;
use std::path::PathBuf;
use telemetry_config::ConfigError;
use telemetry_config::consent::ConsentError;
use telemetry_files::errno_of;
use telemetry_record::classification::ClassificationError;
use telemetry_record::hex_id::HexIdError;

/// An error of making or sending a record. Nothing was stored unless a variant says so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The classification breaks a rule.
    #[error(transparent)]
    Classification(#[from] ClassificationError),
    /// The event id is not 32 lowercase hexadecimal digits.
    #[error(transparent)]
    EventId(#[from] HexIdError),
    /// A header line that the program wrote is not one.
    #[error("the header line `{0}` of the record is missing or wrong")]
    Header(&'static str),
    /// The payload has a control character that is not white space.
    #[error("a payload is text without control characters other than white space")]
    PayloadCharacter,
    /// The system gave no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(#[source] io::Error),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The user has not opted in.
    #[error("telemetry is not opted in; run `telemctl opt-in` first")]
    NotOptedIn,
    /// Whether the user has opted in cannot be seen, so that nothing is sent.
    #[error(transparent)]
    ConsentUnreadable(ConsentError),
    /// telemprobd cannot be reached or the connection broke.
    #[error("telemprobd at {}: {source}", path.display())]
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// telemprobd took the record but did not answer in time: it may or may not be stored.
    #[error("telemprobd at {} did not answer in time", path.display())]
    NoAnswer {
        /// The socket's path.
        path: PathBuf,
    },
    /// telemprobd refused the record.
    #[error("telemprobd refused the record: {}", refusal_reason(*.0))]
    Refused(Errno),
}

impl From<ConsentError> for Error {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Missing(_) => Error::NotOptedIn,
            ConsentError::Unreadable { .. } => Error::ConsentUnreadable(error),
        }
    }
}

impl Error {
    /// Whether sending the same record again cannot help: something is wrong with the record itself, or with the right
    /// to send it.
    pub fn is_final(&self) -> bool {
        use Errno::{EINVAL, EMSGSIZE, EPERM};
        match self {
            Error::Classification(_) | Error::EventId(_) | Error::Header(_) => true,
            Error::PayloadCharacter | Error::Config(_) => true,
            Error::Refused(errno) => matches!(*errno, EINVAL | EMSGSIZE | EPERM) || self.is_about_consent(),
            Error::NotOptedIn => true,
            Error::ConsentUnreadable(_) => false,
            Error::Random(_) | Error::Socket { .. } | Error::NoAnswer { .. } => false,
        }
    }

    /// Whether there is no consent, as this process or telemprobd sees it.
    pub fn is_about_consent(&self) -> bool {
        matches!(self, Error::NotOptedIn | Error::Refused(Errno::ECONNREFUSED))
    }

    /// The error number that the C interface returns, negated, for this error.
    pub fn errno(&self) -> Errno {
        match self {
            Error::Classification(_) | Error::EventId(_) | Error::Header(_) => Errno::EINVAL,
            Error::PayloadCharacter => Errno::EINVAL,
            Error::Random(source) => errno_of(source),
            Error::Config(ConfigError::Read { source, .. }) => errno_of(source),
            Error::Config(_) => Errno::EINVAL,
            Error::NotOptedIn => Errno::ECONNREFUSED,
            Error::ConsentUnreadable(ConsentError::Unreadable { source, .. }) => errno_of(source),
            Error::ConsentUnreadable(ConsentError::Missing(_)) => Errno::ECONNREFUSED,
            Error::Socket { source, .. } => errno_of(source),
            Error::NoAnswer { .. } => Errno::ETIMEDOUT,
            Error::Refused(errno) => *errno,
        }
    }
}

fn refusal_reason(errno: Errno) -> String {
    let why = match errno {
        Errno::ECONNREFUSED => "telemetry is not opted in",
        Errno::EPERM => {
            "the configuration file must belong to root or to you and be writable by its owner alone"
        }
        Errno::EMSGSIZE => "it is too large",
        Errno::EINVAL => "it is not well formed",
        Errno::ENOSPC => "the spool is full",
        Errno::EDQUOT => "your share of the spool is full",
        Errno::EBUSY => "you have too many connections to it",
        Errno::EAGAIN => "you send too many records a minute",
        _ => return errno.to_string(),
    };
    format!("{why} ({errno})")
}
