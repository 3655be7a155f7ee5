//! What was sent and answered, held against what is where in the end.

use super::exchange::Answer;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use telemetry_store::spool::StoredRecord;

/// A record that the collector has or that waits in a spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What the collector keeps of its idempotency key: the first 16 bytes of its SHA-256, in hex.
    pub key: String,
    /// Its payload, which no other record that was sent has.
    pub payload: String,
}

impl From<StoredRecord> for Kept {
    fn from(record: StoredRecord) -> Self {
        let digest = Sha256::digest(record.id.to_string());
        let key = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { key, payload: record.message.payload }
    }
}

/// What senders know.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Payloads that were answered with 0.
    pub answered: HashSet<String>,
    /// Payloads of which nothing is known: the daemon ended before it answered.
    pub unanswered: HashSet<String>,
    /// Payloads that were refused.
    pub refused: HashSet<String>,
    /// How many were refused, by errno value.
    pub refusals: BTreeMap<i32, usize>,
}

impl Account {
    /// Notes what became of a record.
    pub fn note(&mut self, payload: String, answer: Answer) {
        match answer {
            Answer::Stored => drop(self.answered.insert(payload)),
            Answer::None => drop(self.unanswered.insert(payload)),
            Answer::Refused(errno) => {
                *self.refusals.entry(errno).or_default() += 1;
                self.refused.insert(payload);
            }
        }
    }

    /// Takes over what another sender knows.
    pub fn add(&mut self, other: Account) {
        self.answered.extend(other.answered);
        self.unanswered.extend(other.unanswered);
        self.refused.extend(other.refused);
        for (errno, count) in other.refusals {
            *self.refusals.entry(errno).or_default() += count;
        }
    }

    /// Holds it against what is kept. Every answered record must be there, as it was sent, and no record
    /// twice: the same one under one key may wait in the spool and be at the collector, since a kill came
    /// between. One whose answer was lost may be there.
    ///
    /// # Errors
    /// What is missing, twice or not as it was sent.
    pub fn check(&self, collected: &[Kept], spooled: &[Kept]) -> Result<(), String> {
        let mut keys: HashMap<&str, &str> = HashMap::new();
        for kept in [collected, spooled] {
            let mut here = HashSet::new();
            for Kept { key, payload } in kept {
                if !here.insert(payload) {
                    return Err(format!("twice in one place, last under {key}: {payload:?}"));
                }
                if let Some(other) = keys.insert(payload, key)
                    && other != key
                {
                    return Err(format!(
                        "at the collector as {other} and in the spool as {key}: {payload:?}"
                    ));
                }
                if ![&self.answered, &self.unanswered].iter().any(|sent| sent.contains(payload)) {
                    let was = if self.refused.contains(payload) { "was refused" } else { "was never sent" };
                    return Err(format!("{key} {was}: {payload:?}"));
                }
            }
        }
        let mut lost = self.answered.iter().filter(|payload| !keys.contains_key(payload.as_str()));
        match lost.next() {
            None => Ok(()),
            Some(first) => Err(format!("{} answered records are lost, as {first:?}", 1 + lost.count())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(key: &str, payload: &str) -> Kept {
        Kept { key: key.to_owned(), payload: payload.to_owned() }
    }

    #[test]
    fn losses_doubles_and_strangers_are_found() {
        let mut account = Account::default();
        for (payload, answer) in
            [("a", Answer::Stored), ("b", Answer::Stored), ("c", Answer::None), ("d", Answer::Refused(-28))]
        {
            account.note(payload.to_owned(), answer);
        }
        let (a, b, c, d) = (kept("1", "a"), kept("2", "b"), kept("3", "c"), kept("4", "d"));
        for (collected, spooled, wrong) in [
            (vec![&a], vec![&b], ""),
            (vec![&a, &c], vec![&b, &a], ""),
            (vec![&a], vec![], "lost"),
            (vec![&a, &b, &kept("9", "a")], vec![], "twice"),
            (vec![&a, &b], vec![&kept("9", "a")], "at the collector as 1"),
            (vec![&a, &b, &d], vec![], "was refused"),
            (vec![&a, &b, &kept("5", "half")], vec![], "never sent"),
        ] {
            let owned = |kept: Vec<&Kept>| kept.into_iter().cloned().collect::<Vec<_>>();
            let result = account.check(&owned(collected), &owned(spooled));
            match wrong {
                "" => assert_eq!(result, Ok(())),
                _ => assert!(result.clone().unwrap_err().contains(wrong), "{result:?}"),
            }
        }
    }
}
