//! What an answer to a request to forget means.
//!
//! ```text
//! 200                              done
//! 202                              it goes on; ask again
//! 400 403 404 405 501              the server cannot: said, and done
//! a refused certificate, all else  later
//! ```

use crate::exchange::is_about_certificate;
use telempost_upload::protocol::PostResult;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No record of these ids is left there.
    Done {
        /// Records that are gone.
        forgotten: u64,
    },
    /// It has begun.
    GoesOn {
        /// Records that are left.
        left: u64,
    },
    /// It never will, for this reason.
    Cannot(String),
    /// It may, later.
    Wait(String),
}

/// Judges what came of a request.
pub(super) fn judge(result: &PostResult) -> Verdict {
    match result {
        PostResult::Answered { status, body_head, .. } => match status {
            200 => Verdict::Done { forgotten: number(body_head, "forgotten").unwrap_or(0) },
            202 => Verdict::GoesOn { left: number(body_head, "left").unwrap_or(0) },
            400 | 403 if is_about_certificate(*status, body_head) => Verdict::Wait(format!(
                "it does not accept this machine's certificate (status {status}): {body_head}"
            )),
            404 | 405 | 501 => {
                Verdict::Cannot(format!("it answers with status {status}, as older collectors do"))
            }
            400 | 403 => Verdict::Cannot(format!("it answers with status {status}: {body_head}")),
            _ => Verdict::Wait(format!("it answers with status {status}")),
        },
        PostResult::Untrusted { reason, .. } | PostResult::Failed { reason, .. } => {
            Verdict::Wait(reason.clone())
        }
    }
}

/// A number of a JSON object of which only the head may be here.
fn number(text: &str, name: &str) -> Option<u64> {
    let (_, behind) = text.split_once(&format!("\"{name}\""))?;
    let digits = behind.trim_start().strip_prefix(':')?.trim_start();
    digits.get(..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body_head: &str) -> Verdict {
        judge(&PostResult::Answered {
            status,
            retry_after_secs: None,
            date_unix_secs: None,
            body_head: body_head.to_owned(),
            is_multiplexed: false,
            peer: String::new(),
        })
    }

    #[test]
    fn each_answer_has_its_meaning() {
        assert_eq!(verdict(200, r#"{"forgotten": 7, "note": "backups"#), Verdict::Done { forgotten: 7 });
        assert_eq!(verdict(200, "ok"), Verdict::Done { forgotten: 0 });
        assert_eq!(verdict(202, r#"{"forgotten":1,"left":12}"#), Verdict::GoesOn { left: 12 });
        for status in [400, 403, 404, 405, 501] {
            assert!(matches!(verdict(status, "x"), Verdict::Cannot(_)), "{status}");
        }
        for (status, body) in [
            (403, r#"{"code": "not_trusted"}"#),
            (400, "The SSL certificate error"),
            (407, ""),
            (410, ""),
            (429, ""),
            (500, ""),
            (503, ""),
            (301, ""),
        ] {
            assert!(matches!(verdict(status, body), Verdict::Wait(_)), "{status}");
        }
        let failed =
            PostResult::Failed { reason: "refused".to_owned(), was_sent: false, is_about_clock: false };
        assert_eq!(judge(&failed), Verdict::Wait("refused".to_owned()));
    }
}
