//! A configuration key: all that is known of it stands in one place, and error messages, `telemctl config`, and the
//! tests of the manual and of the default file follow it.

use crate::allowed::Allowed;
use std::fmt;

/// A configuration key whose value is a `T`.
pub struct Key<T: 'static> {
    /// Its name, left of the `=`.
    pub name: &'static str,
    /// What holds when the file does not set it, as it would stand in the file.
    pub default: &'static str,
    /// What values it takes.
    pub allowed: &'static dyn Allowed<T>,
    /// What it means, in the words of the default file.
    pub doc: &'static str,
}

/// A key whatever the type of its value, for tables of keys.
pub trait AnyKey: Sync {
    /// Its name, left of the `=`.
    fn name(&self) -> &'static str;

    /// What holds when the file does not set it, as it would stand in the file.
    fn default(&self) -> &'static str;

    /// What it means.
    fn doc(&self) -> &'static str;

    /// What values it takes, as "must be ..." goes on.
    fn allowed(&self) -> String;

    /// Whether a value is one of those, its `\s` already blanks.
    fn allows(&self, value: &str) -> bool;

    /// The value that is taken for one that is not allowed, where the C programs took that.
    fn meant(&self, value: &str) -> Option<String>;

    /// A value as it may be shown and logged: without a password, and not at any length.
    fn shown(&self, value: &str) -> String;
}

impl<T> AnyKey for Key<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn default(&self) -> &'static str {
        self.default
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn allowed(&self) -> String {
        self.allowed.describe()
    }

    fn allows(&self, value: &str) -> bool {
        self.allowed.parse(value).is_some()
    }

    fn meant(&self, value: &str) -> Option<String> {
        let meant = self.allowed.meant(value).filter(|_| !self.allows(value))?;
        self.allows(&meant).then_some(meant)
    }

    fn shown(&self, value: &str) -> String {
        self.allowed.shown(value)
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}
