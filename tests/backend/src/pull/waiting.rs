//! Which machines have to have our next certificate before it is shown: all that know us by the present one.
//!
//! ```text
//!  asked for JSON: telempulld, by fingerprint= or by ca=             waited for
//!  asked by SOAP, and nothing is known of it since the start         waited for
//!                 it says at /v3/identity which certificates it has  waited for: it is telempulld
//!                 it says nothing there                              not: a security server of X-Road takes none of us
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::definition::{Definition, KnownBy};

/// Which machines have to have our next certificate.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// By what each is noted; whether it is asked by SOAP alone.
    machines: BTreeMap<String, bool>,
    /// Those that say nothing of certificates.
    silent: BTreeSet<String>,
}

impl Waiting {
    /// These are the machines from now on.
    pub(super) fn set_machines(&mut self, definitions: &[Arc<Definition>]) {
        self.machines.clear();
        for (peer, is_by_soap) in definitions.iter().filter_map(|one| Some((peer(one)?, one.is_by_soap()))) {
            let alone = self.machines.entry(peer).or_insert(true);
            *alone &= is_by_soap;
        }
        let machines = &self.machines;
        self.silent.retain(|peer| machines.contains_key(peer));
    }

    /// A machine says which certificates it has, or nothing of the kind.
    pub(super) fn note(&mut self, definition: &Definition, speaks: bool) {
        let Some(peer) = peer(definition).filter(|peer| self.machines.contains_key(peer)) else { return };
        if speaks {
            self.silent.remove(&peer);
        } else {
            self.silent.insert(peer);
        }
    }

    /// Those that are waited for; of each the one name by which it is noted.
    pub(super) fn peers(&self) -> Vec<Vec<String>> {
        let waited =
            self.machines.iter().filter(|(peer, by_soap)| !**by_soap || !self.silent.contains(*peer));
        waited.map(|(peer, _)| vec![peer.clone()]).collect()
    }
}

/// By what a machine is noted that is shown our certificate.
pub(super) fn peer(definition: &Definition) -> Option<String> {
    match &definition.known_by {
        KnownBy::Here => None,
        KnownBy::Authorities(_) => Some(definition.url.authority()),
        KnownBy::Fingerprint(first) => Some(format!("{} {first}", definition.url.authority())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::definition::definitions;
    use crate::trust::Fingerprint;

    #[test]
    fn a_security_server_is_waited_for_until_it_says_nothing_and_telempulld_always() {
        let first = Fingerprint::of_der(b"a");
        let soap = |name: &str, url: &str, known_by: &str| {
            format!("[pull {name}]\nurl={url}\n{known_by}\nkind=soap\nclient=A/B/1\nserver=A/B/2/S\n")
        };
        let text = format!(
            "[pull one]\nurl=https://h:1\nfingerprint={first}\n[pull two]\nurl=https://h:2\nca=/ca.pem\n\
             [pull here]\nurl=http://127.0.0.1:4\n{}{}{}{}",
            soap("direct", "https://h:3", &format!("fingerprint={first}")),
            soap("xroad1", "https://h:5", "ca=/ca.pem"),
            soap("xroad2", "https://h:5", "ca=/ca.pem"),
            soap("both", "https://h:2", "ca=/ca.pem"),
        );
        let machines: Vec<_> = definitions(&text).unwrap().into_iter().map(Arc::new).collect();
        let find = |name: &str| machines.iter().find(|one| one.name == name).unwrap();
        let mut waiting = Waiting::default();
        waiting.set_machines(&machines);
        let (one, direct) = (format!("h:1 {first}"), format!("h:3 {first}"));
        let names = |waiting: &Waiting| waiting.peers().concat();
        assert_eq!(names(&waiting), [&*one, "h:2", &direct, "h:5"]);
        for name in ["one", "two", "here", "both", "xroad2", "direct"] {
            waiting.note(find(name), false);
        }
        assert_eq!(names(&waiting), [&*one, "h:2"], "an old telempulld knows us as well");
        waiting.note(find("direct"), true);
        assert_eq!(names(&waiting), [&*one, "h:2", &direct]);
        // What was asked by SOAP is known over a reload, and forgotten with its section.
        waiting.set_machines(&machines);
        assert_eq!(names(&waiting), [&*one, "h:2", &direct]);
        waiting.set_machines(&[]);
        assert_eq!(waiting.peers().len(), 0);
        waiting.note(find("xroad1"), false);
        waiting.set_machines(&machines);
        assert_eq!(names(&waiting), [&*one, "h:2", &direct, "h:5"]);
    }
}
