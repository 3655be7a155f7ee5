//! The second form of the collector's interface: each header of the record is an HTTP header, the payload
//! is the body.

use super::Post;
use std::borrow::Cow;
use telemetry_record::header::Header;
use telemetry_record::message::Message;

/// Builds the request, without what all forms have in common.
pub(super) fn post(message: &Message) -> Post<'_> {
    let mut headers = Vec::with_capacity(Header::ALL.len() + 4);
    headers.push(("Content-Type", Cow::Borrowed("application/text")));
    for header in Header::ALL {
        headers.push((http_name(header), Cow::Borrowed(message.headers.value(header))));
    }
    Post { headers, body: Cow::Borrowed(&message.payload) }
}

/// The name with hyphens, since proxies drop headers with underscores. Servers after CGI's manner see the
/// same name either way.
fn http_name(header: Header) -> &'static str {
    match header {
        Header::RecordFormatVersion => "Record-Format-Version",
        Header::Classification => "Classification",
        Header::Severity => "Severity",
        Header::MachineId => "Machine-Id",
        Header::CreationTimestamp => "Creation-Timestamp",
        Header::Arch => "Arch",
        Header::HostType => "Host-Type",
        Header::Build => "Build",
        Header::KernelVersion => "Kernel-Version",
        Header::PayloadFormatVersion => "Payload-Format-Version",
        Header::SystemName => "System-Name",
        Header::BoardName => "Board-Name",
        Header::CpuModel => "Cpu-Model",
        Header::BiosVersion => "Bios-Version",
        Header::EventId => "Event-Id",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_record::header::HeaderBlock;

    #[test]
    fn names_follow_those_of_the_record() {
        for header in Header::ALL {
            assert_eq!(http_name(header).to_ascii_lowercase().replace('-', "_"), header.name());
        }
    }

    #[test]
    fn headers_and_payload_are_carried_as_they_are() {
        let values = Header::ALL.map(|header| format!("<{}> \"é\"", header.name()));
        let message =
            Message { config: None, headers: HeaderBlock::from_values(values), payload: "a\n\n".to_owned() };
        let post = post(&message);
        assert_eq!(post.body, "a\n\n");
        assert_eq!(post.headers[0], ("Content-Type", Cow::Borrowed("application/text")));
        assert_eq!(post.headers[15], ("Event-Id", Cow::Borrowed("<event_id> \"é\"")));
        assert_eq!(post.headers.len(), 16);
    }
}
