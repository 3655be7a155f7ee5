//! The headers of a record as they came in: named, not yet judged.

use std::collections::BTreeMap;

use super::{Field, Refusal};

/// A bag of values, up to one a field.
#[derive(Clone, Debug, Default)]
pub struct Fields(BTreeMap<Field, String>);

impl Fields {
    /// Puts a value in, without the white space around it, as HTTP does with header values.
    ///
    /// # Errors
    /// [`Refusal::Twice`] if the field already has one: two spellings of a name may pass a proxy side by side,
    /// and which of the two was meant is not ours to guess.
    pub fn insert(&mut self, field: Field, value: &str) -> Result<(), Refusal> {
        match self.0.insert(field, value.trim_ascii().to_owned()) {
            None => Ok(()),
            Some(_) => Err(Refusal::Twice { name: field.header() }),
        }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.0.get(&field).map(String::as_str)
    }

    /// Drops the fields that `keeps` denies.
    pub fn retain(&mut self, keeps: impl Fn(Field) -> bool) {
        self.0.retain(|field, _| keeps(*field));
    }

    /// Takes the value of a field out.
    pub fn take(&mut self, field: Field) -> Option<String> {
        self.0.remove(&field)
    }
}
