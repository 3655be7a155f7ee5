//! What an exchange with a server means for the record.
//!
//! ```text
//! 2xx                      delivered
//! no answer, 3xx, 5xx      try later: the server, or the way to it, is not what it should be
//! 408, 425, 429            try later: the server says so
//! other 4xx                refused for good: this record will never be taken
//! ```
//!
//! Any 2xx counts as delivered, not only the 200 and 201 of the collector: a server that says 202 or 204
//! has it, and asking again would only give it twice. A redirect is not followed, since a record must
//! not go where nobody configured it to go; it may be put right, so the record waits.

use crate::limits::LONGEST_RETRY_AFTER;
use std::time::Duration;
use telempost_upload::protocol::PostResult;

/// What is to be done with a record after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server has it.
    Delivered,
    /// The server has to be waited for.
    TryLater(Setback),
    /// The server will not take it.
    Refused {
        /// HTTP status.
        status: u16,
        /// What the server said.
        answer: String,
    },
}

/// Why and how a server has to be waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setback {
    /// For people.
    pub(crate) reason: String,
    /// For the counters: the HTTP status, or none for no answer.
    pub(crate) status: Option<u16>,
    /// The least time to wait, when the server named one.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the record itself may be the cause, so that the next try is better made with another one.
    pub(crate) may_be_the_record: bool,
}

/// Judges an exchange.
pub(crate) fn of(exchange: PostResult) -> Outcome {
    match exchange {
        PostResult::Answered { status, retry_after_secs, body_head, .. } => match status {
            200..=299 => Outcome::Delivered,
            408 | 425 | 429 => later(status, retry_after_secs, &body_head),
            400..=499 => Outcome::Refused { status, answer: body_head },
            _ => later(status, retry_after_secs, &body_head),
        },
        PostResult::Failed { reason, was_sent } => {
            let status = None;
            Outcome::TryLater(Setback { reason, status, retry_after: None, may_be_the_record: was_sent })
        }
    }
}

fn later(status: u16, retry_after_secs: Option<u64>, body_head: &str) -> Outcome {
    let mut reason = match status {
        300..=399 => format!("the server redirects (status {status}); `server` must name the final URL"),
        _ => format!("the server answers with status {status}"),
    };
    if !body_head.is_empty() {
        reason.push_str(": ");
        reason.extend(body_head.chars().take(100));
    }
    let retry_after = retry_after_secs.map(|secs| Duration::from_secs(secs).min(LONGEST_RETRY_AFTER));
    // 429 and 503 speak of the server's load; any other may be how a server fails over one record.
    let may_be_the_record = !matches!(status, 429 | 503);
    Outcome::TryLater(Setback { reason, status: Some(status), retry_after, may_be_the_record })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Outcome {
        let body_head = "b".to_owned();
        of(PostResult::Answered { status, retry_after_secs: None, body_head, is_multiplexed: false })
    }

    #[test]
    fn every_status_has_its_outcome() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status), Outcome::Delivered, "{status}");
        }
        for status in [400, 401, 403, 404, 405, 409, 410, 411, 413, 414, 415, 421, 422, 426, 431, 451, 499] {
            assert_eq!(answer(status), Outcome::Refused { status, answer: "b".to_owned() });
        }
        for (status, may_be_the_record) in [
            (0, true),
            (100, true),
            (301, true),
            (302, true),
            (308, true),
            (408, true),
            (425, true),
            (429, false),
            (500, true),
            (502, true),
            (503, false),
            (504, true),
            (599, true),
            (999, true),
        ] {
            let Outcome::TryLater(setback) = answer(status) else { panic!("{status}") };
            assert_eq!(setback.may_be_the_record, may_be_the_record, "{status}");
            assert!(setback.reason.contains(&format!("{status}")) && setback.reason.ends_with(": b"));
        }
    }

    #[test]
    fn no_answer_is_the_servers_unless_the_record_was_seen() {
        for was_sent in [true, false] {
            let reason = "Connection refused".to_owned();
            let expected = Setback {
                reason: reason.clone(),
                status: None,
                retry_after: None,
                may_be_the_record: was_sent,
            };
            assert_eq!(of(PostResult::Failed { reason, was_sent }), Outcome::TryLater(expected));
        }
    }

    #[test]
    fn a_wait_that_a_server_asks_for_is_bounded() {
        for (asked, granted) in [(0, 0), (7, 7), (86_400, 86_400), (86_401, 86_400), (u64::MAX, 86_400)] {
            let (retry_after_secs, body_head) = (Some(asked), String::new());
            let exchange =
                PostResult::Answered { status: 429, retry_after_secs, body_head, is_multiplexed: false };
            let Outcome::TryLater(setback) = of(exchange) else { panic!("{asked}") };
            assert_eq!(setback.retry_after, Some(Duration::from_secs(granted)));
        }
    }
}
