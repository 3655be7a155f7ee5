//! Parses in the background: what is new, parser by parser, never on the way of a post.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Broken, Parser, Plugins};
use crate::storage::values::{self, Parsed, Unparsed};
use crate::storage::{StorageError, Store};

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(2);

/// Rounds between two times that what is left of records that are gone is removed: some hours.
const ROUNDS_TO_TIDY: u32 = 10_000;

/// Records that a parser gets at a time.
const BATCH: usize = 200;

/// Tries of a record.
const TRIES: u32 = 3;

/// Records that fail one after the other, after which the parser itself is at fault.
const FAILURES: u32 = 5;

/// What became of parsers while they ran, for the page `collector`.
pub type Troubles = Arc<Mutex<Vec<Broken>>>;

/// Parses what is new, until it is ended.
pub async fn parse_forever(store: Store, plugins: Arc<Plugins>, troubles: Troubles) {
    let mut works: Vec<bool> = plugins.parsers.iter().map(|_| true).collect();
    for number in 1_u32.. {
        if number.is_multiple_of(ROUNDS_TO_TIDY) {
            let store = store.clone();
            // It is tried again, some hours later.
            let _ = tokio::task::spawn_blocking(move || values::tidy(&mut *store.maintenance()?)).await;
        }
        for (parser, works) in plugins.parsers.iter().zip(&mut works) {
            while *works {
                match round(&store, &plugins, &parser.name).await {
                    Ok(Round::More(failures)) => note_failures(&troubles, &parser.name, failures),
                    Ok(Round::Done(failures)) => {
                        note_failures(&troubles, &parser.name, failures);
                        break;
                    }
                    Ok(Round::Broken(reason)) => {
                        note(
                            &troubles,
                            &parser.name,
                            format!("it is not asked until the next start: {reason}"),
                        );
                        *works = false;
                    }
                    // The database is gone for now.
                    Err(_) => break,
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The last trouble of a parser is the one that is known.
fn note(troubles: &Troubles, parser: &str, reason: String) {
    let broken = Broken { file: format!("{parser}.parser"), reason };
    let mut troubles = troubles.lock().unwrap_or_else(PoisonError::into_inner);
    troubles.retain(|known| known.file != broken.file);
    troubles.push(broken);
}

fn note_failures(troubles: &Troubles, parser: &str, failures: Option<Failures>) {
    if let Some(Failures { records, reason }) = failures {
        let last = format!(
            "it made nothing of {records} records that it was given together; of the last one: {reason}"
        );
        note(troubles, parser, last);
    }
}

/// Records of which a parser made nothing, each after its tries.
struct Failures {
    records: u32,
    /// Of the last one.
    reason: String,
}

enum Round {
    More(Option<Failures>),
    Done(Option<Failures>),
    Broken(String),
}

async fn round(store: &Store, plugins: &Arc<Plugins>, name: &str) -> Result<Round, StorageError> {
    let (plugins, name, store) = (Arc::clone(plugins), name.to_owned(), store.clone());
    let work = move || {
        let Some(parser) = plugins.parsers.iter().find(|parser| parser.name == name) else {
            return Ok(Round::Done(None));
        };
        let mut session = store.maintenance()?;
        let due = values::due(&mut *session, parser.of_parser(), BATCH)?;
        if due.records.is_empty() {
            values::keep(&mut *session, parser.of_parser(), &[], due.done_to, 0)?;
            return Ok(Round::Done(None));
        }
        let is_full = due.records.len() >= BATCH;
        match parse(parser, &due.records) {
            Err(reason) => Ok(Round::Broken(reason)),
            Ok((parsed, failures)) => {
                let failed = failures.as_ref().map_or(0, |failures| failures.records);
                values::keep(&mut *session, parser.of_parser(), &parsed, due.done_to, failed)?;
                Ok(if is_full { Round::More(failures) } else { Round::Done(failures) })
            }
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
}

/// All at once; if that fails one by one, so that one evil record costs no other.
fn parse(parser: &Parser, records: &[Unparsed]) -> Result<(Vec<Parsed>, Option<Failures>), String> {
    if let Ok(parsed) = parser.run(records) {
        return Ok((parsed, None));
    }
    let (mut all, mut failures, mut in_a_row) = (Vec::new(), None, 0);
    for record in records {
        match tried(parser, record) {
            Ok(parsed) => {
                all.extend(parsed);
                in_a_row = 0;
            }
            Err(reason) => {
                in_a_row += 1;
                if in_a_row >= FAILURES {
                    return Err(reason);
                }
                let before = failures.map_or(0, |failures: Failures| failures.records);
                failures = Some(Failures { records: before + 1, reason });
            }
        }
    }
    Ok((all, failures))
}

fn tried(parser: &Parser, record: &Unparsed) -> Result<Vec<Parsed>, String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match parser.run(std::slice::from_ref(record)) {
            Ok(parsed) => return Ok(parsed),
            Err(reason) => last = reason,
        }
    }
    Err(last)
}
