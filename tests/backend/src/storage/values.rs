//! What parsers made of records, and how far they came.

use std::collections::BTreeMap;

use super::sql::{Value, first};
use super::{Session, StorageError, Write};
use crate::record::ClassPattern;

/// Ids below the highest that are passed over for now: with several collectors, one of these may not be visible yet.
const SETTLING_SECS: i64 = 5;

/// A parser, as far as the database knows it.
#[derive(Clone, Copy, Debug)]
pub struct OfParser<'a> {
    /// Its name.
    pub name: &'a str,
    /// Changes with the parser: what an older one made is made again.
    pub digest: &'a str,
    /// The classes whose records it reads.
    pub classes: &'a [ClassPattern],
}

/// A record on its way to a parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unparsed {
    /// Its id.
    pub id: i64,
    /// Its class.
    pub classification: String,
    /// Its payload.
    pub payload: String,
}

/// What a parser made of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The id of the record.
    pub id: i64,
    /// Values by name.
    pub values: BTreeMap<String, String>,
    /// The payload in another form.
    pub form: Option<String>,
}

/// Records that a parser has not had yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The records, lowest id first.
    pub records: Vec<Unparsed>,
    /// How far the parser has come once these are done.
    pub done_to: i64,
}

/// The next records of a parser. One whose file was changed begins anew.
///
/// # Errors
/// If the database cannot be read.
pub fn due(session: &mut dyn Session, parser: OfParser<'_>, limit: usize) -> Result<Due, StorageError> {
    let query = "SELECT done_to, digest FROM plugin_progress WHERE parser = $1";
    let known = match first(session, query, &[parser.name.into()])? {
        Some(mut row) => Some((row.int()?, row.text()?)),
        None => None,
    };
    if known.as_ref().is_some_and(|(_, digest)| digest != parser.digest) {
        forget(session, parser.name)?;
    }
    let done_to = known.filter(|(_, digest)| digest == parser.digest).map_or(0, |(done_to, _)| done_to);
    let Some(last) = settled(session)? else { return Ok(Due { records: Vec::new(), done_to }) };
    let mut values = vec![Value::Int(done_to), Value::Int(last)];
    let classes = classes(parser.classes, &mut values);
    let query = format!(
        "SELECT id, classification, payload FROM records WHERE id > $1 AND id <= $2 AND ({classes}) \
         ORDER BY id LIMIT {limit}"
    );
    let mut records = Vec::new();
    for mut row in session.select(&query, &values)? {
        records.push(Unparsed { id: row.int()?, classification: row.text()?, payload: row.text()? });
    }
    let is_full = records.len() >= limit;
    let done_to = records.last().map(|record| record.id).filter(|_| is_full).unwrap_or(last.max(done_to));
    Ok(Due { records, done_to })
}

/// The highest id below which all are visible.
fn settled(session: &mut dyn Session) -> Result<Option<i64>, StorageError> {
    let query = "SELECT id FROM records WHERE ts_reception <= $1 ORDER BY id DESC LIMIT 1";
    let before = crate::timestamp::now_secs() - SETTLING_SECS;
    first(session, query, &[before.into()])?.map(|mut row| row.int()).transpose()
}

fn classes(patterns: &[ClassPattern], values: &mut Vec<Value>) -> String {
    let mut conditions = Vec::new();
    for pattern in patterns {
        match pattern {
            ClassPattern::Whole(class) => {
                values.push(class.as_str().into());
                conditions.push(format!("classification = ${}", values.len()));
            }
            ClassPattern::Start(start) => {
                values.push(start.as_str().into());
                values.push(format!("{start}{}", char::MAX).into());
                conditions.push(format!(
                    "classification >= ${} AND classification < ${}",
                    values.len() - 1,
                    values.len()
                ));
            }
        }
    }
    conditions.join(" OR ")
}

fn forget(session: &mut dyn Session, parser: &str) -> Result<(), StorageError> {
    session.write(&mut |write| {
        for table in ["plugin_values", "plugin_forms", "plugin_progress"] {
            write.execute(&format!("DELETE FROM {table} WHERE parser = $1"), &[parser.into()])?;
        }
        Ok(())
    })
}

/// Keeps what a parser made, and how far it has come, in one transaction. Nothing is written if nothing has changed.
///
/// # Errors
/// If nothing is kept.
pub fn keep(
    session: &mut dyn Session,
    parser: OfParser<'_>,
    parsed: &[Parsed],
    done_to: i64,
    failed: u32,
) -> Result<(), StorageError> {
    let known =
        first(session, "SELECT done_to FROM plugin_progress WHERE parser = $1", &[parser.name.into()])?;
    if parsed.is_empty() && failed == 0 && known.map(|mut row| row.int()).transpose()? == Some(done_to) {
        return Ok(());
    }
    session.write(&mut |write| {
        for one in parsed {
            keep_one(write, parser.name, one)?;
        }
        let query = "INSERT INTO plugin_progress (parser, digest, done_to, failed) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (parser) DO UPDATE SET digest = excluded.digest, done_to = excluded.done_to, \
            failed = plugin_progress.failed + excluded.failed";
        let values = [parser.name.into(), parser.digest.into(), done_to.into(), i64::from(failed).into()];
        write.execute(query, &values).map(drop)
    })
}

fn keep_one(write: &mut dyn Write, parser: &str, parsed: &Parsed) -> Result<(), StorageError> {
    // A record that went meanwhile leaves nothing behind.
    let of_record = "FROM records WHERE id = $1";
    for (name, value) in &parsed.values {
        let query = format!(
            "INSERT INTO plugin_values (id, parser, name, value) SELECT $1, $2, $3, $4 {of_record} \
             ON CONFLICT (id, parser, name) DO UPDATE SET value = excluded.value"
        );
        write.execute(
            &query,
            &[parsed.id.into(), parser.into(), name.as_str().into(), value.as_str().into()],
        )?;
    }
    if let Some(form) = &parsed.form {
        let query = format!(
            "INSERT INTO plugin_forms (id, parser, payload) SELECT $1, $2, $3 {of_record} \
             ON CONFLICT (id, parser) DO UPDATE SET payload = excluded.payload"
        );
        write.execute(&query, &[parsed.id.into(), parser.into(), form.as_str().into()])?;
    }
    Ok(())
}

/// Removes what was made of records that are gone; of those that went with their whole day nothing else does.
///
/// # Errors
/// If nothing is removed.
pub fn tidy(session: &mut dyn Session) -> Result<(), StorageError> {
    session.write(&mut |write| {
        for table in ["plugin_values", "plugin_forms"] {
            let gone = format!(
                "DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.id = {table}.id)"
            );
            write.execute(&gone, &[])?;
        }
        Ok(())
    })
}

/// What parsers made of one record: parser, name and value of each value; parser and text of each other form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Values.
    pub values: Vec<(String, String, String)>,
    /// The payload in other forms.
    pub forms: Vec<(String, String)>,
}

impl super::Answers<'_> {
    /// What parsers made of a record, where it is to be found.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn made_of(&mut self, id: i64) -> Result<Made, StorageError> {
        let mut made = Made::default();
        let query =
            "SELECT parser, name, value FROM plugin_values WHERE id = $1 ORDER BY parser, name LIMIT 1000";
        for mut row in self.sql.select(query, &[id.into()])? {
            made.values.push((row.text()?, row.text()?, row.text()?));
        }
        let query = "SELECT parser, payload FROM plugin_forms WHERE id = $1 ORDER BY parser LIMIT 10";
        for mut row in self.sql.select(query, &[id.into()])? {
            made.forms.push((row.text()?, row.text()?));
        }
        Ok(made)
    }
}
