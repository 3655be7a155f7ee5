//! What trusted peers announced, in the file of what was learned: of each certificate the one that is to follow.

use crate::fingerprint::Fingerprint;
use crate::first_use::{LEARNED_FILE, Learning, since_now};
use crate::limits::{ANNOUNCED_IN_A_ROW, TRUST_FILE_BYTES, TRUST_FILE_LINES};
use crate::line::Words;
use crate::trust_list::TrustList;
use std::collections::HashSet;
use std::io;

/// What came of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcing {
    /// The certificate that was announced is trusted from now on, or none is any more; the files have changed.
    Changed,
    /// It was known.
    Known,
    /// Another peer announced it, which is not shared.
    OfAnother,
    /// There are too many, of this peer or in all, until a person accepts or removes some.
    TooMany,
}

impl Learning {
    /// The owner of a certificate, who is trusted and has proven its key, names the one that is to follow; none: that no other
    /// follows. One that he named before is not trusted any more.
    ///
    /// # Errors
    /// As the system says; then all is as it was.
    pub fn announce(&self, parent: Fingerprint, next: Option<Fingerprint>) -> io::Result<Announcing> {
        let _lock = self.lock()?;
        let learned = self.learned()?;
        let known = next.and_then(|next| learned.find(&next));
        match known.map(|line| line.words.next_of) {
            Some(Some(of)) if of != parent => return Ok(Announcing::OfAnother),
            Some(_) => return Ok(Announcing::Known),
            None if next.is_some() && row_before(&learned, &parent) >= ANNOUNCED_IN_A_ROW => {
                return Ok(Announcing::TooMany);
            }
            None => {}
        }
        let gone = announced_by(&learned, parent);
        let stays = learned.certificates().iter().filter(|line| !gone.contains(&line.fingerprint));
        let mut text: String = stays.map(|line| format!("{}{}\n", line.fingerprint, line.words)).collect();
        if let Some(next) = next {
            let words = Words { next_of: Some(parent), since_secs: since_now(), ..Words::default() };
            text.push_str(&format!("{next}{words}\n"));
        } else if gone.is_empty() {
            return Ok(Announcing::Known);
        }
        if text.len() as u64 > TRUST_FILE_BYTES || text.lines().count() > TRUST_FILE_LINES {
            return Ok(Announcing::TooMany);
        }
        self.replace(LEARNED_FILE, text.as_bytes()).map(|()| Announcing::Changed)
    }

    /// A certificate has become a line of people's file: it is not learned any more, nor are those from whose announcements
    /// it came. What its owner announces counts as before.
    ///
    /// # Errors
    /// As the system says; then all is as it was.
    pub fn accepted(&self, fingerprint: &Fingerprint) -> io::Result<()> {
        let _lock = self.lock()?;
        let learned = self.learned()?;
        let mut gone = vec![*fingerprint];
        while let Some(parent) = gone.last().and_then(|one| learned.find(one)?.words.next_of)
            && !gone.contains(&parent)
        {
            gone.push(parent);
        }
        self.keep(&learned, &gone).map(drop)
    }

    /// Takes away what was learned of a certificate, and what its owner announced. Returns whether there was anything.
    ///
    /// # Errors
    /// As the system says; then all is as it was.
    pub fn forget(&self, fingerprint: &Fingerprint) -> io::Result<bool> {
        let _lock = self.lock()?;
        let learned = self.learned()?;
        let gone = [vec![*fingerprint], announced_by(&learned, *fingerprint)].concat();
        self.keep(&learned, &gone)
    }

    /// Forgets what was announced by certificates that come from none of these any more. Returns whether there was anything.
    ///
    /// # Errors
    /// As the system says; then all is as it was.
    pub fn keep_rows_of(&self, is_first: impl Fn(&Fingerprint) -> bool) -> io::Result<bool> {
        let _lock = self.lock()?;
        let learned = self.learned()?;
        let leads_there = |one: &Fingerprint| {
            let parent = |one: &Fingerprint| learned.find(one)?.words.next_of;
            let mut row = std::iter::successors(parent(one), parent).take(ANNOUNCED_IN_A_ROW + 1);
            row.any(|before| is_first(&before))
        };
        let all = learned.certificates().iter().map(|line| line.fingerprint);
        let gone: Vec<_> = all.filter(|one| !leads_there(one)).collect();
        self.keep(&learned, &gone)
    }

    /// Writes what was learned without these. Returns whether they were among it.
    fn keep(&self, learned: &TrustList, gone: &[Fingerprint]) -> io::Result<bool> {
        let gone: HashSet<_> = gone.iter().collect();
        let stays: Vec<_> =
            learned.certificates().iter().filter(|line| !gone.contains(&line.fingerprint)).collect();
        if stays.len() == learned.certificates().len() {
            return Ok(false);
        }
        let text: String = stays.iter().map(|line| format!("{}{}\n", line.fingerprint, line.words)).collect();
        self.replace(LEARNED_FILE, text.as_bytes()).map(|()| true)
    }
}

