//! What is odd in a configuration, for logs and people: with the key that was probably meant. The library has none of
//! this, and neither has who reads a file of a stranger: the search takes time.

use telemetry_config::{AnyKey, ConfigWarning, Configuration, WarningKind, keys};

/// A line of a configuration that is odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// What is odd, with file, line and key.
    pub line: String,
    /// What ends it.
    pub remedy: &'static str,
}

/// Logs a line for each line of the configuration that is odd to a program that obeys these keys.
pub fn log(configuration: &Configuration, keys: &[&'static dyn AnyKey]) {
    for warning in all(configuration, keys.iter().copied()) {
        log::warn!("{}", warning.line);
    }
}

/// The lines that have no effect, and those whose value was taken for another, in their order.
pub fn all(
    configuration: &Configuration,
    keys: impl IntoIterator<Item = &'static dyn AnyKey>,
) -> Vec<Oddity> {
    let mut warnings = configuration.warnings();
    warnings.extend(configuration.taken_otherwise(keys));
    warnings.sort_by_key(|warning| warning.line);
    let oddity =
        |warning: &ConfigWarning| Oddity { line: with_nearest(warning), remedy: warning.kind.remedy() };
    warnings.iter().map(oddity).collect()
}

/// A warning, with the known key that is nearest to an unknown one.
fn with_nearest(warning: &ConfigWarning) -> String {
    match nearest(&warning.key).filter(|_| warning.kind == WarningKind::Unknown) {
        Some(nearest) => format!("{warning}; did you mean `{nearest}`?"),
        None => warning.to_string(),
    }
}

/// The known name nearest to a wrong one, if any is near enough to be meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    keys::NAMES
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_slip_finds_its_key() {
        assert_eq!(nearest("spool_dri"), Some("spool_dir"));
        assert_eq!(nearest("server_url"), Some("server_api"));
        assert_eq!(nearest("colour_of_the_sky"), None);
    }

    #[test]
    fn an_unknown_key_is_reported_with_the_one_that_was_meant() {
        let text = "spool_dri=/x\n[settings]\nspool_dri=/x\nspool_max_size=5120KB\ncolour_of_the_sky=1\n";
        let configuration = Configuration::parse(Path::new("/f.conf"), text).unwrap();
        let warnings = all(&configuration, [&keys::SPOOL_MAX_SIZE as &dyn AnyKey]);
        let lines: Vec<_> = warnings.iter().map(|oddity| oddity.line.as_str()).collect();
        assert_eq!(
            lines,
            [
                "/f.conf:1: `spool_dri` stands outside [settings], before any section, and has no effect",
                "/f.conf:3: unknown key `spool_dri`; did you mean `spool_dir`?",
                "/f.conf:4: spool_max_size=5120KB is taken as spool_max_size=5120",
                "/f.conf:5: unknown key `colour_of_the_sky`",
            ]
        );
    }
}
