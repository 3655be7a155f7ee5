//! Why a record is not taken: one value for the sender's answer, the counters and the log.

use nix::errno::Errno;
use telemetry_record::wire::WireError;

/// A reason to refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The bytes are no message, or the message no record.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The classification or the severity breaks a rule.
    #[error("the classification or the severity is not valid")]
    Content,
    /// The configuration file that it names can not be trusted or used.
    #[error("the configuration file that it names can not be used: {}", .0.desc())]
    Configuration(Errno),
    /// Consent is not there.
    #[error("telemetry is not opted in")]
    NotOptedIn,
    /// The client did not send its message in time.
    #[error("the message did not come in time")]
    TimedOut,
    /// The user has too many connections.
    #[error("the user has too many connections (user_max_connections)")]
    UserConnections,
    /// The user sent too many records.
    #[error("the user sends too many records (user_records_per_minute)")]
    UserRate,
    /// The user's records fill his share of the spool.
    #[error("the user's share of the spool is full (user_spool_share)")]
    UserShare,
    /// The spool is full.
    #[error("the spool is full (spool_max_size)")]
    SpoolFull,
    /// The file system is nearly full.
    #[error("the file system of the spool is nearly full (spool_keep_free)")]
    DiskFull,
    /// The record could not be stored.
    #[error("it can not be stored: {}", .0.desc())]
    Storage(Errno),
}

impl Refusal {
    /// The error number of the answer.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            Refusal::Wire(error) => Errno::from_raw(error.errno()),
            Refusal::Content => Errno::EINVAL,
            Refusal::Configuration(errno) | Refusal::Storage(errno) => *errno,
            Refusal::NotOptedIn => Errno::ECONNREFUSED,
            Refusal::TimedOut => Errno::ETIMEDOUT,
            Refusal::UserConnections => Errno::EBUSY,
            Refusal::UserRate => Errno::EAGAIN,
            Refusal::UserShare => Errno::EDQUOT,
            Refusal::SpoolFull | Refusal::DiskFull => Errno::ENOSPC,
        }
    }

    /// The reason by which it is counted.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Refusal::Wire(WireError::TooLarge) => "too_large",
            Refusal::Wire(_) | Refusal::Content => "malformed",
            Refusal::Configuration(_) => "configuration",
            Refusal::NotOptedIn => "not_opted_in",
            Refusal::TimedOut => "timed_out",
            Refusal::UserConnections => "user_connections",
            Refusal::UserRate => "user_rate",
            Refusal::UserShare => "user_share",
            Refusal::SpoolFull => "spool_full",
            Refusal::DiskFull => "disk_full",
            Refusal::Storage(_) => "storage",
        }
    }
}
