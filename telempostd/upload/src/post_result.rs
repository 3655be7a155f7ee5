//! What came of a transfer, as it is reported to telempostd.

use crate::answer::{Answer, one_line};
use crate::{retry_after, tls_fault};
use curl::easy::Easy2;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_config::without_passwords;
use telemetry_trust::Fingerprint;
use telempost_upload::protocol::PostResult;

/// Status of a proxy that wants to know who uses it.
const PROXY_WANTS_LOGIN: u16 = 407;

/// What came of a transfer. The URL and the certificates are those of its request; `fingerprint` is that of ours, where it
/// was shown.
pub(crate) fn post_result(
    easy: &Easy2<Answer>,
    result: Result<(), curl::Error>,
    url: &str,
    ca_file: Option<&str>,
    fingerprint: Option<Fingerprint>,
) -> PostResult {
    let answer = easy.get_ref();
    // The answer to CONNECT; libcurl's own words for it do not name the proxy.
    if result.is_err() && easy.http_connectcode().is_ok_and(|status| status == u32::from(PROXY_WANTS_LOGIN)) {
        return PostResult::Answered {
            status: PROXY_WANTS_LOGIN,
            retry_after_secs: None,
            date_unix_secs: None,
            body_head: String::new(),
            is_multiplexed: false,
            peer: peer(easy),
        };
    }
    match result {
        // The status was there before the rest became too long; and whose head says that the record was taken has it,
        // whatever becomes of the body.
        Err(error) if !(is_taken(easy) || (error.is_write_error() && answer.is_too_long())) => {
            // It quotes a proxy's URL that it does not understand.
            let said = without_passwords(error.extra_description().unwrap_or(error.description()));
            let said = said.as_ref();
            let reason = match tls_fault::sentence(error.code(), said, url, ca_file, fingerprint) {
                Some(sentence) => sentence,
                None if said.contains(error.description()) => said.to_owned(),
                None => format!("{said} ({})", error.description()),
            };
            let was_sent = easy.pretransfer_time().is_ok_and(|time| !time.is_zero());
            let is_about_clock = tls_fault::is_about_time(error.code(), said);
            PostResult::Failed { reason: one_line(&reason), was_sent, is_about_clock }
        }
        _ if !answer.is_head_whole() => {
            let reason = "the connection was closed in the middle of the answer".to_owned();
            PostResult::Failed { reason, was_sent: true, is_about_clock: false }
        }
        _ => match status(easy) {
            None => {
                let reason = "the answer has no status".to_owned();
                PostResult::Failed { reason, was_sent: true, is_about_clock: false }
            }
            Some(status) => PostResult::Answered {
                status,
                retry_after_secs: answer
                    .retry_after()
                    .and_then(|value| retry_after::parse(value, answer.date(), SystemTime::now())),
                date_unix_secs: answer.date().and_then(unix_secs),
                body_head: answer.shown_head(),
                is_multiplexed: answer.is_multiplexed(),
                peer: peer(easy),
            },
        },
    }
}

fn unix_secs(date: SystemTime) -> Option<u64> {
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// Whether the head of the answer is whole and says that the record was taken.
fn is_taken(easy: &Easy2<Answer>) -> bool {
    easy.get_ref().is_head_whole() && matches!(status(easy), Some(200 | 201))
}

/// The status of the answer; none if there was none, which libcurl reports as 0.
fn status(easy: &Easy2<Answer>) -> Option<u16> {
    easy.response_code().ok().and_then(|status| u16::try_from(status).ok()).filter(|status| *status != 0)
}

/// Address and port of the other end of the connection.
fn peer(easy: &Easy2<Answer>) -> String {
    let address = easy.primary_ip().ok().flatten().unwrap_or_default();
    let port = easy.primary_port().unwrap_or_default();
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}
