//! Split DWARF: the functions of a program, apart from what is in its debug file. They are in a package of all its units, or
//! in a file a unit.

use std::cell::RefCell;
use std::sync::Arc;

use addr2line::{LookupContinuation, LookupResult, SplitDwarfLoad};
use gimli::{Dwarf, DwarfPackage};
use serde::{Deserialize, Serialize};

use super::bounded;
use super::sections::Reader;
use super::unit::UnitFile;
use crate::symbols::limits::{PATH_BYTES, UNITS};

/// A unit in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededUnit {
    /// Where it was compiled.
    pub directory: String,
    /// Its file, from there.
    pub path: String,
}

/// What there is of it, and what was missed.
pub(super) struct Split<'a> {
    package: Option<DwarfPackage<Reader<'a>>>,
    units: &'a [UnitFile<'a>],
    missed: RefCell<Vec<NeededUnit>>,
}

impl<'a> Split<'a> {
    pub(super) fn new(package: Option<DwarfPackage<Reader<'a>>>, units: &'a [UnitFile<'a>]) -> Self {
        Self { package, units, missed: RefCell::default() }
    }

    /// Ends a lookup with its units; those that are not there are left out.
    pub(super) fn finish<L>(&self, mut result: LookupResult<L>) -> L::Output
    where
        L: LookupContinuation<Buf = Reader<'a>>,
    {
        loop {
            match result {
                LookupResult::Output(output) => return output,
                LookupResult::Load { load, continuation } => {
                    let unit = self.unit(&load);
                    if unit.is_none() {
                        self.miss(&load);
                    }
                    result = continuation.resume(unit);
                }
            }
        }
    }

    fn unit(&self, load: &SplitDwarfLoad<Reader<'a>>) -> Option<Arc<Dwarf<Reader<'a>>>> {
        let packed = |package: &DwarfPackage<Reader<'a>>| package.find_cu(load.dwo_id, &load.parent).ok()?;
        let packed = self.package.as_ref().and_then(packed).map(Arc::new);
        packed.or_else(|| self.units.iter().find_map(|file| file.find(load.dwo_id, &load.parent)))
    }

    fn miss(&self, load: &SplitDwarfLoad<Reader<'a>>) {
        let text = |bytes: &Option<Reader<'a>>| {
            let text = bytes.as_ref().map(Reader::to_string_lossy);
            bounded(text.as_deref().unwrap_or_default(), PATH_BYTES)
        };
        let needed = NeededUnit { directory: text(&load.comp_dir), path: text(&load.path) };
        let mut missed = self.missed.borrow_mut();
        if missed.len() < UNITS && !needed.path.is_empty() && !missed.contains(&needed) {
            missed.push(needed);
        }
    }

    /// The units that were missed.
    pub(super) fn into_missed(self) -> Vec<NeededUnit> {
        self.missed.into_inner()
    }
}
