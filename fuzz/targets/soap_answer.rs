//! What a machine answers by SOAP, with the hash of our request in place of the word HASH, so that what is behind that check is
//! reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use telem_collector::pull::definition::Soap;
use telem_collector::pull::soap::{Request, read};
use telem_collector::samples::pulled::Answer;

static REQUEST: LazyLock<Request> = LazyLock::new(|| {
    let soap = Soap {
        client: "L/O/1".parse().unwrap(),
        owner: "L/O/1".parse().unwrap(),
        server: Some("L/O/1/s".parse().unwrap()),
    };
    Request::with_id(&soap, "1".to_owned())
});

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).replace("HASH", &REQUEST.hash());
    match read(text.as_bytes(), &REQUEST) {
        Ok(answer) => {
            assert_eq!(answer.server.as_deref(), Some("L/O/1/s"));
            check(&answer);
        }
        Err(fault) => assert!(!fault.is_empty() && !fault.contains(char::is_control), "{fault:?}"),
    }
});

fn check(answer: &Answer) {
    assert!(answer.reading.points.len() <= 512);
    for point in &answer.reading.points {
        assert!(point.value.is_finite() && !point.series.name.is_empty());
        assert!(!point.series.labels.contains(char::is_control), "{:?}", point.series);
    }
}
