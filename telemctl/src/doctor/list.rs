//! The servers of the list, where there are several: which one records go to, and why.

use super::finding::Finding;
use crate::duration_text;
use crate::status::{ListedServer, plural};

const ABOUT: &str = "server";

/// A finding, where there are several.
pub(super) fn judge(list: &[ListedServer], now: u64) -> Option<Finding> {
    let (position, active) = list.iter().enumerate().find(|(_, server)| server.active)?;
    let since = active.active_since_unix_secs.map(|secs| now.saturating_sub(secs));
    let since = since.map(|secs| format!(" for {}", duration_text::of_secs(secs))).unwrap_or_default();
    let (before, url) = (list.get(..position).unwrap_or_default(), &active.url);
    let why: Vec<_> = before.iter().map(reason).collect();
    let why = if why.is_empty() { String::new() } else { format!(", since {}", why.join(", and ")) };
    let all = plural(list.len() as u64, "server");
    let text = format!("of {all} records go to {url}{since}{why}");
    if active.failures > 0 {
        let failure = active.last_failure.as_deref().unwrap_or("no reason is known");
        let fails = if before.is_empty() { "it fails" } else { "it fails, too" };
        let text = format!("{text}; {fails}: {failure}");
        let remedy =
            "see that one of them can be reached; records wait, and go to the next one after failover_after";
        return Some(Finding::warning(ABOUT, text, remedy));
    }
    if before.is_empty() {
        return Some(Finding::ok(ABOUT, format!("{text}, the first")));
    }
    let remedy = "see that the first can be reached; records go back to it by themselves, once it has worked for failback_after";
    Some(Finding::warning(ABOUT, text, remedy))
}

/// Why records do not go to one that stands before the active one.
fn reason(server: &ListedServer) -> String {
    let url = &server.url;
    match (server.failures, &server.last_failure) {
        (0, Some(failure)) => format!("{url} failed ({failure}) and works again only since lately"),
        (0, None) => format!("{url} failed, and works again only since lately"),
        (_, Some(failure)) => format!("{url} fails: {failure}"),
        (_, None) => format!("{url} fails"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn who_is_active_is_said_with_the_reason() {
        let server = |url: &str, active, failures, last_failure: Option<&str>| ListedServer {
            url: url.to_owned(),
            active,
            active_since_unix_secs: Some(100).filter(|_| active),
            failures,
            last_failure: last_failure.map(str::to_owned),
        };
        let [up, down] = [0, 3];
        for (list, level, part) in [
            (
                vec![server("a", true, up, Some("long ago")), server("b", false, up, None)],
                Level::Ok,
                "of 2 servers records go to a for 1 h 0 min, the first",
            ),
            (
                vec![server("a", true, down, Some("refused")), server("b", false, up, None)],
                Level::Warning,
                "records go to a for 1 h 0 min; it fails: refused; see that one",
            ),
            (
                vec![server("a", false, down, Some("refused")), server("b", true, up, None)],
                Level::Warning,
                "of 2 servers records go to b for 1 h 0 min, since a fails: refused; see that the first",
            ),
            (
                vec![server("a", false, up, Some("refused")), server("b", true, up, None)],
                Level::Warning,
                "since a failed (refused) and works again only since lately",
            ),
            (
                vec![
                    server("a", false, down, None),
                    server("b", false, down, Some("x")),
                    server("c", true, down, None),
                ],
                Level::Warning,
                "of 3 servers records go to c for 1 h 0 min, since a fails, and b fails: x; it fails, too: no reason is known",
            ),
        ] {
            assert_finding(&judge(&list, 3700).unwrap(), level, part);
        }
        assert!(judge(&[], 0).is_none());
    }
}
