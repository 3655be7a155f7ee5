//! Values and rows of SQL that both engines understand, so that what is not on the way of a post is written once.
//!
//! Foreign text is only ever among the values, which a statement names as `$1`, `$2` and so on.

use std::collections::HashMap;
use std::vec::IntoIter;

use super::StorageError;

/// A value in a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// None.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of an answer, whose columns are taken one after the other.
#[derive(Clone, Debug)]
pub struct Row(IntoIter<Value>);

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// The next column, a number.
    ///
    /// # Errors
    /// If it is none.
    pub fn int(&mut self) -> Result<i64, StorageError> {
        self.opt_int()?.ok_or_else(|| unexpected("a number"))
    }

    /// The next column, a number of things: none is 0.
    ///
    /// # Errors
    /// If it is no number.
    pub fn count(&mut self) -> Result<u64, StorageError> {
        Ok(self.opt_int()?.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
    }

    /// The next column, a number or nothing.
    ///
    /// # Errors
    /// If it is something else.
    pub fn opt_int(&mut self) -> Result<Option<i64>, StorageError> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(unexpected("a number")),
        }
    }

    /// The next column, a text.
    ///
    /// # Errors
    /// If it is none.
    pub fn text(&mut self) -> Result<String, StorageError> {
        self.opt_text()?.ok_or_else(|| unexpected("a text"))
    }

    /// The next column, a text or nothing.
    ///
    /// # Errors
    /// If it is something else.
    pub fn opt_text(&mut self) -> Result<Option<String>, StorageError> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(unexpected("a text")),
        }
    }

    /// The next column, whatever it is.
    ///
    /// # Errors
    /// If there is none.
    pub fn value(&mut self) -> Result<Value, StorageError> {
        self.0.next().ok_or_else(|| unexpected("a column"))
    }

    /// The next column, bytes.
    ///
    /// # Errors
    /// If it is something else.
    pub fn bytes(&mut self) -> Result<Vec<u8>, StorageError> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(unexpected("bytes")),
        }
    }

    /// The next column, a text that something is made of.
    ///
    /// # Errors
    /// If it is no text, or not what is expected.
    pub fn parsed<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StorageError> {
        let text = self.text()?;
        parse(&text).ok_or_else(|| unexpected(&text))
    }

    /// The next column, a value as JSON.
    ///
    /// # Errors
    /// If it is something else.
    pub fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, StorageError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| StorageError::Failed(error.to_string()))
    }
}

/// The tables are ours, so that this is a fault of ours or damage.
fn unexpected(what: &str) -> StorageError {
    StorageError::Failed(format!(
        "a column is not as expected: {}",
        what.chars().take(80).collect::<String>()
    ))
}

/// Reads with SQL that both engines understand.
pub trait Select {
    /// The rows of a query.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StorageError>;
}

/// Writes, within a transaction, with SQL that both engines understand.
pub trait Write: Select {
    /// Does it; the rows that it concerned.
    ///
    /// # Errors
    /// If it is not done.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StorageError>;

    /// Waits until nobody else stores samples and checks, up to the end of the transaction: where there are several writers.
    ///
    /// # Errors
    /// If the database fails.
    fn lock_samples(&mut self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// The one row of a query that has one.
///
/// # Errors
/// If the database cannot be read, or there is none.
pub(crate) fn one(
    sql: &mut (impl Select + ?Sized),
    query: &str,
    values: &[Value],
) -> Result<Row, StorageError> {
    first(sql, query, values)?.ok_or_else(|| unexpected("a row"))
}

/// The first row of a query, if there is one.
///
/// # Errors
/// If the database cannot be read.
pub(crate) fn first(
    sql: &mut (impl Select + ?Sized),
    query: &str,
    values: &[Value],
) -> Result<Option<Row>, StorageError> {
    Ok(sql.select(query, values)?.into_iter().next())
}

/// Values of one statement: more than these, and an engine refuses it.
pub(crate) const MAX_VALUES: usize = 900;

/// Inserts rows, many with a statement: `into` is `table (column, ...)`, `on_conflict` what stands behind the values.
///
/// # Errors
/// If the database fails.
pub(crate) fn insert_many(
    sql: &mut dyn Write,
    into: &str,
    on_conflict: &str,
    rows: &[Vec<Value>],
) -> Result<(), StorageError> {
    let columns = rows.first().map_or(1, Vec::len).max(1);
    for part in rows.chunks((MAX_VALUES / columns).max(1)) {
        let mut place = 0;
        let tuples: Vec<String> = part
            .iter()
            .map(|row| {
                let places: Vec<String> = row
                    .iter()
                    .map(|_| {
                        place += 1;
                        format!("${place}")
                    })
                    .collect();
                format!("({})", places.join(", "))
            })
            .collect();
        let values: Vec<Value> = part.iter().flatten().cloned().collect();
        sql.execute(&format!("INSERT INTO {into} VALUES {} {on_conflict}", tuples.join(", ")), &values)?;
    }
    Ok(())
}

/// Of some keys those that a table has in its column `key`, with the number in another column.
///
/// # Errors
/// If the database cannot be read.
pub(crate) fn known_keys(
    sql: &mut (impl Select + ?Sized),
    (table, column): (&str, &str),
    keys: &[[u8; 16]],
) -> Result<HashMap<Vec<u8>, i64>, StorageError> {
    let mut known = HashMap::new();
    for part in keys.chunks(MAX_VALUES) {
        let query = format!("SELECT key, {column} FROM {table} WHERE key IN ({})", places(part));
        let values: Vec<Value> = part.iter().map(|key| key.to_vec().into()).collect();
        for mut row in sql.select(&query, &values)? {
            known.insert(row.bytes()?, row.int()?);
        }
    }
    Ok(known)
}

/// The places of values for `IN (...)`, the first of which is `$1`.
pub(crate) fn places<T>(values: &[T]) -> String {
    (1..=values.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// Numbers for `IN (...)`, never empty.
pub(crate) fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    let list: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    if list.is_empty() { "NULL".to_owned() } else { list.join(", ") }
}
