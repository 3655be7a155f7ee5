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
    let empty = collector.get("/telemetryui/records");
    assert_eq!(empty.status, 200);
    assert!(empty.body.contains("No records yet"), "{}", empty.body);

    let evil = "<script>alert(1)</script>\n\"'&</pre>";
    let changes = [("Host-Type", "<b>|x|x"), ("Machine-Id", "\"><i>"), ("Classification", "<u>/\"/'")];
    assert_eq!(collector.post("/", &headers(&changes), evil).status, 201);
    assert_eq!(collector.post("/", &headers(&[]), "good").status, 201);

    let page = collector.get("/telemetryui/records");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for raw in ["<script", "alert(1)</script>", "<b>", "<i>", "<u>"] {
        assert!(!page.body.contains(raw), "{raw} got through:\n{}", page.body);
    }
    for shown in ["&lt;script&gt;alert(1)", "org.clearlinux", "2980", "good", "clock"] {
        assert!(page.body.contains(shown), "{shown} is missing:\n{}", page.body);
    }
    assert!(page.body.find("good") < page.body.find("alert(1)"), "newest first");
    let record = collector.get("/telemetryui/records/record_details/1");
    for shown in
        ["&lt;script&gt;alert(1)", "&lt;b&gt;|x|x", "2015-09-30 00:39:35 UTC", "36 hours or more apart"]
    {
        assert!(record.body.contains(shown), "{shown} is missing:\n{}", record.body);
    }
    assert_eq!(collector.get("/telemetryui/records/record_details/3").status, 404);

    // The links of the page lead to where they say, whatever is in them.
    let body = page.body.replace("&#x2f;", "/");
    let link =
        body.split("href=\"/telemetryui/records?machine_id=").nth(2).unwrap().split('"').next().unwrap();
    let filtered = collector.get(&format!("/telemetryui/records?machine_id={link}"));
    assert!(filtered.body.contains("alert(1)") && !filtered.body.contains("good"), "{}", filtered.body);
    assert!(collector.get("/telemetryui/records?severity=4").body.contains("No record matches"));
}

#[test]
fn every_page_has_the_headers_that_browsers_need() {
    let collector = Collector::in_memory();
    for path in ["/telemetryui", "/telemetryui/records", "/telemetryui/none", "/telemetryui/static/style.css"]
    {
        let answer = collector.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
    }
    let page = collector.get("/telemetryui").body.replace("&#x2f;", "/");
    let style = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let style = collector.get(style);
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(collector.get("/telemetryui").header("cache-control"), Some("no-store"));
}

#[test]
fn a_page_is_the_same_as_json_and_csv_at_its_path() {
    let collector = Collector::in_memory();
    for (class, payload) in [("a/b/c", "=1+1"), ("a/b/d", "two\nlines, \"quoted\"")] {
        assert_eq!(collector.post("/", &headers(&[("Classification", class)]), payload).status, 201);
    }
    let json = collector.get("/telemetryui/records?format=json&limit=1").json();
    assert_eq!((json["records"][0]["id"].as_i64(), json["records"].as_array().unwrap().len()), (Some(2), 1));
    let next = json["next"].as_str().unwrap();
    let json = collector.get(next).json();
    assert_eq!((json["records"][0]["id"].as_i64(), json["next"].is_null()), (Some(1), false), "{next}");
    assert!(collector.get(json["next"].as_str().unwrap()).json()["next"].is_null());

    let csv = collector.get("/telemetryui/records?format=csv");
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"), "{csv:?}");
    assert!(csv.body.starts_with("id,ts_reception,ts_capture,severity,classification,"), "{}", csv.body);
    assert!(
        csv.body.contains(",\"two\nlines, \"\"quoted\"\"\"\r\n") && csv.body.contains(",\"'=1+1\"\r\n"),
        "{}",
        csv.body
    );

    let flask = collector.get("/telemetryui/records/export/records-20260101.csv?format_type=attach");
    assert_eq!(flask.header("content-disposition"), Some("attachment; filename=\"export-20260101.csv\""));
    assert_eq!(collector.get("/telemetryui/records/export/records-1.csv").status, 400);
    let empty = Collector::in_memory();
    for path in [
        "groups",
        "new",
        "fixed",
        "regressed",
        "rates",
        "versions",
        "machines",
        "hardware",
        "builds",
        "stats",
        "population",
        "crashes",
    ] {
        let json = empty.get(&format!("/telemetryui/{path}?format=json")).json();
        assert!(json["next"].is_null() && json.as_object().unwrap().len() >= 2, "{path}: {json}");
        let csv = empty.get(&format!("/telemetryui/{path}?format=csv"));
        assert!(
            csv.status == 200 && csv.body.ends_with("\r\n") && csv.body.lines().count() == 1,
            "{path}: {csv:?}"
        );
    }
    let wrong = collector.get("/telemetryui/groups?colour=red&format=json");
    assert!(wrong.status == 400 && wrong.message().contains("\"colour\" is no parameter"), "{wrong:?}");
    let wrong = collector.get("/telemetryui/groups?days=401");
    assert!(
        wrong.status == 400 && wrong.body.contains("days is &quot;401&quot;; allowed: 1 to 400"),
        "{wrong:?}"
    );
}

#[test]
fn old_links_to_records_lead_to_the_list() {
    let collector = Collector::in_memory();
    let answer = collector.get("/telemetryui?severity=4&classification=a/*");
    let location = Some("/telemetryui/records?severity=4&classification=a%2F*");
    assert_eq!((answer.status, answer.header("location")), (302, location), "{answer:?}");
    let form = collector.get("/telemetryui/records?severity=4&build=");
    assert_eq!(
        (form.status, form.header("location")),
        (303, Some("/telemetryui/records?severity=4")),
        "{form:?}"
    );
    for path in ["/telemetryui/records", "/telemetryui/", "/telemetryui"] {
        let posted = collector.post(path, &[], "severity=All&build=12&csrf_token=x&submit=Submit");
        let location = Some("/telemetryui/records?build=12");
        assert_eq!((posted.status, posted.header("location")), (303, location), "{path}: {posted:?}");
    }
}

#[test]
fn crashes_are_counted_by_function_too() {
    let collector = Collector::in_memory();
    let payload =
        "Process: /usr/bin/x\nSignal: 11\n\nBacktrace (TID 1):\n#0 f() - [libm.so.6]\n#1 main() - [x]\n";
    for build in ["10", "10", "20"] {
        let changes = [("Classification", "org.clearlinux/crash/clr"), ("Build", build)];
        assert_eq!(collector.post("/", &headers(&changes), payload).status, 201);
    }
    let guilties = collector.get("/telemetryui/crashes?format=json").json()["guilties"].clone();
    assert_eq!(
        (guilties[0]["function"].as_str(), guilties[0]["records"].as_i64()),
        (Some("f()"), Some(3)),
        "{guilties}"
    );
    assert_eq!(
        (guilties[0]["builds"]["10"].as_i64(), guilties[0]["builds"]["20"].as_i64()),
        (Some(2), Some(1))
    );
    let of_build = collector.get("/telemetryui/crashes/20?format=json").json();
    assert_eq!(of_build["guilties"][0]["records"], 1, "{of_build}");
    let page = collector.get(&format!("/telemetryui/crashes/guilty_details/{}", guilties[0]["id"]));
    assert!(page.status == 200 && page.body.contains("libm.so.6"), "{page:?}");
    assert_eq!(collector.get("/telemetryui/crashes/guilty_details/999").status, 404);
}
