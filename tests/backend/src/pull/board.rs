//! What pages show of the machines that are asked, beside what the database has.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::definition::Definition;
use crate::trust::Fingerprint;

/// Machines as they are defined now.
pub type Definitions = Arc<Vec<Arc<Definition>>>;

/// The number of a monitoring-params.xml, and what became of it at a machine.
type Handed = (i64, Result<(), String>);

/// Shared by who asks and by who shows.
#[derive(Debug, Default)]
pub struct Board {
    state: RwLock<State>,
    /// By name: the number of the monitoring-params.xml, and what became of it there.
    handed: Mutex<BTreeMap<String, Handed>>,
    /// Whether another collector of the database asks them.
    is_other: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    definitions: Definitions,
    fingerprint: Option<Fingerprint>,
    fault: Option<String>,
}

impl Board {
    /// The machines that are asked now, by name.
    #[must_use]
    pub fn definitions(&self) -> Definitions {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).definitions)
    }

    /// The certificate that this collector shows to machines.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).fingerprint
    }

    /// Whether it is another collector of the same database that asks them now.
    #[must_use]
    pub fn is_other(&self) -> bool {
        self.is_other.load(Ordering::Relaxed)
    }

    /// Why a changed configuration is not in force.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).fault.clone()
    }

    /// How many machines have the monitoring-params.xml of this number, and who does not take it, with why.
    #[must_use]
    pub fn handed(&self, number: i64) -> (usize, Vec<(String, String)>) {
        let handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let of_number = || handed.iter().filter(|(_, (of, _))| *of == number);
        let refused = of_number().filter_map(|(name, (_, result))| {
            result.as_ref().err().map(|reason| (name.clone(), reason.clone()))
        });
        let refused: Vec<_> = refused.collect();
        (of_number().count() - refused.len(), refused)
    }

    pub(super) fn set(&self, definitions: Definitions, fingerprint: Option<Fingerprint>) {
        let is_known = |name: &String| {
            definitions.binary_search_by(|definition| definition.name.as_str().cmp(name)).is_ok()
        };
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| is_known(name));
        let state = State { definitions, fingerprint, fault: None };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(super) fn set_fingerprint(&self, fingerprint: Option<Fingerprint>) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).fingerprint = fingerprint;
    }

    pub(super) fn set_asks(&self, is_ours: bool) {
        self.is_other.store(!is_ours, Ordering::Relaxed);
    }

    pub(super) fn set_fault(&self, fault: String) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).fault = Some(fault);
    }

    /// Whether this one was handed to that machine, or refused by it.
    pub(super) fn was_handed(&self, name: &str, number: i64) -> bool {
        let handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.get(name).is_some_and(|(of, _)| *of == number)
    }

    pub(super) fn note_handed(&self, name: &str, number: i64, result: Result<(), String>) {
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.insert(name.to_owned(), (number, result));
    }
}
