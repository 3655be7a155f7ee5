//! What the response of a server, or its absence, means for the record.
//!
//! ```text
//! 2xx                      delivered
//! no answer, 3xx, 5xx      try later: the server, or the way to it, is not what it should be
//! 408, 425, 429            try later: the server asks for it
//! 407                      try later: a proxy's word, never the server's
//! refused certificate      try later: this machine is refused, not the record (`is_about_certificate`)
//! 410, code `forgotten`    dropped: the machine id was forgotten there, and so are late records of it
//! other 4xx                rejected permanently: this record will never be taken
//! ```
//!
//! Any 2xx counts as delivered, not only the 200 and 201 of the collector: a server that answers with 202 or 204
//! has it, and another try would only give it twice. A redirect is not followed, since a record must
//! not go where nobody configured it to go; it may be put right, so the record waits.

use crate::limits::LONGEST_RETRY_AFTER;
use crate::queue::RetryAdvice;
use serde::Deserialize;
use std::time::Duration;
use telempost_upload::protocol::PostResult;

/// What is to be done with a record after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Classified {
    /// The server has it.
    Delivered,
    /// The server has to be waited for.
    Retryable(RetryableFailure),
    /// The server has forgotten its machine id, as it was asked to.
    Forgotten,
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
    /// Whether this machine's clock may be the cause.
    pub(super) is_about_clock: bool,
}

impl RetryableFailure {
    /// One of which the sender is the cause, by what his configuration names.
    pub(super) fn from_sender(reason: String) -> Self {
        let advice = RetryAdvice { was_tried: true, ..RetryAdvice::default() };
        Self { advice, ..Self::from_local(reason) }
    }

    /// One that neither the server nor the record is the cause of.
    pub(super) fn from_local(reason: String) -> Self {
        Self { reason, status: None, advice: RetryAdvice::default(), is_about_clock: false }
    }
}

/// Classifies what came of a request.
pub(super) fn classify(result: PostResult) -> Classified {
    match result {
        PostResult::Answered { status, retry_after_secs, body_head, peer, .. } => match status {
            200..=299 => Classified::Delivered,
            407 => {
                let said = format!(
                    "the proxy at {peer} wants a login (status 407); the variable that names it (http_proxy) \
                     must have user and password"
                );
                later(status, retry_after_secs, with_body(said, &body_head))
            }
            400..=499 if is_about_certificate(status, &body_head) => {
                let said = format!("the server does not accept this machine's certificate (status {status})");
                later(status, retry_after_secs, with_body(said, &body_head))
            }
            410 if has_code(&body_head, "forgotten") => Classified::Forgotten,
            408 | 425 | 429 => later(status, retry_after_secs, shown(status, &body_head)),
            400..=499 => {
                let reason = if body_head.is_empty() { shown(status, "") } else { body_head };
                Classified::Rejected { status: Some(status), reason }
            }
            300..=399 => {
                let said =
                    format!("the server redirects (status {status}); `server` must name the final URL");
                later(status, retry_after_secs, with_body(said, &body_head))
            }
            _ => later(status, retry_after_secs, shown(status, &body_head)),
        },
        PostResult::Untrusted { reason, .. } => {
            let advice = RetryAdvice { was_tried: true, ..RetryAdvice::default() };
            Classified::Retryable(RetryableFailure { advice, ..RetryableFailure::from_local(reason) })
        }
        PostResult::Failed { reason, was_sent, is_about_clock } => {
            let advice = RetryAdvice { retry_after: None, may_be_the_record: was_sent, was_tried: true };
            Classified::Retryable(RetryableFailure { reason, status: None, advice, is_about_clock })
        }
    }
}

/// Whether it is the certificate of this machine that is refused: nginx's statuses and its text of a 400, and the code of
/// the collector.
pub(crate) fn is_about_certificate(status: u16, body_head: &str) -> bool {
    match status {
        495 | 496 => true,
        400 => body_head.contains("SSL certificate"),
        403 => has_code(body_head, "not_trusted"),
        _ => false,
    }
}

fn has_code(body_head: &str, code: &str) -> bool {
    serde_json::from_str::<ErrorBody>(body_head).is_ok_and(|body| body.code == code)
}

/// What a collector answers where it takes no record: `{"message", "code"}`, and more that does not matter here.
#[derive(Deserialize)]
struct ErrorBody {
    code: String,
}

fn shown(status: u16, body_head: &str) -> String {
    with_body(format!("the server answers with status {status}"), body_head)
}

fn with_body(mut said: String, body_head: &str) -> String {
    if !body_head.is_empty() {
        said.push_str(": ");
        said.extend(body_head.chars().take(100));
    }
    said
}

