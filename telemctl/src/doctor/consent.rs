//! Whether the user has agreed.

use super::finding::Finding;
use super::ownership::Seen;
use crate::status::Consent;

const ABOUT: &str = "consent";

pub(super) fn check(consent: &Consent) -> Vec<Finding> {
    vec![judge(consent, &Seen::at(&consent.file))]
}

fn judge(consent: &Consent, seen: &Seen) -> Finding {
    let file = consent.file.display();
    match seen {
        Seen::Hidden => {
            Finding::warning(ABOUT, format!("{file} cannot be seen by this user"), "run this as root")
        }
        Seen::Failed(reason) => Finding::error(
            ABOUT,
            format!("{file} cannot be seen: {reason}, which counts as no"),
            "correct etc_dir in the configuration",
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
            (false, Seen::Hidden, Level::Warning, "run this as root"),
            (false, Seen::Failed("Not a directory".to_owned()), Level::Error, "Not a directory"),
        ] {
            let consent = Consent { opted_in, file: "/e/opt-in".into(), error: None };
            assert_finding(&judge(&consent, &seen), level, part);
        }
    }
}
