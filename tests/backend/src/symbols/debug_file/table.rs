//! The symbol tables of a file, as far as they name addresses.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use object::{File, Object, ObjectSymbol, SymbolKind};

use super::bounded;
use crate::symbols::limits::FUNCTION_BYTES;

/// Exported names of one place that are compared with DWARF's.
const SAME_PLACE: usize = 16;

/// The functions of symbol tables that hold addresses.
#[derive(Debug, Default)]
pub(super) struct Table<'a>(BTreeMap<u64, Found<'a>>);

/// The names of the function that holds an address.
#[derive(Debug)]
pub(super) struct Found<'a> {
    start: u64,
    best: Candidate<'a>,
    /// Names that others see, of the same place.
    exported: Vec<&'a str>,
}

/// A name; better ones are smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate<'a> {
    is_local: bool,
    is_weak: bool,
    underscores: usize,
    length: usize,
    name: &'a str,
}

impl<'a> Table<'a> {
    /// Those that hold one of these addresses.
    pub(super) fn new(file: &File<'a>, addresses: &[u64]) -> Self {
        let mut sorted = addresses.to_vec();
        sorted.sort_unstable();
        let mut table = Self::default();
        for symbol in file.symbols().chain(file.dynamic_symbols()) {
            let (start, size) = (symbol.address(), symbol.size());
            let is_function = symbol.kind() == SymbolKind::Text && symbol.is_definition() && size > 0;
            let first = sorted.partition_point(|address| *address < start);
            let end = start.saturating_add(size);
            let held = sorted.iter().skip(first).take_while(|address| **address < end);
            // Most symbols hold none of them, and their names are not read.
            let mut held = held.peekable();
            if !is_function || held.peek().is_none() {
                continue;
            }
            let Ok(name) = symbol.name() else { continue };
            let underscores = name.bytes().take_while(|byte| *byte == b'_').count();
            let (is_local, is_weak) = (symbol.is_local(), symbol.is_weak());
            let candidate = Candidate { is_local, is_weak, underscores, length: name.len(), name };
            held.for_each(|address| table.add(*address, start, candidate));
        }
        table
    }

    fn add(&mut self, address: u64, start: u64, candidate: Candidate<'a>) {
        let new = Found { start, best: candidate, exported: Vec::new() };
        let found = self.0.entry(address).or_insert(new);
        // Of functions within each other the inner one holds the address.
        if Reverse(start) < Reverse(found.start) {
            *found = Found { start, best: candidate, exported: Vec::new() };
        }
        if start == found.start {
            found.best = found.best.min(candidate);
            if !candidate.is_local && found.exported.len() < SAME_PLACE {
                found.exported.push(candidate.name);
            }
        }
    }

    /// What holds an address.
    pub(super) fn find(&self, address: u64) -> Option<&Found<'a>> {
        self.0.get(&address)
    }
}

impl Found<'_> {
    /// Whether DWARF's name needs no other: it is exported, or nothing is.
    pub(super) fn has(&self, name: &str) -> bool {
        let plain = |exported: &&str| exported.split('@').next() == Some(name);
        let is_known = !name.is_empty();
        is_known && (self.exported.is_empty() || self.exported.iter().any(plain))
    }

    /// The best name.
    pub(super) fn name(&self) -> String {
        bounded(self.best.name, FUNCTION_BYTES)
    }
}
