//! Files of trusted certificates, and who is trusted by them.

use crate::fingerprint::Fingerprint;
use crate::limits::{TRUST_FILE_BYTES, TRUST_FILE_LINES};
use crate::line::{self, Grammar, Line, LineFault, Words};
use crate::server_address::ServerAddress;
use std::collections::{BTreeMap, HashMap};

/// A certificate that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedCertificate {
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
    /// What the line says of it.
    pub words: Words,
    /// What stands behind the words, for people.
    pub comment: String,
    /// Number of the line, from 1.
    pub line: usize,
}

/// The lines of a file, in their order, each certificate once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustList {
    certificates: Vec<TrustedCertificate>,
    /// Places in `certificates`.
    places: HashMap<Fingerprint, usize>,
    warnings: Vec<TrustWarning>,
}

/// Why a file is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustFileError {
    /// Longer than is read.
    #[error("larger than {TRUST_FILE_BYTES} bytes")]
    TooLarge,
    /// More lines than are read.
    #[error("more than {TRUST_FILE_LINES} lines")]
    TooManyLines,
    /// A line that cannot be used.
    #[error("line {line}: {fault}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// Two lines say different things of one certificate.
    #[error("line {line}: line {first} says other words of the same fingerprint; make one line of both")]
    Contradiction {
        /// The second line.
        line: usize,
        /// The first.
        first: usize,
    },
}

/// Something in a file that was probably meant otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustWarning {
    /// Its line.
    pub line: usize,
    /// The word in the comment.
    pub word: String,
}

impl std::fmt::Display for TrustWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, word } = self;
        write!(
            f,
            "line {line}: {word} stands in the comment and has no effect; it must stand before other words"
        )
    }
}

impl TrustList {
    /// Reads a file's bytes. A byte order mark and carriage returns are passed over; bytes that are not UTF-8 may stand in
    /// comments alone.
    ///
    /// # Errors
    /// The first fault, with its line: a list with a fault is not used in part.
    pub fn parse(bytes: &[u8], grammar: Grammar) -> Result<Self, TrustFileError> {
        if bytes.len() as u64 > TRUST_FILE_BYTES {
            return Err(TrustFileError::TooLarge);
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if text.lines().count() > TRUST_FILE_LINES {
            return Err(TrustFileError::TooManyLines);
        }
        let mut list = Self::default();
        for (number, text) in (1..).zip(text.lines()) {
            let line =
                line::parse(text, grammar).map_err(|fault| TrustFileError::Line { line: number, fault })?;
            if let Some(line) = line {
                list.add(line, number)?;
            }
        }
        Ok(list)
    }

    /// Adds a line, unless an earlier one says the same.
    fn add(&mut self, line: Line<'_>, number: usize) -> Result<(), TrustFileError> {
        self.warnings.extend(
            line.comment
                .split_whitespace()
                .filter(|word| ["role=", "server=", "client="].iter().any(|start| word.starts_with(start)))
                .map(|word| TrustWarning { line: number, word: word.to_owned() }),
        );
        if let Some(earlier) = self.find(&line.fingerprint) {
            if earlier.words == line.words {
                return Ok(());
            }
            return Err(TrustFileError::Contradiction { line: number, first: earlier.line });
        }
        let Line { fingerprint, words, comment } = line;
        self.push(TrustedCertificate { fingerprint, words, comment: comment.to_owned(), line: number });
        Ok(())
    }

    fn push(&mut self, certificate: TrustedCertificate) {
        self.places.insert(certificate.fingerprint, self.certificates.len());
        self.certificates.push(certificate);
    }

    /// The certificates in the order of their lines.
    pub fn certificates(&self) -> &[TrustedCertificate] {
        &self.certificates
    }

    /// What was probably meant otherwise.
    pub fn warnings(&self) -> &[TrustWarning] {
        &self.warnings
    }

    /// The line about a certificate.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<&TrustedCertificate> {
        self.certificates.get(*self.places.get(fingerprint)?)
    }

    /// The same with the lines that a daemon learned. Of a certificate that both name, what people wrote holds; one that was
    /// announced counts while the one that announced it does, and has that one's rights, whatever they are by then.
    #[must_use]
    pub fn with_learned(mut self, learned: &TrustList) -> Self {
        let mut rest: Vec<_> = learned.certificates.iter().collect();
        loop {
            let before = rest.len();
            rest.retain(|certificate| !self.add_learned(certificate));
            if rest.len() == before {
                return self;
            }
        }
    }

    /// Adds a learned line if it is in force, which may follow from another one. Returns whether it is.
    fn add_learned(&mut self, certificate: &TrustedCertificate) -> bool {
        let mut certificate = certificate.clone();
        if let Some(parent) = certificate.words.next_of {
            let Some(parent) = self.find(&parent) else { return false };
            let Words { roles, servers, client, .. } = parent.words.clone();
            certificate.words = Words { roles, servers, client, ..certificate.words };
        }
        if self.find(&certificate.fingerprint).is_none() {
            self.push(certificate);
        }
        true
    }

