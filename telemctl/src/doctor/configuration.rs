//! The configuration file: whose it is, which values of it are wrong and whom they stop, and what has no effect.

use super::finding::Finding;
use super::ownership::{DaemonUser, Seen, name_of};
use crate::exit_code::Failure;
use crate::installation::Installation;
use crate::programs;
use crate::status::ConfigStatus;
use nix::unistd::Uid;
use std::path::Path;
use telemetry_config::ConfigError;
use telemetry_runtime::config_warnings::Oddity;

const ABOUT: &str = "configuration";

/// Permission bits with which others than the owner may write.
const WRITABLE_FOR_OTHERS: u32 = 0o022;

/// Permission bits with which others than the owner may read.
const READABLE_FOR_OTHERS: u32 = 0o044;

pub(super) fn check(installation: &Installation, config: &ConfigStatus, user: &DaemonUser) -> Vec<Finding> {
    let mut trusted = vec![0];
    if installation.is_private {
        trusted.extend([user.uid, Uid::effective().as_raw()]);
    }
    let file = match &config.source {
        Some(path) => judge(path, &Seen::at(path), &trusted, user),
        None => Finding::ok(ABOUT, "built-in defaults, no file"),
    };
    let odd = |oddity: &Oddity| Finding::warning(ABOUT, oddity.line.as_str(), oddity.remedy);
    let wrong = installation.wrong_values.iter().map(wrong_value);
    std::iter::once(file).chain(wrong).chain(installation.warnings.iter().map(odd)).collect()
}

/// A configuration of which nothing else can be examined.
pub(super) fn unusable(failure: &Failure) -> Finding {
    let remedy = match failure {
        Failure::Config(error) => error.remedy(),
        _ => "name another file".to_owned(),
    };
    Finding::error(ABOUT, failure.to_string(), format!("{remedy}; until then nothing else is examined"))
}

fn wrong_value(error: &ConfigError) -> Finding {
    let programs: Vec<_> = match error {
        ConfigError::Value { key, .. } => programs::obeying(key).collect(),
        _ => Vec::new(),
    };
    Finding::error(ABOUT, format!("{error}; it stops {}", programs.join(", ")), error.remedy())
}

fn judge(path: &Path, seen: &Seen, trusted: &[u32], user: &DaemonUser) -> Finding {
    let shown = path.display();
    let Seen::There(standing) = seen else {
        return Finding::warning(ABOUT, format!("{shown} was read, but is gone by now"), "run this again");
    };
    if !trusted.contains(&standing.uid) {
        let owner = name_of(standing.uid);
        let text = format!("{shown} belongs to {owner}, who can send every record elsewhere");
        return Finding::error(ABOUT, text, format!("`chown root {shown}`"));
    }
    if standing.mode & WRITABLE_FOR_OTHERS != 0 {
        let text = format!("{shown} has mode {:04o}: others can send every record elsewhere", standing.mode);
        return Finding::error(ABOUT, text, format!("`chmod go-w {shown}`"));
    }
    // Whether the daemons are in its group is not known here.
    if ![0, standing.uid].contains(&user.uid) && standing.mode & READABLE_FOR_OTHERS == 0 {
        let (mode, name) = (standing.mode, &user.name);
        let text = format!("{shown} has mode {mode:04o}: {name}, as whom the daemons run, cannot read it");
        return Finding::error(ABOUT, text, format!("`chmod a+r {shown}`"));
    }
    Finding::ok(ABOUT, shown.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::super::ownership::{Kind, Standing};
    use super::*;

    #[test]
    fn a_file_that_others_can_change_is_an_error() {
        let user = DaemonUser { uid: 7, name: "telemetry".to_owned() };
        let stranger = 4_000_000_000;
        for (uid, mode, level, part) in [
            (0, 0o644, Level::Ok, "/c"),
            (0, 0o640, Level::Ok, "/c"),
            (7, 0o600, Level::Ok, "/c"),
            (
                stranger,
                0o644,
                Level::Error,
                "user 4000000000, who can send every record elsewhere; `chown root /c`",
            ),
            (0, 0o664, Level::Error, "mode 0664"),
            (0, 0o646, Level::Error, "`chmod go-w /c`"),
            (0, 0o600, Level::Error, "telemetry, as whom the daemons run, cannot read it; `chmod a+r /c`"),
        ] {
            let seen = Seen::There(Standing { kind: Kind::File, uid, mode });
            assert_finding(&judge(Path::new("/c"), &seen, &[0, 7], &user), level, part);
        }
        let finding = judge(Path::new("/c"), &Seen::Missing, &[0], &user);
        assert_finding(&finding, Level::Warning, "gone by now");
    }
}
