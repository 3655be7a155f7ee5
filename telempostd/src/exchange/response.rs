//! What the response of a server, or its absence, means for the record.
//!
//! ```text
//! 2xx                      delivered
//! no answer, 3xx, 5xx      try later: the server, or the way to it, is not what it should be
//! 408, 425, 429            try later: the server asks for it
//! other 4xx                rejected permanently: this record will never be taken
//! ```
//!
//! Any 2xx counts as delivered, not only the 200 and 201 of the collector: a server that answers with 202 or 204
//! has it, and another try would only give it twice. A redirect is not followed, since a record must
//! not go where nobody configured it to go; it may be put right, so the record waits.

use crate::limits::LONGEST_RETRY_AFTER;
use crate::queue::RetryAdvice;
use std::time::Duration;
use telempost_upload::protocol::PostResult;

/// What is to be done with a record after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Classified {
    /// The server has it.
    Delivered,
    /// The server has to be waited for.
    Retryable(RetryableFailure),
    /// It will never be taken.
    Rejected {
        /// HTTP status; none if no request can carry it.
        status: Option<u16>,
        /// What the server said, or why there is no request.
        reason: String,
    },
}

/// Why and how a record is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RetryableFailure {
    /// For people.
    pub(super) reason: String,
    /// HTTP status; none if there was no answer.
    pub(super) status: Option<u16>,
    /// How to go on.
    pub(super) advice: RetryAdvice,
}

impl RetryableFailure {
    /// One that neither the server nor the record is the cause of.
    pub(super) fn from_local(reason: String) -> Self {
        Self { reason, status: None, advice: RetryAdvice::default() }
    }
}

/// Classifies what came of a request.
pub(super) fn classify(result: PostResult) -> Classified {
    match result {
        PostResult::Answered { status, retry_after_secs, body_head, .. } => match status {
            200..=299 => Classified::Delivered,
            408 | 425 | 429 => later(status, retry_after_secs, &body_head),
            400..=499 => Classified::Rejected { status: Some(status), reason: body_head },
            _ => later(status, retry_after_secs, &body_head),
        },
        PostResult::Failed { reason, was_sent } => {
            let advice = RetryAdvice { retry_after: None, may_be_the_record: was_sent };
            Classified::Retryable(RetryableFailure { reason, status: None, advice })
        }
    }
}

fn later(status: u16, retry_after_secs: Option<u64>, body_head: &str) -> Classified {
    let mut reason = match status {
        300..=399 => format!("the server redirects (status {status}); `server` must name the final URL"),
        _ => format!("the server answers with status {status}"),
    };
    if !body_head.is_empty() {
        reason.push_str(": ");
        reason.extend(body_head.chars().take(100));
    }
    let retry_after = retry_after_secs.map(|secs| Duration::from_secs(secs).min(LONGEST_RETRY_AFTER));
    // 429 and 503 are about the server's load; any other may be how a server fails over one record.
    let may_be_the_record = !matches!(status, 429 | 503);
    let advice = RetryAdvice { retry_after, may_be_the_record };
    Classified::Retryable(RetryableFailure { reason, status: Some(status), advice })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Classified {
        let body_head = "b".to_owned();
        classify(PostResult::Answered { status, retry_after_secs: None, body_head, is_multiplexed: false })
    }

    #[test]
    fn every_status_has_its_class() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status), Classified::Delivered, "{status}");
        }
        for status in [400, 401, 403, 404, 405, 409, 410, 411, 413, 414, 415, 421, 422, 426, 431, 451, 499] {
            assert_eq!(answer(status), Classified::Rejected { status: Some(status), reason: "b".to_owned() });
        }
        for (status, may_be_the_record) in [
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
            let Classified::Retryable(failure) = answer(status) else { panic!("{status}") };
            assert_eq!((failure.status, failure.advice.may_be_the_record), (Some(status), may_be_the_record));
            assert!(failure.reason.contains(&format!("{status}")) && failure.reason.ends_with(": b"));
        }
    }

    #[test]
    fn without_an_answer_the_record_may_be_the_cause_only_if_it_was_sent() {
        for was_sent in [true, false] {
            let reason = "Connection refused".to_owned();
            let advice = RetryAdvice { retry_after: None, may_be_the_record: was_sent };
            let expected = RetryableFailure { reason: reason.clone(), status: None, advice };
            assert_eq!(classify(PostResult::Failed { reason, was_sent }), Classified::Retryable(expected));
        }
    }

    #[test]
    fn a_wait_that_a_server_asks_for_is_bounded() {
        for (asked, granted) in [(0, 0), (7, 7), (86_400, 86_400), (86_401, 86_400), (u64::MAX, 86_400)] {
            let (retry_after_secs, body_head) = (Some(asked), String::new());
            let result =
                PostResult::Answered { status: 429, retry_after_secs, body_head, is_multiplexed: false };
            let Classified::Retryable(failure) = classify(result) else { panic!("{asked}") };
            assert_eq!(failure.advice.retry_after, Some(Duration::from_secs(granted)));
        }
    }
}
