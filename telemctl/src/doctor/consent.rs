//! Whether the user has agreed.

use super::finding::Finding;
use super::ownership::{DaemonUser, Seen, Who, closed_directory};
use crate::status::Consent;
use std::path::PathBuf;

const ABOUT: &str = "consent";

/// The system's is asked by every program that sends, a private instance's by the daemons alone.
pub(super) fn check(consent: &Consent, is_private: bool, user: &DaemonUser) -> Finding {
    let who = if is_private { Who::User(user.uid) } else { Who::Everybody };
    judge(consent, &Seen::at(&consent.file), closed_directory(&consent.file, who))
}

fn judge(consent: &Consent, seen: &Seen, closed: Option<(PathBuf, u32)>) -> Finding {
    let file = consent.file.display();
    if let Some((directory, mode)) = closed {
        let directory = directory.display();
        let text = format!(
            "{file} cannot be seen by every program that needs to, which counts as no: {directory} has mode {mode:04o}"
        );
        return Finding::error(ABOUT, text, format!("`chmod a+x {directory}`"));
    }
    match seen {
        Seen::Hidden => {
            let text = format!("{file} cannot be seen by this user, which counts as no");
            Finding::error(
                ABOUT,
                text,
                "every user must be able to enter the directories above it (`chmod a+x`)",
            )
        }
        Seen::Failed(reason) => Finding::error(
            ABOUT,
            format!("{file} cannot be seen: {reason}, which counts as no"),
            "correct etc_dir in the configuration, or what stands there",
        ),
        _ if consent.opted_in => Finding::ok(ABOUT, format!("opted in ({file})")),
        _ => Finding::warning(
            ABOUT,
            "not opted in: nothing is collected or sent",
            "`telemctl preview` shows what would be, `telemctl opt-in` begins it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::super::ownership::{Kind, Standing};
    use super::*;

    #[test]
    fn consent_as_it_is_seen() {
        let there = Seen::There(Standing { kind: Kind::File, uid: 0, mode: 0o644 });
        for (opted_in, seen, level, part) in [
            (true, there, Level::Ok, "opted in (/e/opt-in)"),
            (false, Seen::Missing, Level::Warning, "`telemctl opt-in`"),
            (
                false,
                Seen::Hidden,
                Level::Error,
                "cannot be seen by this user, which counts as no; every user",
            ),
            (false, Seen::Failed("Not a directory".to_owned()), Level::Error, "Not a directory"),
        ] {
            let consent = Consent { opted_in, file: "/e/opt-in".into(), error: None };
            assert_finding(&judge(&consent, &seen, None), level, part);
        }
        let consent = Consent { opted_in: true, file: "/e/opt-in".into(), error: None };
        let finding = judge(&consent, &Seen::Missing, Some(("/e".into(), 0o700)));
        assert_finding(&finding, Level::Error, "counts as no: /e has mode 0700; `chmod a+x /e`");
    }
}
