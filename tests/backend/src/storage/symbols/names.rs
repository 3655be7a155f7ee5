//! Names that are known.

use std::collections::BTreeMap;

use crate::groups::names::function;
use crate::groups::payload::{Payload, ThreadFrame, build_id_of, frames_of_threads};
use crate::groups::reading::{Address, FunctionAt, unnamed_in_threads};
use crate::storage::sql::{Select, Value, list};
use crate::storage::{Answers, StorageError};

/// Names by address, of those that debug files know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<Address, (Vec<FunctionAt>, String)>);

/// A frame of a record that a debug file named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFrame {
    /// The number of its thread, where the payload has that.
    pub thread: Option<String>,
    /// Its number in the payload.
    pub number: u64,
    /// Its module, as the payload has it.
    pub module: String,
    /// Where it is.
    pub address: Address,
    /// Its functions, the innermost first.
    pub functions: Vec<FunctionAt>,
    /// Where the names came from: `directory` or `server`.
    pub source: String,
}

impl Names {
    /// Of these addresses.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn of(sql: &mut (impl Select + ?Sized), addresses: &[Address]) -> Result<Self, StorageError> {
        let mut by_file: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for address in addresses {
            by_file.entry(&address.build_id).or_default().push(address.offset.cast_signed());
        }
        let mut names = Self::default();
        for (build_id, offsets) in by_file {
            let query = format!(
                "SELECT address, names, source FROM symbols WHERE build_id = $1 AND names <> '[]' AND address IN ({})",
                list(offsets)
            );
            for mut row in sql.select(&query, &[Value::from(build_id)])? {
                let offset = row.int()?.cast_unsigned();
                let address = Address { build_id: build_id.to_owned(), offset };
                names.0.insert(address, (row.json()?, row.text()?));
            }
        }
        Ok(names)
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names at an address, as a lookup has them.
    #[must_use]
    pub fn functions(&self, address: &Address) -> Vec<String> {
        let found = self.0.get(address).map(|(functions, _)| functions.as_slice()).unwrap_or_default();
        found.iter().map(|at| at.function.clone()).collect()
    }

    /// The names at addresses that fit.
    pub(super) fn functions_where(&self, fits: impl Fn(&Address) -> bool) -> Vec<String> {
        let address = self.0.keys().find(|address| fits(address));
        address.map(|address| self.functions(address)).unwrap_or_default()
    }
}

impl Answers<'_> {
    /// The frames of a payload's threads that debug files named, in its order.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn named_frames(&mut self, payload: &str) -> Result<Vec<NamedFrame>, StorageError> {
        let names = Names::of(self.sql, &unnamed_in_threads(payload))?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let parsed = Payload::parse(payload);
        let named = frames_of_threads(payload).filter_map(|ThreadFrame { thread, frame }| {
            let offset = frame.offset().filter(|_| frame.name().is_none())?;
            let build_id = build_id_of(&parsed.modules, frame.module)?.to_ascii_lowercase();
            let address = Address { build_id, offset };
            let (functions, source) = names.0.get(&address)?.clone();
            let shown = |at: FunctionAt| FunctionAt { function: function(&at.function), ..at };
            let functions = functions.into_iter().map(shown).collect();
            Some(NamedFrame {
                thread: thread.map(str::to_owned),
                number: frame.number,
                module: frame.module.to_owned(),
                address,
                functions,
                source,
            })
        });
        Ok(named.collect())
    }
}
