//! Which parts of an answer somebody asks for.

/// The parts of `/v1/environment` that `?fields=` chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The kernel's own line.
    OperatingSystem,
    /// Series.
    Readings,
    /// Summaries of the last hour.
    Windows,
    /// How sensors fared.
    Sensors,
    /// Checks.
    Checks,
    /// Certificates.
    Certificates,
    /// Installed packages.
    Packages,
    /// Processes.
    Processes,
}

/// All of them, by their names.
const NAMES: [(&str, Field); 8] = [
    ("operating_system", Field::OperatingSystem),
    ("readings", Field::Readings),
    ("windows", Field::Windows),
    ("sensors", Field::Sensors),
    ("checks", Field::Checks),
    ("certificates", Field::Certificates),
    ("packages", Field::Packages),
    ("processes", Field::Processes),
];

/// What somebody asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// None: what is usual.
    named: Option<Vec<Field>>,
}

impl Fields {
    /// Of the query of a URL, behind its `?`. Names that mean nothing are ignored, as those of an outputSpec.
    pub fn of_query(query: &str) -> Self {
        let mut named = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == "fields" {
                let known = value.split(',').filter_map(|word| {
                    NAMES.iter().find(|(name, _)| *name == word.trim()).map(|(_, field)| *field)
                });
                named.get_or_insert_with(Vec::new).extend(known);
            }
        }
        Self { named }
    }

    /// Whether this part is asked for. Without names, lists are not.
    pub fn has(&self, field: Field) -> bool {
        match &self.named {
            Some(named) => named.contains(&field),
            None => !matches!(field, Field::Certificates | Field::Packages | Field::Processes),
        }
    }

    /// Whether anything was named.
    pub fn is_usual(&self) -> bool {
        self.named.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_if_they_are_named() {
        let usual = Fields::of_query("");
        assert!(usual.has(Field::Readings) && !usual.has(Field::Packages) && usual.is_usual());
        let named = Fields::of_query("x=1&fields=packages,%20windows,none&fields=checks");
        assert!([Field::Packages, Field::Windows, Field::Checks].into_iter().all(|field| named.has(field)));
        assert!(!named.has(Field::Readings) && !named.is_usual());
        assert!(!Fields::of_query("fields=").has(Field::Readings));
        assert!(Fields::of_query("fields=packages%2Cprocesses").has(Field::Processes));
    }
}
