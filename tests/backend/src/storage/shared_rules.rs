//! The rules that hold, for all sessions of an engine.

use std::sync::{Arc, PoisonError, RwLock};

use super::OpenError;
use crate::groups::rules::Rules;

/// Rules that may be replaced while sessions use them. Clones share them.
#[derive(Clone, Debug)]
pub struct SharedRules(Arc<RwLock<Arc<Rules>>>);

impl SharedRules {
    /// These rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(rules))))
    }

    /// The rules that ship.
    ///
    /// # Errors
    /// None: the tests read them.
    pub fn shipped() -> Result<Self, OpenError> {
        let rules = Rules::shipped();
        rules
            .map(Self::new)
            .map_err(|error| OpenError::new("rules", error.to_string(), "install the collector again"))
    }

    /// The rules that hold now.
    #[must_use]
    pub fn current(&self) -> Arc<Rules> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these hold.
    pub fn replace(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}
