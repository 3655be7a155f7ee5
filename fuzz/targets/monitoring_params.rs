//! A monitoring-params.xml, which an administrator sends from elsewhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_config::pull::PART_BYTES;
use telemetry_xroad::identifier::ClientId;
use telemetry_xroad::params::{ParamsError, parse};
use telemetry_xroad::xml;

fuzz_target!(|bytes: &[u8]| {
    match parse(bytes) {
        Ok(None) => {}
        Ok(Some(client)) => {
            let parts: Vec<_> = [&client.member.instance, &client.member.class, &client.member.code]
                .into_iter()
                .chain(&client.subsystem)
                .collect();
            assert!(parts.iter().all(|part| (1..=PART_BYTES).contains(&part.len())), "{client:?}");
            // Written plainly it names the same; what is more than a line cannot be.
            if parts.iter().all(|part| xml::one_line(part) == **part) {
                assert_eq!(parse(written(&client).as_bytes()), Ok(Some(client)));
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains(char::is_control) && text.len() < 2000, "{text:?}");
            if let ParamsError::Invalid { line, .. } = error {
                let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
                assert!((1..=lines).contains(&line), "line {line} of {lines}");
            }
        }
    }
});

fn written(client: &ClientId) -> String {
    let part = |name: &str, text: &str| format!("<i:{name}>{}</i:{name}>", xml::escaped(text));
    let subsystem = client.subsystem.as_deref().map(|code| part("subsystemCode", code)).unwrap_or_default();
    format!(
        "<x:conf xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:i=\"http://x-road.eu/xsd/identifiers\"><monitoringClient>\
         <monitoringClientId i:objectType=\"MEMBER\">{}{}{}{subsystem}</monitoringClientId></monitoringClient></x:conf>",
        part("xRoadInstance", &client.member.instance),
        part("memberClass", &client.member.class),
        part("memberCode", &client.member.code),
    )
}
