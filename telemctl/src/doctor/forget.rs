//! What servers are still to forget of this machine.

use super::finding::Finding;
use std::path::Path;
use telemetry_store::forget::Pending;

const ABOUT: &str = "forget";

pub(super) fn check(state_dir: &Path, now: u64) -> Vec<Finding> {
    match Pending::read(state_dir) {
        Ok(Some(pending)) => judge(&pending, now),
        // Most have none, and others may not see it.
        Ok(None) | Err(_) => Vec::new(),
    }
}

fn judge(pending: &Pending, now: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    for request in &pending.requests {
        let shown = telemetry_config::without_passwords(&request.url);
        let why = request.last_result.as_deref().unwrap_or("not asked yet");
        findings.push(if request.until_unix_secs <= now {
            let text = format!("{shown} was asked for forget_days to forget this machine, in vain: {why}");
            Finding::warning(ABOUT, text, "ask its administrator; `telemctl opt-out --print` has the request")
        } else {
            let text = format!("{shown} is still to forget this machine: {why}");
            Finding::warning(ABOUT, text, "telempost-forget.timer goes on; `telemctl opt-out` asks at once")
        });
    }
    if pending.unprovable > 0 {
        let text = format!(
            "{} machine ids cannot be proven, so that servers keep what they have of them",
            pending.unprovable
        );
        findings.push(Finding::warning(ABOUT, text, "ask the servers' administrators, with these ids"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;
    use telemetry_store::forget::PendingRequest;

    #[test]
    fn what_is_pending_given_up_or_unprovable_is_reported() {
        let request = |until_unix_secs| PendingRequest {
            url: "https://u:secret@h/".to_owned(),
            tid_header: String::new(),
            cainfo: None,
            is_foreign: false,
            preimages: Vec::new(),
            forgotten: 0,
            tries: 1,
            next_try_unix_secs: 0,
            until_unix_secs,
            last_result: Some("timed out".to_owned()),
        };
        let pending = Pending { requests: vec![request(10), request(20)], unprovable: 3 };
        let found = judge(&pending, 15);
        let [given_up, waits, unprovable] = found.as_slice() else { panic!("{found:?}") };
        assert_finding(given_up, Level::Warning, "in vain: timed out");
        assert_finding(waits, Level::Warning, "is still to forget this machine: timed out");
        assert_finding(unprovable, Level::Warning, "3 machine ids cannot be proven");
        assert!(!found.iter().any(|finding| finding.text.contains("secret")));
        assert_eq!(judge(&Pending::default(), 15), []);
    }
}
