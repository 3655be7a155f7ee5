//! How the machine is: what the configuration has switched on of it, in plain words, and what would be sent.

use crate::cli::Audience;
use crate::duration_text;
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::settings::Environment;
use crate::work_directories::daemon_ids;
use nix::unistd::Uid;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use telemetry_config::Source;
use telemetry_config::environment::Readings;
use telempull_answers::settings::SERVICE;

/// The program that reads it, of a package of its own.
const PROGRAM: &str = "envprobe";

/// The package.
pub(crate) const PACKAGE: &str = "telemetrics-environment";

/// What is switched on; none where nothing is.
pub(crate) fn switched_on(environment: &Environment) -> Option<String> {
    let interval = duration_text::of_secs(environment.interval?.as_secs());
    let parts: Vec<_> = environment.readings.iter().map(|readings| words(*readings, environment)).collect();
    let of = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
    Some(format!("a sample is sent every {interval}, of {of}"))
}

fn words(readings: Readings, environment: &Environment) -> String {
    match readings {
        Readings::System => "the machine as a whole, in numbers".to_owned(),
        Readings::Disks if environment.file_systems == ["*"] => "all file systems of this machine".to_owned(),
        Readings::Disks => format!("the file systems {}", environment.file_systems.join(" ")),
        Readings::Telemetry => "this client".to_owned(),
        Readings::Certificates => format!("the ends of {}", environment.certificate_files.join(" ")),
        Readings::Packages => "installed packages".to_owned(),
    }
}

/// The word of the configuration.
pub(crate) fn word(readings: Readings) -> &'static str {
    match readings {
        Readings::System => "system",
        Readings::Disks => "disks",
        Readings::Telemetry => "telemetry",
        Readings::Certificates => "certificates",
        Readings::Packages => "packages",
    }
}

/// Whether a check is defined.
pub(crate) fn has_checks(etc_dir: &Path) -> bool {
    let mut entries =
        std::fs::read_dir(etc_dir.join("checks.d")).into_iter().flatten().filter_map(Result::ok);
    entries.any(|entry| entry.file_name().as_encoded_bytes().ends_with(b".conf"))
}

/// Prints the records that would be sent, or what somebody would be answered, as the programs make it.
pub(crate) fn preview(
    installation: &Installation,
    audience: Option<Audience>,
    out: &mut dyn Write,
) -> Outcome {
    let (program, who) = match audience {
        None => (PROGRAM, None),
        Some(Audience::Owner) => (SERVICE, Some("owner")),
        Some(Audience::Central) => (SERVICE, Some("central")),
        Some(Audience::Read) => (SERVICE, Some("read")),
    };
    let mut command = command(installation, program)?;
    command.arg("--print").args(who).stderr(Stdio::inherit());
    // What root alone can read would leave by nobody.
    if let Some((uid, gid)) = daemon_ids().filter(|_| !installation.is_private && Uid::effective().is_root())
    {
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
    let output = command.output().map_err(|error| Failure::message(format!("{program}: {error}")))?;
    out.write_all(&output.stdout).map_err(Failure::Output)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Failure::message(format!("{program}: {}", output.status)))
    }
}

/// A program of the package, with this configuration. It is installed beside this one.
pub(crate) fn command(installation: &Installation, program: &str) -> Result<Command, Failure> {
    let directory = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let path = directory.map(|directory| directory.join(program)).filter(|path| path.exists());
    let path = path.ok_or_else(|| {
        Failure::message(format!("{program} is not installed; the package {PACKAGE} has it"))
    })?;
    let mut command = Command::new(path);
    if let (Source::File(path), true) = (&installation.source, installation.is_private) {
        command.arg("-f").arg(path);
    }
    command.stdin(Stdio::null());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_on_is_said_in_words() {
        let mut environment = Environment {
            interval: None,
            readings: vec![Readings::System, Readings::Disks],
            file_systems: vec!["/".to_owned(), "/srv".to_owned()],
            certificate_files: vec!["/etc/a.pem".to_owned()],
        };
        assert_eq!(switched_on(&environment), None);
        environment.interval = Some(Duration::from_secs(3600));
        assert_eq!(
            switched_on(&environment).unwrap(),
            "a sample is sent every 1 h 0 min, of the machine as a whole, in numbers, the file systems / /srv"
        );
        environment.readings = vec![Readings::Certificates, Readings::Packages, Readings::Telemetry];
        assert!(
            switched_on(&environment)
                .unwrap()
                .ends_with("the ends of /etc/a.pem, installed packages, this client")
        );
        environment.readings = Vec::new();
        assert!(switched_on(&environment).unwrap().ends_with("of nothing"));
    }
}
