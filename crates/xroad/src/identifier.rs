//! Identifiers of X-Road: who asks, for which service, of which server.

use std::fmt;
use std::str::FromStr;
use telemetry_config::pull::is_part;

pub use telemetry_config::pull::Member;

/// Who asks: a member, or a subsystem of one. One is not the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId {
    /// The member.
    pub member: Member,
    /// Its subsystem; none is the member itself.
    pub subsystem: Option<String>,
}

/// A service: the member or subsystem that offers it, its code, its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceId {
    /// Who offers it.
    pub provider: ClientId,
    /// Its code.
    pub code: String,
    /// Its version.
    pub version: Option<String>,
}

/// A server: its owner and its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerId {
    /// The owner.
    pub owner: Member,
    /// Its code.
    pub code: String,
}

/// `I/C/M` or `I/C/M/S`, as in a file of trusted certificates.
impl FromStr for ClientId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (member, subsystem) = match text.match_indices('/').nth(2) {
            Some((at, _)) => text.split_at_checked(at).ok_or(())?,
            None => (text, ""),
        };
        let subsystem = subsystem.strip_prefix('/').map(str::to_owned);
        if subsystem.as_deref().is_some_and(|subsystem| !is_part(subsystem)) {
            return Err(());
        }
        Ok(Self { member: member.parse()?, subsystem })
    }
}

/// `I/C/M/S`.
impl FromStr for ServerId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (owner, code) = text.rsplit_once('/').ok_or(())?;
        if !is_part(code) {
            return Err(());
        }
        Ok(Self { owner: owner.parse()?, code: code.to_owned() })
    }
}

/// As faults have it: `MEMBER:I/C/M` or `SUBSYSTEM:I/C/M/S`.
impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subsystem {
            None => write!(f, "MEMBER:{}", self.member),
            Some(subsystem) => write!(f, "SUBSYSTEM:{}/{subsystem}", self.member),
        }
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SERVICE:{}", self.provider.member)?;
        for part in [self.provider.subsystem.as_ref(), Some(&self.code), self.version.as_ref()] {
            part.map_or(Ok(()), |part| write!(f, "/{part}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SERVER:{}/{}", self.owner, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_of_an_owner() {
        assert_eq!("a/b/c/d".parse::<ServerId>().unwrap().to_string(), "SERVER:a/b/c/d");
        for text in ["a/b/c", "a/b/c/", "/b/c/d", "a/b/c/d/e", ""] {
            assert_eq!(text.parse::<ServerId>(), Err(()), "{text}");
        }
    }

    #[test]
    fn clients_are_members_or_subsystems() {
        for (text, shown) in [
            ("a/b/c", Some("MEMBER:a/b/c")),
            ("a/b/c/d", Some("SUBSYSTEM:a/b/c/d")),
            ("a/b", None),
            ("a/b/c/", None),
            ("a/b/c/d/e", None),
        ] {
            assert_eq!(text.parse::<ClientId>().ok().map(|id| id.to_string()).as_deref(), shown, "{text}");
        }
    }
}
