//! Why a record is not taken: one value for the sender's answer, the counters and the log.

use nix::errno::Errno;
use telemetry_record::wire::WireError;

/// A reason to refuse, in the order in which they are asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no consent.
    #[error("telemetry is not opted in")]
    NotOptedIn,
    /// The system does not say who connected.
    #[error("the sender's user is unknown: {}", .0.desc())]
    PeerCredentials(Errno),
    /// The user has too many connections.
    #[error("the user has too many connections (user_max_connections)")]
    UserConnections,
    /// Users have as many connections as they may have together.
    #[error("too many connections are open; what is left is for users who have few, and for root")]
    ConnectionsFull,
    /// The connection cannot be waited for.
    #[error("the connection cannot be waited for: {}", .0.desc())]
    Poller(Errno),
    /// The client did not send its message in time.
    #[error("the message did not come in time")]
    TimedOut,
    /// The user sent too many records.
    #[error("the user sends too many records (user_records_per_minute)")]
    UserRate,
    /// The bytes are no message, or the message no record.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The classification or the severity breaks a rule.
    #[error("the classification or the severity is not valid")]
    Content,
    /// The configuration file that it names cannot be trusted or used.
    #[error("the configuration file that it names cannot be used: {}", .0.desc())]
    Configuration(Errno),
    /// It is on a file system that does not answer.
    #[error("the file system of the configuration file that it names does not answer")]
    ConfigurationUnanswered,
    /// The spool is full.
    #[error(
        "the spool is full (spool_max_size); of what is left, some is for users who have little there, and for root"
    )]
    SpoolFull,
    /// The user's records fill the user's share of the spool.
    #[error("the user's share of the spool is full (user_spool_share)")]
    UserShare,
    /// The file system is nearly full.
    #[error("the file system of the spool is nearly full (spool_keep_free)")]
    DiskFull,
    /// The record could not be stored.
    #[error("it cannot be stored: {}", .0.desc())]
    Storage(Errno),
}

impl Refusal {
    /// The error number of the answer.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            Refusal::NotOptedIn => Errno::ECONNREFUSED,
            Refusal::UserConnections | Refusal::ConnectionsFull => Errno::EBUSY,
            Refusal::TimedOut => Errno::ETIMEDOUT,
            Refusal::UserRate | Refusal::ConfigurationUnanswered => Errno::EAGAIN,
            Refusal::Wire(error) => Errno::from_raw(error.errno()),
            Refusal::Content => Errno::EINVAL,
            Refusal::UserShare => Errno::EDQUOT,
            Refusal::SpoolFull | Refusal::DiskFull => Errno::ENOSPC,
            Refusal::PeerCredentials(errno)
            | Refusal::Poller(errno)
            | Refusal::Configuration(errno)
            | Refusal::Storage(errno) => *errno,
        }
    }

    /// The reason by which it is counted: a name in the counters' file, in JSON, in metrics and in the journal.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Refusal::NotOptedIn => "not_opted_in",
            Refusal::PeerCredentials(_) => "peer_credentials",
            Refusal::UserConnections => "user_connections",
            Refusal::ConnectionsFull => "connections_full",
            Refusal::Poller(_) => "poller",
            Refusal::TimedOut => "timed_out",
            Refusal::UserRate => "user_rate",
            Refusal::Wire(WireError::TooLarge) => "too_large",
            Refusal::Wire(_) | Refusal::Content => "malformed",
            Refusal::Configuration(_) | Refusal::ConfigurationUnanswered => "configuration",
            Refusal::SpoolFull => "spool_full",
            Refusal::UserShare => "user_share",
            Refusal::DiskFull => "disk_full",
            Refusal::Storage(Errno::ENOSPC | Errno::EDQUOT) => "storage_no_space",
            Refusal::Storage(Errno::ENOENT) => "storage_no_spool",
            Refusal::Storage(_) => "storage",
        }
    }
}
