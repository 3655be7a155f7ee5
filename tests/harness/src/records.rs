//! Records with headers by which they are known again.

use std::path::Path;
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::message::Message;

/// A record with a payload to know it by.
pub fn record(payload: &str) -> Message {
    let headers = HeaderBlock::from_values(Header::ALL.map(|header| match header {
        Header::RecordFormatVersion => "4".to_owned(),
        Header::Classification => "org.example/test/record".to_owned(),
        Header::CpuModel => "Example(R) CPU @ 2 GHz".to_owned(),
        Header::BoardName => String::new(),
        Header::EventId => "5de9de8d5f3c6a7d445d75ba01cc3322".to_owned(),
        other => format!("<{}>", other.name()),
    }));
    Message { config: None, headers, payload: payload.to_owned() }
}

/// The same for the server that this configuration names.
pub fn record_for(config: &Path, payload: &str) -> Message {
    Message { config: Some(config.to_owned()), ..record(payload) }
}
