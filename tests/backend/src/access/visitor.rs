//! Who asks, and what he may.

/// Somebody who asks for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitor {
    /// His name, where he is known.
    pub name: Option<String>,
    /// Whether he may change what pages show.
    pub may_change: bool,
    /// Whether he came with a session, which he can end.
    pub has_session: bool,
}

/// What the options say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether one has to be known to read: there are users, or a proxy names them.
    pub needs_name: bool,
    /// Who may change; empty: everybody who is known.
    pub may_change: Vec<String>,
}

impl Visitor {
    /// One who calls himself something when a change is noted.
    #[must_use]
    pub fn signature(&self) -> &str {
        self.name.as_deref().unwrap_or("(local)")
    }
}

impl Policy {
    /// A visitor whose name is known, for certain.
    #[must_use]
    pub fn known(&self, name: &str, has_session: bool) -> Visitor {
        let may_change = self.may_change.is_empty() || self.may_change.iter().any(|allowed| allowed == name);
        Visitor { name: Some(name.to_owned()), may_change, has_session }
    }

    /// A visitor without a name: none if that is not enough. `is_local`: from this machine, and not through a proxy.
    #[must_use]
    pub fn unknown(&self, is_local: bool) -> Option<Visitor> {
        (!self.needs_name).then_some(Visitor { name: None, may_change: is_local, has_session: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_users_all_read_and_this_machine_changes() {
        let open = Policy::default();
        assert!(open.unknown(true).unwrap().may_change);
        assert!(!open.unknown(false).unwrap().may_change);
    }

    #[test]
    fn with_users_only_they_read_and_those_named_change() {
        let all = Policy { needs_name: true, may_change: vec![] };
        assert_eq!(all.unknown(true), None);
        assert!(all.known("alice", true).may_change);
        let some = Policy { needs_name: true, may_change: vec!["alice".into()] };
        assert!(some.known("alice", false).may_change && !some.known("Alice", false).may_change);
    }
}