/// All that its owner announced, and what was announced by these.
fn announced_by(learned: &TrustList, fingerprint: Fingerprint) -> Vec<Fingerprint> {
    let mut all = vec![fingerprint];
    loop {
        let before = all.len();
        for line in learned.certificates() {
            let of_one = line.words.next_of.is_some_and(|parent| all.contains(&parent));
            if of_one && !all.contains(&line.fingerprint) {
                all.push(line.fingerprint);
            }
        }
        if all.len() == before {
            all.remove(0);
            return all;
        }
    }
}

/// How many announcements in a row led to a certificate.
fn row_before(learned: &TrustList, fingerprint: &Fingerprint) -> usize {
    let parent = |one: &Fingerprint| learned.find(one)?.words.next_of;
    std::iter::successors(parent(fingerprint), parent).take(ANNOUNCED_IN_A_ROW).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;
    use std::path::{Path, PathBuf};

    fn identity(state_dir: &Path) -> PathBuf {
        paths::identity_dir(state_dir, "s")
    }

    fn learning_in(state_dir: &Path) -> Learning {
        std::fs::create_dir_all(identity(state_dir)).unwrap();
        Learning::open(state_dir, "s").unwrap()
    }

    fn certificate(name: &str) -> Fingerprint {
        Fingerprint::of_der(name.as_bytes())
    }

    #[test]
    fn what_a_forgotten_certificate_announced_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let learning = learning_in(dir.path());
        let [a, b, c, d] = ["a", "b", "c", "d"].map(certificate);
        let text =
            format!("{c} next-of={b}\n{b} next-of={a}\n{a} by=first-use\n{d} by=first-use server=h:1\n");
        std::fs::write(identity(dir.path()).join(LEARNED_FILE), text).unwrap();
        assert!(learning.forget(&a).unwrap());
        let learned = learning.learned().unwrap();
        assert_eq!(learned.certificates().iter().map(|line| line.fingerprint).collect::<Vec<_>>(), [d]);
    }

    #[test]
    fn a_peer_has_one_next_certificate_which_it_alone_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let learning = learning_in(dir.path());
        let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(certificate);
        let lines = || {
            let learned = learning.learned().unwrap();
            let lines = learned.certificates().iter();
            lines.map(|line| (line.fingerprint, line.words.next_of.unwrap())).collect::<Vec<_>>()
        };
        for (parent, next, expected, then) in [
            (a, None, Announcing::Known, vec![]),
            (a, Some(b), Announcing::Changed, vec![(b, a)]),
            (a, Some(b), Announcing::Known, vec![(b, a)]),
            (c, Some(b), Announcing::OfAnother, vec![(b, a)]),
            (c, Some(d), Announcing::Changed, vec![(b, a), (d, c)]),
            // In use by now, it has a next one itself.
            (b, Some(e), Announcing::Changed, vec![(b, a), (d, c), (e, b)]),
            (c, None, Announcing::Changed, vec![(b, a), (e, b)]),
            (a, Some(d), Announcing::Changed, vec![(d, a)]),
        ] {
            assert_eq!(learning.announce(parent, next).unwrap(), expected, "{parent} {next:?}");
            assert_eq!(lines(), then);
        }
        assert!(learning.learned().unwrap().certificates()[0].words.since_secs.is_some());
    }

    #[test]
    fn what_comes_from_a_certificate_that_is_known_no_more_goes() {
        let dir = tempfile::tempdir().unwrap();
        let learning = learning_in(dir.path());
        let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(certificate);
        for (parent, next) in [(a, b), (b, c), (d, e)] {
            assert_eq!(learning.announce(parent, Some(next)).unwrap(), Announcing::Changed);
        }
        let left = |first: Fingerprint| {
            let changed = learning.keep_rows_of(|one| *one == first).unwrap();
            let learned = learning.learned().unwrap();
            (changed, learned.certificates().iter().map(|line| line.fingerprint).collect::<Vec<_>>())
        };
        assert_eq!(left(a), (true, vec![b, c]));
        assert_eq!(left(a), (false, vec![b, c]));
        assert_eq!(left(b), (true, vec![c]));
        assert_eq!(left(d), (true, vec![]));
    }

    #[test]
    fn announcements_in_a_row_are_bounded_until_one_is_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let learning = learning_in(dir.path());
        let row: Vec<_> = (0..=ANNOUNCED_IN_A_ROW + 1).map(|n| certificate(&n.to_string())).collect();
        for pair in row[..=ANNOUNCED_IN_A_ROW].windows(2) {
            assert_eq!(learning.announce(pair[0], Some(pair[1])).unwrap(), Announcing::Changed);
        }
        let (last, more) = (row[ANNOUNCED_IN_A_ROW], row[ANNOUNCED_IN_A_ROW + 1]);
        assert_eq!(learning.announce(last, Some(more)).unwrap(), Announcing::TooMany);
        learning.accepted(&row[3]).unwrap();
        let learned = learning.learned().unwrap();
        assert_eq!(learned.certificates()[0].fingerprint, row[4]);
        assert_eq!(learning.announce(last, Some(more)).unwrap(), Announcing::Changed);
        assert_eq!(learning.learned().unwrap().certificates().len(), ANNOUNCED_IN_A_ROW - 2);
    }
}
