//! A configuration file, which any user may name for his own records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use telemetry_config::{Configuration, ServerSettings, keys};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let path = Path::new("/f.conf");
    let names_the_file =
        |error: String| assert!(error.starts_with("/f.conf:"), "no file and line in {error:?}");
    let configuration = match Configuration::parse(path, text) {
        Ok(configuration) => configuration,
        Err(error) => return names_the_file(error.to_string()),
    };
    // One of each line, and one of a byte order mark.
    assert!(configuration.warnings().len() <= text.lines().count() + 1);
    match configuration.get(&keys::SOCKET_PATH) {
        Ok(path) => assert!(path.is_absolute() && path.as_os_str().len() <= 107),
        Err(error) => names_the_file(error.to_string()),
    }
    match ServerSettings::read(&configuration) {
        Ok(server) => {
            assert!(!server.tid_header.contains(['\r', '\n']), "a second HTTP header");
            assert!(!server.url.to_string().contains(' '));
            if let Some(path) = server.cainfo {
                assert!(path.is_absolute());
            }
        }
        Err(error) => names_the_file(error.to_string()),
    }
});