fn later(status: u16, retry_after_secs: Option<u64>, reason: String) -> Classified {
    let retry_after = retry_after_secs.map(|secs| Duration::from_secs(secs).min(LONGEST_RETRY_AFTER));
    // These are about the server's load, a proxy or a certificate; any other may be how a server fails over one record.
    let may_be_the_record = !matches!(status, 400 | 403 | 407 | 429 | 495 | 496 | 503);
    let advice = RetryAdvice { retry_after, may_be_the_record, was_tried: true };
    Classified::Retryable(RetryableFailure { reason, status: Some(status), advice, is_about_clock: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body_head: &str) -> Classified {
        classify(PostResult::Answered {
            status,
            retry_after_secs: None,
            date_unix_secs: None,
            body_head: body_head.to_owned(),
            is_multiplexed: false,
            peer: "192.0.2.1:3128".to_owned(),
        })
    }

    #[test]
    fn every_status_has_its_class() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status, "b"), Classified::Delivered, "{status}");
        }
        for status in [400, 401, 403, 404, 405, 409, 410, 411, 413, 414, 415, 421, 422, 426, 431, 451, 499] {
            let rejected =
                |reason: &str| Classified::Rejected { status: Some(status), reason: reason.to_owned() };
            assert_eq!(answer(status, "b"), rejected("b"));
            let without_body = format!("the server answers with status {status}");
            assert_eq!(answer(status, ""), rejected(&without_body));
        }
        for (status, may_be_the_record) in [
            (100, true),
            (301, true),
            (407, false),
            (495, false),
            (496, false),
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
            let Classified::Retryable(failure) = answer(status, "b") else { panic!("{status}") };
            assert_eq!((failure.status, failure.advice.may_be_the_record), (Some(status), may_be_the_record));
            assert!(failure.reason.contains(&format!("{status}")) && failure.reason.ends_with(": b"));
        }
    }

    #[test]
    fn only_the_code_says_that_an_id_was_forgotten() {
        assert_eq!(answer(410, r#"{"message": "gone", "code": "forgotten"}"#), Classified::Forgotten);
        for (status, body) in
            [(410, "forgotten"), (410, ""), (410, r#"{"code": "x"}"#), (404, r#"{"code": "forgotten"}"#)]
        {
            assert!(matches!(answer(status, body), Classified::Rejected { .. }), "{status} {body}");
        }
    }

    #[test]
    fn a_proxy_or_a_refused_certificate_is_a_wait_that_says_so() {
        for (status, body, expected) in [
            (407, "", "the proxy at 192.0.2.1:3128 wants a login (status 407)"),
            (400, "<center>The SSL certificate error</center>", "does not accept this machine's certificate"),
            (400, "No required SSL certificate was sent", "does not accept this machine's certificate"),
            (403, r#"{"message": "m", "code": "not_trusted", "fingerprint": "0"}"#, "(status 403): {"),
            (495, "", "does not accept this machine's certificate (status 495)"),
            (496, "", "does not accept this machine's certificate (status 496)"),
        ] {
            let Classified::Retryable(failure) = answer(status, body) else { panic!("{status} {body}") };
            assert!(failure.reason.contains(expected), "{}", failure.reason);
            assert!(!failure.advice.may_be_the_record);
        }
        for (status, body) in [
            (400, "bad severity"),
            (403, "not_trusted"),
            (403, r#"{"code": "other"}"#),
            (403, r#"{"message": "not_trusted"}"#),
            (401, r#"{"code": "not_trusted"}"#),
            (404, "SSL certificate"),
            (494, ""),
            (497, ""),
        ] {
            assert!(matches!(answer(status, body), Classified::Rejected { .. }), "{status} {body}");
        }
    }

    #[test]
    fn without_an_answer_the_record_may_be_the_cause_only_if_it_was_sent() {
        for was_sent in [true, false] {
            let reason = "Connection refused".to_owned();
            let advice = RetryAdvice { retry_after: None, may_be_the_record: was_sent, was_tried: true };
            let is_about_clock = was_sent;
            let expected = RetryableFailure { reason: reason.clone(), status: None, advice, is_about_clock };
            let result = PostResult::Failed { reason, was_sent, is_about_clock };
            assert_eq!(classify(result), Classified::Retryable(expected));
        }
    }

    #[test]
    fn a_wait_that_a_server_asks_for_is_bounded() {
        for (asked, granted) in [(0, 0), (7, 7), (86_400, 86_400), (86_401, 86_400), (u64::MAX, 86_400)] {
            let (retry_after_secs, body_head) = (Some(asked), String::new());
            let (is_multiplexed, peer) = (false, String::new());
            let (status, date_unix_secs) = (429, None);
            let result = PostResult::Answered {
                status,
                retry_after_secs,
                date_unix_secs,
                body_head,
                is_multiplexed,
                peer,
            };
            let Classified::Retryable(failure) = classify(result) else { panic!("{asked}") };
            assert_eq!(failure.advice.retry_after, Some(Duration::from_secs(granted)));
        }
    }
}
