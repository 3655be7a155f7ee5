//! By what a machine is known.

/// By what samples and checks of a machine are found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineKey {
    /// Its machine id: of what it pushed, and of a pull that has an `id`.
    Id(String),
    /// The name of a pull that has none: nobody joins ids with names.
    Pulled(String),
}

impl MachineKey {
    /// The id or the name.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Pulled(text) => text,
        }
    }

    /// How tables have it: a number for what it is, and the text.
    #[must_use]
    pub fn kind(&self) -> i64 {
        match self {
            Self::Id(_) => 0,
            Self::Pulled(_) => 1,
        }
    }

    /// Out of a table.
    #[must_use]
    pub fn from_parts(kind: i64, text: String) -> Self {
        if kind == 0 { Self::Id(text) } else { Self::Pulled(text) }
    }
}
