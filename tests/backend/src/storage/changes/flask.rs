//! Guilties and their blacklist, as people of the Flask backend change them.

use std::collections::BTreeSet;
use std::fmt;

use super::Author;
use super::apply::count_generation_up;
use super::kept::{Change, keep};
use crate::limits::{BLACKLISTED, COMMENT_CHARS, GUILTY_BYTES};
use crate::record::Record;
use crate::storage::StorageError;
use crate::storage::grouping::{Directory, set_guilty};
use crate::storage::sql::{Value, Write, first, one};

/// Function and module.
type Pair = (String, String);

/// What a person wants of guilties.
#[derive(Clone, Debug, PartialEq)]
pub enum FlaskWish {
    /// Another comment on a guilty, or that it be hidden or shown.
    Guilty {
        /// The guilty.
        id: i64,
        /// The comment; empty for none.
        comment: Option<String>,
        /// Whether lists leave it out.
        hidden: Option<bool>,
    },
    /// Pairs of function and module that are passed over from now on, or no longer.
    Blacklist {
        /// These are.
        add: BTreeSet<Pair>,
        /// These are not.
        remove: BTreeSet<Pair>,
        /// A record whose guilty is found again at once; that of all others follows.
        record: Option<(i64, Box<Record>)>,
    },
    /// All guilties are found again.
    Recompute,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlaskError {
    /// There is no such guilty.
    NoGuilty(i64),
    /// A comment that is too long or has control characters.
    Comment,
    /// A function or module that no frame can have.
    Pair,
    /// What is to be added is there already; its function and module.
    Known(String, String),
    /// The blacklist is full.
    Full,
    /// The database failed.
    Storage(StorageError),
}

impl fmt::Display for FlaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGuilty(id) => write!(f, "there is no guilty {id}"),
            Self::Comment => write!(f, "a comment has up to {COMMENT_CHARS} characters, none of control"),
            Self::Pair => write!(
                f,
                "function and module have 1 to {GUILTY_BYTES} bytes each, none of control; the module may be empty"
            ),
            Self::Known(function, module) => write!(f, "{function} [{module}] is in the blacklist already"),
            Self::Full => write!(f, "the blacklist has {BLACKLISTED} pairs, and takes no more"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FlaskError {}

impl From<StorageError> for FlaskError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Makes a change.
pub(in crate::storage) fn change(
    sql: &mut dyn Write,
    wish: &FlaskWish,
    author: Author<'_>,
) -> Result<(), FlaskError> {
    // First, so that no record gets its guilty meanwhile.
    count_generation_up(sql)?;
    match wish {
        FlaskWish::Guilty { id, comment, hidden } => edit(sql, *id, comment.as_deref(), *hidden, author),
        FlaskWish::Blacklist { add, remove, record } => {
            let changed = blacklist(sql, add, remove, author)?;
            if let Some((id, record)) = record {
                set_guilty(sql, &mut Directory::default(), *id, record)?;
            }
            if changed { Ok(begin_again(sql)?) } else { Ok(()) }
        }
        FlaskWish::Recompute => {
            let change = Change { subject: "blacklist", object: "", what: "recompute", was: "", became: "" };
            keep(sql, &change, author)?;
            Ok(begin_again(sql)?)
        }
    }
}

fn edit(
    sql: &mut dyn Write,
    id: i64,
    comment: Option<&str>,
    hidden: Option<bool>,
    author: Author<'_>,
) -> Result<(), FlaskError> {
    let row = first(sql, "SELECT comment, hidden FROM guilty WHERE id = $1", &[id.into()])?;
    let mut row = row.ok_or(FlaskError::NoGuilty(id))?;
    let (old_comment, was_hidden) = (row.text()?, row.int()? != 0);
    let object = id.to_string();
    // What the Flask backend wrote where there was none.
    let comment = comment.map(|comment| if comment == "None" { "" } else { comment.trim() });
    if let Some(comment) = comment.filter(|comment| *comment != old_comment) {
        if comment.chars().count() > COMMENT_CHARS || comment.chars().any(char::is_control) {
            return Err(FlaskError::Comment);
        }
        sql.execute("UPDATE guilty SET comment = $1 WHERE id = $2", &[comment.into(), id.into()])?;
        let (was, became) = (old_comment.as_str(), comment);
        keep(sql, &Change { subject: "guilty", object: &object, what: "comment", was, became }, author)?;
    }
    if let Some(hidden) = hidden.filter(|hidden| *hidden != was_hidden) {
        let word = |hidden| if hidden { "hidden" } else { "shown" };
        sql.execute("UPDATE guilty SET hidden = $1 WHERE id = $2", &[i64::from(hidden).into(), id.into()])?;
        let (was, became) = (word(was_hidden), word(hidden));
        keep(sql, &Change { subject: "guilty", object: &object, what: "hide", was, became }, author)?;
    }
    Ok(())
}

/// Says whether anything changed.
fn blacklist(
    sql: &mut dyn Write,
    add: &BTreeSet<Pair>,
    remove: &BTreeSet<Pair>,
    author: Author<'_>,
) -> Result<bool, FlaskError> {
    let mut changed = false;
    for pair in remove {
        let delete = "DELETE FROM guilty_blacklisted WHERE function = $1 AND module = $2";
        if sql.execute(delete, &values(pair))? > 0 {
            note(sql, pair, "remove", author)?;
            changed = true;
        }
    }
    for pair in add {
        let is_plain = |text: &str| text.len() <= GUILTY_BYTES && !text.chars().any(char::is_control);
        if pair.0.is_empty() || !is_plain(&pair.0) || !is_plain(&pair.1) {
            return Err(FlaskError::Pair);
        }
        let query = "SELECT id FROM guilty_blacklisted WHERE function = $1 AND module = $2";
        if first(sql, query, &values(pair))?.is_some() {
            return Err(FlaskError::Known(pair.0.clone(), pair.1.clone()));
        }
        if one(sql, "SELECT count(*) FROM guilty_blacklisted", &[])?.count()? >= BLACKLISTED {
            return Err(FlaskError::Full);
        }
        let insert = "INSERT INTO guilty_blacklisted (function, module) VALUES ($1, $2)";
        sql.execute(insert, &values(pair))?;
        note(sql, pair, "add", author)?;
        changed = true;
    }
    Ok(changed)
}

fn values((function, module): &Pair) -> [Value; 2] {
    [function.as_str().into(), module.as_str().into()]
}

fn note(
    sql: &mut dyn Write,
    (function, module): &Pair,
    what: &'static str,
    author: Author<'_>,
) -> Result<(), StorageError> {
    let pair = format!("{function} [{module}]");
    let (was, became) = if what == "add" { ("", pair.as_str()) } else { (pair.as_str(), "") };
    keep(sql, &Change { subject: "blacklist", object: "", what, was, became }, author)
}

/// Guilties of all records are found again, newest first.
fn begin_again(sql: &mut dyn Write) -> Result<(), StorageError> {
    sql.execute("DELETE FROM guilty_work", &[])?;
    let insert = "INSERT INTO guilty_work (start_id, to_id) SELECT max(id), max(id) FROM records HAVING max(id) IS NOT NULL";
    sql.execute(insert, &[])?;
    Ok(())
}
