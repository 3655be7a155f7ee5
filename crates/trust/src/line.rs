//! One line of a file of trusted certificates: a fingerprint, words, a comment.

use crate::fingerprint::{Fingerprint, FingerprintError};
use crate::server_address::{ServerAddress, ServerAddressError};

/// What a peer that connects may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Post records and requests to forget.
    Deliver,
    /// Empty a buffer.
    Fetch,
    /// Read pages and the interface behind them.
    Read,
    /// Change what pages can change.
    Administrate,
    /// Ask a machine for its state.
    Pull,
}

const ROLES: [(&str, Role); 5] = [
    ("deliver", Role::Deliver),
    ("fetch", Role::Fetch),
    ("read", Role::Read),
    ("administrate", Role::Administrate),
    ("pull", Role::Pull),
];

impl Role {
    /// Its word behind `role=`.
    pub fn word(self) -> &'static str {
        ROLES.iter().find(|(_, role)| *role == self).map_or("", |(word, _)| word)
    }
}

/// What a line says of its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// `role=`, in order, each once; none means what the service makes of a line without.
    pub roles: Vec<Role>,
    /// `server=`: the servers that this certificate is for.
    pub servers: Vec<ServerAddress>,
    /// `client=INSTANCE/CLASS/CODE[/SUBSYSTEM]`.
    pub client: Option<String>,
    /// `by=`, of learned lines: how it was learned.
    pub by: Option<LearnedBy>,
    /// `next-of=`, of learned lines: the trusted certificate whose owner announced this one.
    pub next_of: Option<Fingerprint>,
    /// `since=`, of learned lines: seconds since 1970.
    pub since_secs: Option<u64>,
}

/// How a line was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnedBy {
    /// The first peer in a window that a person opened.
    FirstUse,
    /// A trusted peer named its next certificate.
    Announcement,
}

impl LearnedBy {
    /// Its word behind `by=`.
    pub fn word(self) -> &'static str {
        match self {
            Self::FirstUse => "first-use",
            Self::Announcement => "announcement",
        }
    }
}

/// Who writes a file, which decides the words that may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// `trusted_certificates.cfg`, written by people.
    Administrators,
    /// `trusted_learned.cfg`, written by a daemon.
    Learned,
}

/// A line that names a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) words: Words,
    pub(crate) comment: &'a str,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// It does not begin with a fingerprint.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    /// A word with `=` that means nothing.
    #[error("{0}: unknown; known are {1}")]
    UnknownWord(String, &'static str),
    /// `role=` with something else.
    #[error("role={0}: must be deliver, fetch, read, administrate or pull")]
    Role(String),
    /// `server=` with something else.
    #[error("server={0}: {1}")]
    Server(String, ServerAddressError),
    /// `client=` with something else.
    #[error("client={0}: must be INSTANCE/CLASS/CODE or INSTANCE/CLASS/CODE/SUBSYSTEM")]
    Client(String),
    /// A word that may stand once.
    #[error("{0}= stands twice")]
    Twice(&'static str),
    /// A line about a server gives no right to connect to us.
    #[error("{0}= beside server=: a certificate of a server that we connect to gets no rights here")]
    RightOfServer(&'static str),
    /// A word of a learned line with something else.
    #[error("{0}: wrong")]
    Learned(String),
}

/// Reads a line; none for one that is empty or a comment.
pub(crate) fn parse(line: &str, grammar: Grammar) -> Result<Option<Line<'_>>, LineFault> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (fingerprint, mut rest) = first_word(line);
    let fingerprint = fingerprint.parse()?;
    let mut words = Words::default();
    loop {
        let (word, behind) = first_word(rest);
        let Some((name, value)) = word.split_once('=') else { break };
        words.add(name, value, grammar)?;
        rest = behind;
    }
    words.check()?;
    Ok(Some(Line { fingerprint, words, comment: rest }))
}

/// The text up to a blank, and what follows the blanks.
fn first_word(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

impl Words {
    fn add(&mut self, name: &str, value: &str, grammar: Grammar) -> Result<(), LineFault> {
        match (name, grammar) {
            ("role", _) => self.add_role(value),
            ("server", _) => {
                let server = value.parse().map_err(|error| LineFault::Server(value.to_owned(), error))?;
                if !self.servers.contains(&server) {
                    self.servers.push(server);
                }
                Ok(())
            }
            ("client", _) => {
                let parts = value.split('/').filter(|part| !part.is_empty()).count();
                if parts != value.split('/').count() || !(3..=4).contains(&parts) {
                    return Err(LineFault::Client(value.to_owned()));
                }
                once(&mut self.client, value.to_owned(), "client")
            }
            (_, Grammar::Learned) => self.add_learned(name, value),
            _ => Err(LineFault::UnknownWord(format!("{name}="), "role=, server= and client=")),
        }
    }

    fn add_role(&mut self, value: &str) -> Result<(), LineFault> {
        let role = ROLES.iter().find(|(word, _)| *word == value).map(|(_, role)| *role);
        let role = role.ok_or_else(|| LineFault::Role(value.to_owned()))?;
        if !self.roles.contains(&role) {
            self.roles.push(role);
        }
        Ok(())
    }

    fn add_learned(&mut self, name: &str, value: &str) -> Result<(), LineFault> {
        let wrong = || LineFault::Learned(format!("{name}={value}"));
        match name {
            "by" => {
                let all = [LearnedBy::FirstUse, LearnedBy::Announcement];
                let by = all.into_iter().find(|by| by.word() == value).ok_or_else(wrong)?;
                once(&mut self.by, by, "by")
            }
            "next-of" => once(&mut self.next_of, value.parse().map_err(|_| wrong())?, "next-of"),
            "since" => once(&mut self.since_secs, value.parse().map_err(|_| wrong())?, "since"),
            _ => Err(LineFault::UnknownWord(
                format!("{name}="),
                "role=, server=, client=, by=, next-of= and since=",
            )),
        }
    }

    fn check(&self) -> Result<(), LineFault> {
        match (self.servers.is_empty(), self.roles.is_empty(), self.client.is_none()) {
            (false, false, _) => Err(LineFault::RightOfServer("role")),
            (false, _, false) => Err(LineFault::RightOfServer("client")),
            _ => Ok(()),
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), LineFault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(LineFault::Twice(name)),
    }
}

/// The words as they stand in a file, each behind a blank.
impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for role in &self.roles {
            write!(f, " role={}", role.word())?;
        }
        for server in &self.servers {
            write!(f, " server={server}")?;
        }
        if let Some(client) = &self.client {
            write!(f, " client={client}")?;
        }
        if let Some(by) = self.by {
            write!(f, " by={}", by.word())?;
        }
        if let Some(parent) = self.next_of {
            write!(f, " next-of={parent}")?;
        }
        if let Some(since) = self.since_secs {
            write!(f, " since={since}")?;
        }
        Ok(())
    }
}
