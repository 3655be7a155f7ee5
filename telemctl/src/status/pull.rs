//! Whether this machine is asked how it is.

use crate::pull;
use serde::Serialize;
use telemetry_config::pull::LocalAddress;
use telemetry_runtime::instance;
use telempull_answers::settings::{SERVICE, Settings};

/// Where it is asked, and for what.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PullStatus {
    listen: Option<String>,
    local: Option<String>,
    /// The owner; none: no SOAP.
    member: Option<String>,
    limited: bool,
    /// None where it cannot be seen.
    running: Option<bool>,
    pid: Option<u32>,
    /// The same in words; none while nobody may ask.
    #[serde(skip)]
    words: Option<String>,
}

impl PullStatus {
    pub(super) fn from_settings(settings: &Settings) -> Self {
        let running = instance::running_pid(&settings.run_dir, SERVICE).ok();
        Self {
            listen: settings.listen.map(|address| address.to_string()),
            local: settings.local.as_ref().map(|local| match local {
                LocalAddress::Socket(path) => path.display().to_string(),
                LocalAddress::Loopback(address) => address.to_string(),
            }),
            member: settings.member.as_ref().map(ToString::to_string),
            limited: settings.is_limited,
            running: running.map(|pid| pid.is_some()),
            pid: running.flatten(),
            words: pull::switched_on(settings),
        }
    }

    /// For people; none while nobody may ask.
    pub(super) fn line(&self) -> Option<String> {
        let running = self.pid.map_or(String::new(), |pid| format!(" ({SERVICE} runs, pid {pid})"));
        self.words.as_ref().map(|words| format!("{words}{running}; see `telemctl pull`"))
    }
}
