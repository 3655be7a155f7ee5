//! `telemctl`: consent, services, status and journal of the telemetry client.

use std::process::ExitCode;

fn main() -> ExitCode {
    telemctl::run_telemctl()
}
