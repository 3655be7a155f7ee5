//! The page for people.

use crate::collector::Collector;
use crate::sample::headers;

#[test]
fn the_collector_paths_redirect_to_the_page() {
    let collector = Collector::in_memory();
    for path in ["/", "/v2/collector"] {
        let answer = collector.get(path);
        assert_eq!((answer.status, answer.header("location")), (302, Some("/telemetryui")), "{answer:?}");
    }
}

#[test]
fn the_page_shows_records_and_escapes_them() {
    let collector = Collector::in_memory();
    assert_eq!(collector.get("/telemetryui/").status, 200);
    let empty = collector.get("/telemetryui");
    assert_eq!(empty.status, 200);
    assert!(empty.body.contains("No records yet"), "{}", empty.body);

    let evil = "<script>alert(1)</script>\n\"'&</pre>";
    let changes = [("Host-Type", "<b>|x|x"), ("Machine-Id", "\"><i>"), ("Classification", "<u>/\"/'")];
    assert_eq!(collector.post("/", &headers(&changes), evil).status, 201);
    assert_eq!(collector.post("/", &headers(&[]), "good").status, 201);

    let page = collector.get("/telemetryui");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    for raw in ["<script", "alert(1)</script>", "<b>", "<i>", "<u>"] {
        assert!(!page.body.contains(raw), "{raw} got through:\n{}", page.body);
    }
    for shown in [
        "&lt;script&gt;alert(1)",
        "&lt;b&gt;",
        "&lt;i&gt;",
        "org.clearlinux",
        "2980",
        "2015-09-30 00:39:35 UTC",
        "66c196ce4222dd761470da5e7e35f6f1",
        "<details>",
        "good",
    ] {
        assert!(page.body.contains(shown), "{shown} is missing:\n{}", page.body);
    }
    assert!(page.body.find("good") < page.body.find("alert(1)"), "newest first");

    // The links of the page lead to where they say, whatever is in them.
    let link = page.body.split("href=\"/telemetryui?machine_id=").nth(2).unwrap().split('"').next().unwrap();
    let filtered = collector.get(&format!("/telemetryui?machine_id={link}"));
    assert!(filtered.body.contains("alert(1)") && !filtered.body.contains("good"), "{}", filtered.body);
    assert!(collector.get("/telemetryui?severity=4").body.contains("No record matches"));
}
