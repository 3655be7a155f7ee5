//! What somebody may, by the certificate that he shows.

use clap::ValueEnum;
use telemetry_trust::{Fingerprint, Role};

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClientCertificates {
    /// Nobody is asked
    None,
    /// Who shows a listed one has its roles besides what everybody may
    #[default]
    Ask,
    /// Who shows no listed one is refused in the handshake; who does has its roles alone
    Require,
}

const ALL: [Role; 5] = [Role::Deliver, Role::Fetch, Role::Read, Role::Administrate, Role::Pull];

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Those of a line: without a word, what a line without words means at a collector.
    #[must_use]
    pub fn of_line(roles: &[Role]) -> Self {
        if roles.is_empty() {
            return Self::NONE.with(Role::Deliver);
        }
        roles.iter().fold(Self::NONE, |set, role| set.with(*role))
    }

    /// With one more.
    #[must_use]
    pub fn with(self, role: Role) -> Self {
        Self(self.0 | bit(role))
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether this one is among them. Who administrates reads, too.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        let wanted = if role == Role::Read { bit(role) | bit(Role::Administrate) } else { bit(role) };
        self.0 & wanted != 0
    }

    /// Whether some of these are not among `now`.
    #[must_use]
    pub fn are_lost(self, now: Self) -> bool {
        self.0 & !now.0 != 0
    }
}

fn bit(role: Role) -> u8 {
    ALL.iter().position(|other| *other == role).map_or(0, |place| 1 << place)
}

/// Who sends a request, as far as certificates say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The certificate whose key he has proven, listed or not.
    pub fingerprint: Option<Fingerprint>,
    /// Its roles.
    pub roles: Roles,
    /// Whether he may nothing else.
    pub is_bound_to_roles: bool,
    /// Whether he was asked for a certificate over TLS, by us or by a proxy of ours.
    pub is_encrypted: bool,
    /// Whether a proxy speaks for him.
    pub is_proxied: bool,
}

impl Caller {
    /// Whether he may post records and requests to forget.
    #[must_use]
    pub fn may_deliver(&self) -> bool {
        !self.is_bound_to_roles || self.roles.has(Role::Deliver)
    }

    /// Whether he may empty a buffer.
    #[must_use]
    pub fn may_fetch(&self) -> bool {
        self.is_encrypted && self.roles.has(Role::Fetch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_words_delivers_and_never_fetches_or_administrates() {
        let roles = Roles::of_line(&[]);
        for role in ALL {
            assert_eq!(roles.has(role), role == Role::Deliver, "{role:?}");
        }
        let all = Roles::of_line(&[Role::Administrate]);
        assert!(all.has(Role::Read) && !all.has(Role::Deliver) && !all.has(Role::Fetch));
    }

    #[test]
    fn a_role_is_lost_where_it_is_there_no_more() {
        let [one, two] = [&[Role::Fetch][..], &[Role::Fetch, Role::Read]].map(Roles::of_line);
        assert!(two.are_lost(one) && !one.are_lost(two) && !one.are_lost(one));
        assert!(one.are_lost(Roles::NONE) && !Roles::NONE.are_lost(one));
    }

    #[test]
    fn who_is_bound_to_his_roles_has_nothing_else() {
        let bound = Caller { is_bound_to_roles: true, ..Caller::default() };
        assert!(!bound.may_deliver() && Caller::default().may_deliver());
        let fetches = Caller { roles: Roles::of_line(&[Role::Fetch]), ..bound };
        assert!(!fetches.may_fetch(), "without TLS");
        assert!(Caller { is_encrypted: true, ..fetches }.may_fetch());
    }
}
