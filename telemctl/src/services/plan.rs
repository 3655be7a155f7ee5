//! Which units are started and stopped, and by which calls of `systemctl`.

use super::systemctl::Systemctl;
use telemetrics_generator::PULL_SOCKET;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Start what listens and what follows logs.
    Start,
    /// Stop that and everything that it started.
    Stop,
    /// Both, in the other order.
    Restart,
}

/// One call: `systemctl VERB UNIT...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// `start`, `stop` or `reset-failed`.
    pub(super) verb: &'static str,
    /// The units.
    pub(super) units: Vec<&'static str>,
}

/// What start and stop handle. The daemons themselves follow from their socket and path unit.
const ALWAYS_THERE: [&str; 3] = ["hprobe.timer", "telemprobd.socket", "telempostd.path"];

/// The daemons, and what starts them when there is work.
const ACTIVATORS: [(&str, &str); 2] =
    [("telemprobd", "telemprobd.socket"), ("telempostd", "telempostd.path")];

/// What start and stop handle where it is installed: a packager may split the probes off.
const WHERE_INSTALLED: [&str; 5] =
    ["klogscanner.service", "journal-probe-tail.service", "checkprobe.service", SAMPLES, PULL_SOCKET];

/// What sends samples of how the machine is. It does not start where the configuration has no interval for it.
const SAMPLES: &str = "envprobe.timer";

/// What stop handles besides, since the units above have started it or boot has.
const STARTED_BY_OTHERS: [&str; 8] = [
    "envprobe.service",
    "hprobe.service",
    "journal-probe.service",
    "pstore-clean.service",
    "pstore-probe.service",
    "telemprobd.service",
    "telempostd.service",
    PULL_SERVICE,
];

/// What answers at the socket that a generator makes of the configuration.
const PULL_SERVICE: &str = "telempulld.service";

/// What opt-out has left to be done: neither start nor stop is about it.
const FORGETTING: [&str; 3] =
    ["telempost-forget.timer", "telempost-forget.service", "telempost-forget-done.service"];

/// The calls for an action. `usable` says whether a unit is installed and not masked. A missing unit of
/// [`ALWAYS_THERE`] is asked for all the same, so that systemd says what is wrong with it.
pub(super) fn calls(action: Action, usable: impl Fn(&str) -> bool) -> Vec<Call> {
    let start = || {
        let optional = WHERE_INSTALLED.into_iter().filter(|unit| usable(unit));
        Call { verb: "start", units: ALWAYS_THERE.into_iter().chain(optional).collect() }
    };
    // In one call, so that no socket starts the service that was just stopped.
    let stop = || {
        let units = ALWAYS_THERE.into_iter().chain(WHERE_INSTALLED).chain(STARTED_BY_OTHERS);
        Call { verb: "stop", units: units.filter(|unit| usable(unit)).collect() }
    };
    let mut calls = match action {
        Action::Start => vec![start()],
        Action::Stop => vec![stop()],
        Action::Restart => vec![stop(), start()],
    };
    calls.retain(|call| !call.units.is_empty());
    calls
}

/// Every unit of ours that can run.
pub(super) fn known() -> Vec<&'static str> {
    ALWAYS_THERE.into_iter().chain(WHERE_INSTALLED).chain(STARTED_BY_OTHERS).chain(FORGETTING).collect()
}

/// Starts or stops what waits for records to be delivered, and nothing else.
pub(super) fn wait_for_records(systemctl: &Systemctl, verb: &'static str) {
    let _ = systemctl.run(&Call { verb, units: vec!["telempostd.path"] });
}

/// Starts or stops what asks servers to forget this machine. A packager may leave it out.
pub(super) fn forget_timer(systemctl: &Systemctl, verb: &'static str) -> Result<(), String> {
    systemctl.run(&Call { verb, units: FORGETTING.into_iter().take(1).collect() })
}

