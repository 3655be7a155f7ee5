//! Crashes of programs: the kernel hands them to the crash probe, and waits for it.

use super::finding::Finding;
use crate::core_pattern::{CorePattern, Obstacle};
use crate::installation::Installation;

const ABOUT: &str = "crashes";

pub(super) fn check(installation: &Installation, opted_in: bool) -> Finding {
    match CorePattern::read() {
        Err(error) => Finding::warning(
            ABOUT,
            format!("kernel.core_pattern cannot be read: {error}"),
            "mount /proc, and run this as root",
        ),
        Ok(pattern) => {
            let obstacle = pattern.obstacle(installation);
            judge(obstacle.as_ref(), pattern.waits, installation.is_private, opted_in)
        }
    }
}

fn judge(obstacle: Option<&Obstacle>, waits: bool, is_private: bool, opted_in: bool) -> Finding {
    match obstacle {
        // One installation has the crashes of the machine; a private one need not be it.
        Some(Obstacle::Elsewhere(_) | Obstacle::OtherInstallation(..)) if is_private => {
            Finding::ok(ABOUT, "are not this instance's, by kernel.core_pattern")
        }
        Some(obstacle @ Obstacle::NoProgram(_)) => Finding::error(ABOUT, obstacle.text(), obstacle.remedy()),
        Some(_) if !opted_in => {
            Finding::ok(ABOUT, "do not go to crashprobe, which reports none without consent")
        }
        Some(obstacle) => Finding::warning(ABOUT, obstacle.text(), obstacle.remedy()),
        None if !waits => Finding::warning(
            ABOUT,
            "go to crashprobe, but the kernel does not wait for it (kernel.core_pipe_limit is 0): it has to read whole cores",
            "`sysctl kernel.core_pipe_limit=64`",
        ),
        None => Finding::ok(ABOUT, "go to crashprobe; `telemctl crash-test` tries it"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn what_becomes_of_crashes() {
        let elsewhere = Obstacle::Elsewhere("core".to_owned());
        let missing = Obstacle::NoProgram("/x/crashprobe".to_owned());
        let other = Obstacle::OtherInstallation("/o.conf".to_owned(), "mend it".to_owned());
        for (obstacle, waits, is_private, opted_in, level, part) in [
            (None, true, false, true, Level::Ok, "`telemctl crash-test` tries it"),
            (None, true, true, true, Level::Ok, "go to crashprobe"),
            (None, false, false, true, Level::Warning, "`sysctl kernel.core_pipe_limit=64`"),
            (
                Some(&elsewhere),
                true,
                false,
                true,
                Level::Warning,
                "core_pattern is `core`; `sysctl --system`",
            ),
            (Some(&elsewhere), true, false, false, Level::Ok, "without consent"),
            (Some(&elsewhere), true, true, true, Level::Ok, "not this instance's"),
            (Some(&other), true, true, true, Level::Ok, "not this instance's"),
            (Some(&other), true, false, true, Level::Warning, "another installation, /o.conf; mend it"),
            (Some(&missing), true, true, false, Level::Error, "/x/crashprobe, which is no program"),
        ] {
            assert_finding(&judge(obstacle, waits, is_private, opted_in), level, part);
        }
    }
}
