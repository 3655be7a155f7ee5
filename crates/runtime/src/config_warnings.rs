//! What is odd in a configuration, for logs and people: with the key that was probably meant. The library has none of
//! this, and neither has who reads a file of a stranger: the search takes time.

use telemetry_config::{ConfigWarning, Configuration, WarningKind, keys};

/// Logs a line for each line of the configuration that has no effect.
pub fn log(configuration: &Configuration) {
    for warning in configuration.warnings() {
        log::warn!("{}", with_nearest(&warning));
    }
}

/// A warning, with the known key that is nearest to an unknown one.
pub fn with_nearest(warning: &ConfigWarning) -> String {
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
        let text = "spool_dri=/x\n[settings]\nspool_dri=/x\ncolour_of_the_sky=1\n";
        let configuration = Configuration::parse(Path::new("/f.conf"), text).unwrap();
        let warnings: Vec<_> = configuration.warnings().iter().map(with_nearest).collect();
        assert_eq!(
            warnings,
            [
                "/f.conf:1: `spool_dri` stands outside [settings] and has no effect",
                "/f.conf:3: unknown key `spool_dri`; did you mean `spool_dir`?",
                "/f.conf:4: unknown key `colour_of_the_sky`",
            ]
        );
    }
}
