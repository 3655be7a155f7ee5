//! What delivery last came to.

use super::finding::Finding;
use crate::duration_text;
use crate::status::Delivery;

const ABOUT: &str = "delivery";

pub(super) fn judge(delivery: &Delivery, now: u64) -> Finding {
    let ago = |secs: u64| format!("{} ago", duration_text::of_secs(now.saturating_sub(secs)));
    if let Some(error) = &delivery.error {
        return Finding::unseen(ABOUT, error.as_str());
    }
    let delivered = delivery.last_delivered_unix_secs;
    match &delivery.last_error {
        // A fault of the same second as a delivery is over or not: it is reported.
        Some(fault) if delivered.is_none_or(|secs| secs <= fault.unix_secs) => {
            let next = match delivery.next_try_unix_secs.map(|secs| secs.saturating_sub(now)) {
                Some(wait) => format!("the next try is in {}", duration_text::of_secs(wait)),
                None => "it goes on with the next record".to_owned(),
            };
            let text = format!("failed {}: {}: {}", ago(fault.unix_secs), fault.server, fault.reason);
            Finding::warning(ABOUT, text, next)
        }
        _ => match delivered {
            Some(secs) => Finding::ok(ABOUT, format!("a record was delivered {}", ago(secs))),
            None => Finding::ok(ABOUT, "nothing was delivered yet"),
        },
    }
}

/// Whether a certificate is why delivery last failed, with nothing delivered since.
pub(super) fn is_about_certificate(delivery: &Delivery) -> bool {
    delivery.last_error.as_ref().is_some_and(|fault| {
        let is_open = delivery.last_delivered_unix_secs.is_none_or(|secs| secs <= fault.unix_secs);
        is_open && fault.reason.contains("certificate")
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;
    use telemetry_store::delivery_status::DeliveryFault;

    #[test]
    fn a_fault_counts_until_a_record_is_delivered() {
        let fault = |unix_secs| {
            Some(DeliveryFault { unix_secs, server: "http://h/".to_owned(), reason: "timed out".to_owned() })
        };
        for (delivered, last_error, next_try, level, part) in [
            (None, None, None, Level::Ok, "nothing was delivered yet"),
            (Some(40), None, None, Level::Ok, "delivered 1 min ago"),
            (Some(40), fault(30), None, Level::Ok, "delivered 1 min ago"),
            (Some(40), fault(40), None, Level::Warning, "failed 1 min ago: http://h/: timed out; it goes on"),
            (
                None,
                fault(95),
                Some(130),
                Level::Warning,
                "failed 5 s ago: http://h/: timed out; the next try is in 30 s",
            ),
            (Some(10), fault(95), Some(50), Level::Warning, "in 0 s"),
        ] {
            let delivery = Delivery {
                last_delivered_unix_secs: delivered,
                last_error,
                next_try_unix_secs: next_try,
                ..Delivery::default()
            };
            assert_finding(&judge(&delivery, 100), level, part);
        }
        let unreadable = Delivery { error: Some("/s cannot be read: x".to_owned()), ..Delivery::default() };
        assert_finding(&judge(&unreadable, 100), Level::Warning, "/s cannot be read: x");
    }
}