/// The daemons, each with systemd's word for the unit that starts it.
pub(super) fn activator_words(systemctl: &Systemctl) -> Result<[(&'static str, String); 2], String> {
    let [telemprobd, telempostd] = ACTIVATORS;
    let word = |(name, unit)| systemctl.active_word(unit).map(|word| (name, word));
    Ok([word(telemprobd)?, word(telempostd)?])
}

/// Whoever has left telemetry is not to find it among the units that failed. systemctl complains of those that are
/// not there, and does the others all the same.
pub(super) fn forget_failures(systemctl: &Systemctl) {
    let _ = systemctl.run(&Call { verb: "reset-failed", units: known() });
}

/// Has systemd read its units again where a generator makes some of them of the configuration, which may be another by now.
pub(super) fn read_generated(systemctl: &Systemctl) -> Result<(), String> {
    if systemctl.usable_units(&[SAMPLES])?.is_empty() { Ok(()) } else { systemctl.reload() }
}

/// Carries an action out; stops at the first call that fails.
pub(super) fn run(action: Action, systemctl: &Systemctl) -> Result<(), String> {
    let usable = systemctl.usable_units(&known())?;
    let is_usable = |unit: &str| usable.iter().any(|file| file.name == unit);
    if !is_usable(PULL_SOCKET) {
        close_needless(systemctl)?;
    }
    for call in calls(action, is_usable) {
        systemctl.run(&call)?;
    }
    Ok(())
}

/// Where the keys name no address any more, the socket has no file. What is open would stay so.
fn close_needless(systemctl: &Systemctl) -> Result<(), String> {
    if systemctl.active_word(PULL_SOCKET)? != "active" {
        return Ok(());
    }
    systemctl.run(&Call { verb: "stop", units: vec![PULL_SOCKET, PULL_SERVICE] })
}

#[cfg(test)]
mod tests {
    use super::super::systemctl::tests::stand_in;
    use super::*;

    fn words(action: Action, installed: &[&str]) -> Vec<String> {
        calls(action, |unit| installed.contains(&unit))
            .iter()
            .map(|call| format!("{} {}", call.verb, call.units.join(" ")))
            .collect()
    }

    #[test]
    fn every_unit_of_ours_is_handled() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../units");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // It runs for a moment, and is not started by us.
            assert!(name == "telemprobd-update-trigger.service" || known().contains(&&*name), "{name}");
        }
    }

    #[test]
    fn a_daemon_is_active_while_what_starts_it_is() {
        let answers =
            "case $2 in telemprobd.socket) echo active ;; telempostd.path) echo failed ;; *) echo no ;; esac";
        let (_dir, systemctl) = stand_in(answers);
        let expected = [("telemprobd", "active".to_owned()), ("telempostd", "failed".to_owned())];
        assert_eq!(activator_words(&systemctl), Ok(expected));
        assert!(ACTIVATORS.iter().all(|(_, unit)| ALWAYS_THERE.contains(unit)));
    }

    #[test]
    fn a_socket_that_the_configuration_has_no_longer_is_closed() {
        for (word, is_stopped) in [("active", true), ("inactive", false)] {
            let answers = format!(
                "case $1 in list-unit-files) ;; is-active) echo {word} ;; *) echo \"$*\" >>\"${{0%/*}}/calls\" ;; esac"
            );
            let (dir, systemctl) = stand_in(&answers);
            run(Action::Stop, &systemctl).unwrap();
            let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap_or_default();
            let expected = if is_stopped { "stop telempulld.socket telempulld.service\n" } else { "" };
            assert_eq!(calls, expected);
        }
    }

    #[test]
    fn units_of_each_action() {
        let core = [
            "hprobe.timer",
            "telemprobd.socket",
            "telempostd.path",
            "telemprobd.service",
            "telempostd.service",
        ];
        let mut full = core.to_vec();
        full.extend(["klogscanner.service", "journal-probe-tail.service", "hprobe.service"]);
        full.extend(["journal-probe.service", "pstore-probe.service", "pstore-clean.service"]);
        full.extend(["checkprobe.service", "envprobe.timer", "envprobe.service"]);
        full.extend(["telempulld.socket", "telempulld.service"]);
        let start_core = "start hprobe.timer telemprobd.socket telempostd.path";
        let start_full = format!(
            "{start_core} klogscanner.service journal-probe-tail.service checkprobe.service envprobe.timer \
             telempulld.socket"
        );
        let stop_core =
            "stop hprobe.timer telemprobd.socket telempostd.path telemprobd.service telempostd.service";
        let stop_full = "stop hprobe.timer telemprobd.socket telempostd.path klogscanner.service \
                         journal-probe-tail.service checkprobe.service envprobe.timer telempulld.socket envprobe.service \
                         hprobe.service journal-probe.service pstore-clean.service pstore-probe.service \
                         telemprobd.service telempostd.service telempulld.service";
        for (action, installed, expected) in [
            (Action::Start, &full[..], vec![start_full.as_str()]),
            (Action::Start, &core[..], vec![start_core]),
            (Action::Start, &[], vec![start_core]),
            (Action::Stop, &full[..], vec![stop_full]),
            (Action::Stop, &core[..], vec![stop_core]),
            (Action::Stop, &[], vec![]),
            (Action::Restart, &full[..], vec![stop_full, start_full.as_str()]),
            (Action::Restart, &core[..], vec![stop_core, start_core]),
        ] {
            assert_eq!(words(action, installed), expected, "{action:?}");
        }
    }
}
