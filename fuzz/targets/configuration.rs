//! A configuration file, which any user may name for his own records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let path = Path::new("/f.conf");
    match telemetry_config::parse(path, text) {
        Ok((settings, warnings)) => {
            assert!(settings.socket_path.is_absolute() && settings.socket_path.as_os_str().len() <= 107);
            assert!(settings.spool_dir.is_absolute() && settings.etc_dir.is_absolute());
            let interval = settings.spool_process_interval;
            assert!((Duration::from_secs(120)..=Duration::from_secs(300)).contains(&interval));
            assert!(!settings.server.tid_header.contains(['\r', '\n']), "a second HTTP header");
            assert!(warnings.len() <= text.lines().count());
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with("/f.conf:"), "no file and line in {error:?}");
        }
    }
});
