//! Who is trusted by fingerprint, and who this machine is to servers.

mod own;
mod servers;

pub(super) use own::next_of;

use super::finding::Finding;
use crate::installation::Installation;
use crate::trust::Files;
use telemetry_trust::{TrustList, Window};

const ABOUT: &str = "trust";

/// The service that delivers.
const SERVICE: &str = "telempostd";

/// What is wrong with files and certificates. Servers that are trusted by fingerprint are looked at where consent is given.
pub(super) fn check(installation: &Installation, opted_in: bool, now: u64) -> Vec<Finding> {
    let files = Files::new(installation, SERVICE);
    let read = || Ok((files.parse(&files.text()?)?, files.learned()?, files.window()?));
    let read: Result<_, crate::exit_code::Failure> = read();
    let (list, learned, window) = match read {
        Ok(read) => read,
        Err(error) => {
            let text = format!("{error}; nothing is delivered to https servers until it is mended");
            return vec![Finding::error(ABOUT, text, "mend that line, or remove it")];
        }
    };
    let mut findings = judge_files(&files.path().display().to_string(), &list, &learned, window.as_ref());
    let all = list.with_learned(&learned);
    findings.extend(servers::check(&installation.settings, &all, opted_in));
    findings.extend(own::check(installation, &all, now));
    findings
}

fn judge_files(file: &str, list: &TrustList, learned: &TrustList, window: Option<&Window>) -> Vec<Finding> {
    let mut findings: Vec<_> = list
        .warnings()
        .iter()
        .map(|warning| Finding::warning(ABOUT, format!("{file}: {warning}"), "mend that line"))
        .collect();
    let all = list.clone().with_learned(learned);
    let in_force = learned.certificates().iter().filter(|line| all.find(&line.fingerprint).is_some());
    for line in in_force.filter(|line| list.find(&line.fingerprint).is_none()) {
        let how = match line.words.next_of {
            Some(parent) => format!("{parent} has announced it"),
            None => "it was the first that was seen".to_owned(),
        };
        findings.push(Finding::warning(
            ABOUT,
            format!("{} is trusted since {how}, and no person has accepted it", line.fingerprint),
            format!(
                "compare it with what the server's administrator says, and then `telemctl trust accept {}`",
                line.fingerprint
            ),
        ));
    }
    if let Some(window) = window {
        let minutes = window.rest.as_secs().div_ceil(60);
        findings.push(Finding::warning(
            ABOUT,
            format!("the first certificate of a server is trusted, for {minutes} minutes more"),
            "it closes by itself, at a restart of the machine too; `telemctl trust SERVER --fingerprint F` needs no window",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;
    use telemetry_trust::{Fingerprint, Grammar};

    #[test]
    fn what_was_learned_waits_to_be_accepted_and_what_is_not_in_force_does_not() {
        let [a, b, c] = [&b"a"[..], b"b", b"c"].map(Fingerprint::of_der);
        let list = |text: String, grammar| TrustList::parse(text.as_bytes(), grammar).unwrap();
        let written = list(format!("{a} mine server=h:1\n"), Grammar::Administrators);
        let learned = format!("{b} next-of={a}\n{c} next-of={}\n", Fingerprint::of_der(b"gone"));
        let learned = list(learned, Grammar::Learned);
        let found = judge_files("/f", &written, &learned, None);
        let [comment, announced] = found.as_slice() else { panic!("{found:?}") };
        assert_finding(comment, Level::Warning, "/f: line 1: server=h:1 stands in the comment");
        assert_finding(announced, Level::Warning, &format!("`telemctl trust accept {b}`"));
    }
}
