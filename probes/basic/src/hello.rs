//! The record of hprobe: a hello that shows that the way from a program to the collector is open.

use std::fmt::Write;
use std::path::Path;
use telemetry_record::header::clean_value;

/// Classification of the ordinary record.
pub const HELLO_CLASS: &str = "org.clearlinux/hello/world";

/// Classification of a heartbeat.
pub const HEARTBEAT_CLASS: &str = "org.clearlinux/heartbeat/ping";

/// Version of the payload's format.
pub const PAYLOAD_VERSION: u32 = 1;

/// Where Clear Linux keeps a file for each bundle that is installed.
pub const BUNDLES_DIR: &str = "/usr/share/clear/bundles";

/// What is said besides hello; a part that is none is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// The locale.
    pub locale: Option<String>,
    /// Seconds since the machine started.
    pub uptime_secs: Option<u64>,
    /// Names of installed bundles.
    pub bundles: Option<Vec<String>>,
}

/// The payload.
pub fn payload(extras: &Extras) -> String {
    let mut text = "hello\n".to_owned();
    // Writing to a String cannot fail.
    if let Some(locale) = &extras.locale {
        let _ = writeln!(text, "LC_ALL: {}", clean_value(locale));
    }
    if let Some(secs) = extras.uptime_secs {
        let _ = writeln!(text, "uptime: {secs}");
    }
    if let Some(bundles) = &extras.bundles {
        let _ = writeln!(text, "\nBundles ({}):", bundles.len());
        for bundle in bundles {
            let _ = writeln!(text, "{}", clean_value(bundle));
        }
    }
    text
}

/// The locale that holds for messages and all else: `LC_ALL`, else `LANG`, else `C`.
pub fn locale() -> String {
    ["LC_ALL", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .unwrap_or_else(|| "C".to_owned())
}

/// Whole seconds since the machine started.
///
/// # Errors
/// `/proc/uptime` cannot be read.
pub fn uptime_secs() -> std::io::Result<u64> {
    let text = std::fs::read_to_string("/proc/uptime")?;
    let whole = text.split(['.', ' ']).next().and_then(|secs| secs.parse().ok());
    whole.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "/proc/uptime: no number"))
}

/// The names in a directory of bundles, sorted; none where it is not there.
pub fn bundles(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_that_of_the_contract() {
        assert_eq!(payload(&Extras::default()), "hello\n");
        let extras = Extras {
            locale: Some("de_DE.UTF-8".to_owned()),
            uptime_secs: Some(77),
            bundles: Some(vec!["editors".to_owned(), "os-core".to_owned()]),
        };
        assert_eq!(
            payload(&extras),
            "hello\nLC_ALL: de_DE.UTF-8\nuptime: 77\n\nBundles (2):\neditors\nos-core\n"
        );
    }

    #[test]
    fn this_machine_has_an_uptime() {
        assert!(uptime_secs().unwrap() > 0);
    }

    #[test]
    fn no_bundles_are_an_empty_list() {
        assert_eq!(bundles(Path::new("/nonexistent")), [""; 0]);
    }
}