    /// Of these certificates those that one peer may show, together: one that was announced belongs to whoever announced it.
    pub fn by_peer(&self, certificates: impl IntoIterator<Item = Fingerprint>) -> Vec<Vec<String>> {
        let parent = |one: &Fingerprint| self.find(one)?.words.next_of;
        let mut peers = BTreeMap::<_, Vec<_>>::new();
        for fingerprint in certificates {
            let row = std::iter::successors(Some(fingerprint), parent);
            let first = row.take(self.certificates.len().max(1)).last();
            let names = peers.entry(first.unwrap_or(fingerprint)).or_default();
            let name = fingerprint.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        peers.into_values().collect()
    }

    /// The certificates that a server may have: those of its own lines; without any, those of lines that name no server. None
    /// at all means that nothing here is about it.
    pub fn of_server(&self, server: &ServerAddress) -> Vec<&TrustedCertificate> {
        let own: Vec<_> =
            self.certificates.iter().filter(|line| line.words.servers.contains(server)).collect();
        if own.is_empty() {
            self.certificates.iter().filter(|line| line.words.servers.is_empty()).collect()
        } else {
            own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Role;
    use proptest::prelude::*;

    fn certificate(name: &str) -> Fingerprint {
        Fingerprint::of_der(name.as_bytes())
    }

    fn parse(text: &str) -> Result<TrustList, String> {
        TrustList::parse(text.as_bytes(), Grammar::Administrators).map_err(|error| error.to_string())
    }

    fn names(certificates: &[&TrustedCertificate]) -> Vec<String> {
        certificates.iter().map(|certificate| certificate.comment.clone()).collect()
    }

    #[test]
    fn words_stand_before_the_comment_and_warn_within_it() {
        let a = certificate("a");
        let text = format!(
            "\u{feff}# trusted\r\n\r\n{a}  role=fetch role=read\trole=fetch the old one role=administrate\r\n"
        );
        let list = parse(&text).unwrap();
        let [line] = list.certificates() else { panic!("{list:?}") };
        assert_eq!((line.fingerprint, line.line), (a, 3));
        assert_eq!(line.words.roles, [Role::Fetch, Role::Read]);
        assert_eq!(line.comment, "the old one role=administrate");
        let warning = list.warnings()[0].to_string();
        assert_eq!(
            warning,
            "line 3: role=administrate stands in the comment and has no effect; it must stand before other words"
        );
    }

    #[test]
    fn a_fault_names_its_line() {
        let (a, b) = (certificate("a"), certificate("b"));
        for (text, expected) in [
            (format!("{a}\n{}", &b.to_string()[..40]), "line 2: a fingerprint is 64 hexadecimal digits"),
            (format!("{a} rolle=read"), "line 1: rolle=: unknown; known are role=, server= and client="),
            (format!("{a} role=root"), "line 1: role=root: must be deliver,"),
            (format!("{a} server=h"), "line 1: server=h: must be HOST:PORT"),
            (format!("{a} client=A/B"), "line 1: client=A/B: must be INSTANCE/CLASS/CODE"),
            (format!("{a} client=A/B/"), "line 1: client=A/B/: must be"),
            (format!("{a} client=A/B/C client=A/B/D"), "line 1: client= stands twice"),
            (format!("{a} role=fetch server=h:1"), "line 1: role= beside server="),
            (format!("{a} since=5"), "line 1: since=: unknown"),
            (format!("{a}\n{a} role=read"), "line 2: line 1 says other words of the same fingerprint"),
            (format!("caf\u{e9} {a}"), "line 1: a fingerprint is"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_line_twice_is_one_and_too_many_are_none() {
        let a = certificate("a");
        assert_eq!(
            parse(&format!("{a} x\n{} y\n", a.to_string().to_lowercase())).unwrap().certificates().len(),
            1
        );
        let lines: String = (0..TRUST_FILE_LINES + 1).map(|_| "#\n").collect();
        assert_eq!(parse(&lines), Err("more than 20000 lines".to_owned()));
        assert_eq!(
            parse(&"#".repeat(TRUST_FILE_BYTES as usize + 1)),
            Err("larger than 1048576 bytes".to_owned())
        );
    }

    #[test]
    fn forms_of_a_file_that_mean_the_same_and_forms_that_mean_nothing() {
        let (a, b) = (certificate("a").to_string(), certificate("b").to_string());
        let bare = |text: &str| text.replace(':', "");
        let expected = parse(&format!("{a} role=read x\n{b}\n")).unwrap();
        for same in [
            format!("{a} role=read x\r\n{b}\r\n"),
            format!("\u{feff}{a} role=read x\n{b}"),
            format!("{} role=read x\n{}\n", a.to_lowercase(), b.to_lowercase()),
            format!("{} role=read x\n{}\n", bare(&a), bare(&b).to_lowercase()),
            format!("{a}\trole=read  x\n  {b}  \n"),
            format!("{a} role=read x\n{b}\n{}\n", bare(&b)),
        ] {
            assert_eq!(parse(&same).unwrap(), expected, "{same:?}");
        }
        for (wrong, fault) in [
            (format!("{}\n{b}\n", a.replacen(':', ";", 1)), "line 1: a fingerprint is"),
            (format!("{}G\n", &a[..a.len() - 1]), "line 1: a fingerprint is"),
            (a[..a.len() / 2].to_owned(), "line 1: a fingerprint is"),
            (format!("{a} {}", "x\n".repeat(2)), "line 2: a fingerprint is"),
            (format!("{a}{b}"), "line 1: a fingerprint is"),
            (format!("{a}\u{a0}\u{feff}role=read\n{b}"), "line 1: \u{feff}role=: unknown"),
            (format!("{a}\n{b}\u{0}"), "line 2: a fingerprint is"),
            ("#\n".repeat(100_000), "more than 20000 lines"),
            (format!("{a}\n").repeat(100_000), "larger than 1048576 bytes"),
        ] {
            let error = parse(&wrong).unwrap_err();
            assert!(error.starts_with(fault), "{:?}: {error}", &wrong[..wrong.len().min(200)]);
        }
    }

    #[test]
    fn a_server_has_its_own_lines_or_those_that_name_none() {
        let text = format!(
            "{} server=one:443 one\n{} any\n{} server=two:443 two\n{} server=one:443 also one\n",
            certificate("a"),
            certificate("b"),
            certificate("c"),
            certificate("d"),
        );
        let list = parse(&text).unwrap();
        for (server, expected) in
            [("ONE:443", vec!["one", "also one"]), ("two:443", vec!["two"]), ("one:444", vec!["any"])]
        {
            assert_eq!(names(&list.of_server(&server.parse().unwrap())), expected, "{server}");
        }
    }

    #[test]
    fn what_was_announced_lives_with_who_announced_it() {
        let [a, b, c] = ["a", "b", "c"].map(certificate);
        let learned = format!("{c} next-of={b} server=h:1\n{b} next-of={a} server=h:1\n");
        let learned = TrustList::parse(learned.as_bytes(), Grammar::Learned).unwrap();
        let in_force = |text: &str| {
            let list = parse(text).unwrap().with_learned(&learned);
            list.certificates().iter().map(|line| line.fingerprint).collect::<Vec<_>>()
        };
        assert_eq!(in_force(&format!("{a} server=h:1\n")), [a, b, c]);
        assert_eq!(in_force(""), []);
        assert_eq!(in_force(&format!("{b} server=h:1\n")), [b, c]);
    }

    #[test]
    fn what_was_announced_may_what_the_one_that_announced_it_may() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(certificate);
        let learned =
            format!("{c} role=administrate next-of={b}\n{b} next-of={a}\n{d} by=announcement next-of={d}\n");
        let learned = TrustList::parse(learned.as_bytes(), Grammar::Learned).unwrap();
        for (text, roles) in [
            (format!("{a} role=fetch"), vec![Role::Fetch]),
            (format!("{a}"), vec![]),
            (format!("{a} role=read role=deliver"), vec![Role::Read, Role::Deliver]),
        ] {
            let list = parse(&text).unwrap().with_learned(&learned);
            for one in [b, c] {
                assert_eq!(list.find(&one).unwrap().words.roles, roles, "{text}");
            }
            assert_eq!(list.find(&d), None, "its own parent");
        }
        let list = parse(&format!("{a} server=h:1\n{b} role=read\n")).unwrap().with_learned(&learned);
        assert_eq!(list.find(&b).unwrap().words.roles, [Role::Read], "what people wrote of it holds");
        assert_eq!(list.find(&c).unwrap().words.roles, [Role::Read]);
        assert_eq!(list.of_server(&"h:1".parse().unwrap()).len(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = TrustList::parse(&bytes, Grammar::Learned);
        }

        #[test]
        fn what_is_written_is_read_again(names in prop::collection::btree_set("[a-z]{1,8}", 0..8), role in 0_usize..5) {
            let roles = [Role::Deliver, Role::Fetch, Role::Read, Role::Administrate, Role::Pull];
            let words = Words { roles: vec![roles[role]], ..Words::default() };
            let text: String = names.iter().map(|name| format!("{}{words} {name}\n", certificate(name))).collect();
            let list = parse(&text).unwrap();
            prop_assert_eq!(list.certificates().len(), names.len());
            for (line, name) in list.certificates().iter().zip(&names) {
                prop_assert_eq!((line.fingerprint, &line.words, &line.comment), (certificate(name), &words, name));
            }
        }
    }
}
