//! The sample: what the settings ask for, as texts of OpenMetrics.

use crate::settings::Settings;
use crate::state::State;
use telemetry_config::environment::Readings;
use telemetry_sensors::catalogue::INTERVAL;
use telemetry_sensors::{Family, Helpers, Snapshot, Source, Wishes, daemons, openmetrics};

/// Classification of a part.
pub(crate) const CLASS: &str = "org.telemetrics/environment/sample";

/// Takes a sample. Its sensors' times go into the state.
pub(crate) fn take(
    settings: &Settings,
    state: &mut State,
    helpers: &mut Helpers,
    is_opted_in: bool,
    now_unix_secs: u64,
) -> Vec<String> {
    let wishes = Wishes {
        has_system: settings.has(Readings::System),
        disks: settings.has(Readings::Disks).then_some(&settings.file_systems),
        certificates: if settings.has(Readings::Certificates) { &settings.certificate_files } else { &[] },
    };
    let last_read = &mut state.last_read_unix_secs;
    let snapshot = Snapshot::take(&Source::machine(), helpers, &wishes, last_read, now_unix_secs);
    let mut families = snapshot.families.clone();
    if settings.has(Readings::Telemetry) {
        families.extend(daemons::families(&settings.state_dir, env!("CARGO_PKG_VERSION"), is_opted_in));
        families.push(daemons::checks(&settings.state_dir));
        families.push(Family::one(&INTERVAL, settings.interval.map(|interval| interval.as_secs())));
    }
    // Whatever is asked for: a sensor that fails is not a sensor that is not there.
    families.extend(snapshot.failures());
    openmetrics::parts(&families)
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::Configuration;

    fn sample(text: &str) -> Vec<String> {
        let configuration = Configuration::parse(std::path::Path::new("/f.conf"), text).unwrap();
        let settings = Settings::read(&configuration).unwrap();
        take(&settings, &mut State::default(), &mut Helpers::default(), true, 1000)
    }

    #[test]
    fn a_sample_of_this_machine_is_one_record_and_has_what_is_asked_for() {
        let texts = sample("[settings]\nenvironment_interval=60\nenvironment_filesystems=/\n");
        let [text] = texts.as_slice() else { panic!("{texts:?}") };
        for part in
            ["system_uptime_seconds ", "mountpoint=\"/\"", "telemetry_environment_interval_seconds 3600\n"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.len() < 6500, "{}", text.len());
        let text = sample("[settings]\nenvironment_readings=disks\nenvironment_filesystems=/\n").concat();
        assert!(text.contains("system_filesystem_usage_bytes") && !text.contains("system_cpu"), "{text}");
        assert!(!text.contains("telemetry_build"), "{text}");
        assert_eq!(sample("[settings]\nenvironment_readings=\n"), ["# EOF\n"]);
    }
}
