//! What machines push: OpenMetrics text, and records of checks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telem_collector::samples::{Gatherer, check, limits, openmetrics};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let reading = openmetrics::parse(&text);
    assert!(reading.points.len() <= limits::MACHINE_SERIES);
    let mut again = Gatherer::default();
    for point in &reading.points {
        assert!(point.value.is_finite());
        let series = &point.series;
        assert!(series.name.len() <= limits::NAME_BYTES && series.labels.len() <= limits::LABELS_BYTES);
        assert!(!series.labels.contains(char::is_control), "{series:?}");
        // What is kept is a line of the format again, with the same labels.
        let line = format!("x{{{}}} 1\n", series.labels);
        let read = openmetrics::parse(&line);
        assert_eq!(read.points.len(), 1, "{line}");
        assert_eq!(read.points[0].series.labels, series.labels);
        again.add(Some(series.clone()), point.value);
    }
    assert_eq!(again.finish().points, reading.points, "in order, each once");
    if let Some(report) = check::parse(&text) {
        assert!(
            report.output.chars().count() <= limits::OUTPUT_CHARS
                && !report.output.contains(char::is_control)
        );
        assert!(!report.kind.contains(char::is_control) && report.since_secs >= 0);
    }
});
