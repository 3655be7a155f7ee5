//! What holds for every page.

use serde_json::Value;

use crate::collector::Collector;
use crate::driver::Browser;

/// Pages whose addresses are known beforehand.
const PAGES: &[&str] = &[
    "/telemetryui",
    "/telemetryui/groups",
    "/telemetryui/groups?kind=crash&state=new&q=x",
    "/telemetryui/new",
    "/telemetryui/fixed",
    "/telemetryui/regressed",
    "/telemetryui/rates",
    "/telemetryui/rates?dimension=kernel&days=35",
    "/telemetryui/versions",
    "/telemetryui/machines",
    "/telemetryui/machines?silent=3",
    "/telemetryui/status",
    "/telemetryui/status?state=critical&group=x&machine=y",
    "/telemetryui/status/months",
    "/telemetryui/status/months?month=2026-03",
    "/telemetryui/hardware",
    "/telemetryui/rules",
    "/telemetryui/collector",
    "/telemetryui/crashes",
    "/telemetryui/crashes/overall",
    "/telemetryui/crashes/guilty_edit/",
    "/telemetryui/updates",
    "/telemetryui/mce",
    "/telemetryui/thermal",
    "/telemetryui/builds",
    "/telemetryui/stats",
    "/telemetryui/population",
    "/telemetryui/records",
    "/telemetryui/records?heartbeats=yes&severity=1",
    "/telemetryui/records?kind=crash&state=new&q=x&payload=a.b",
    "/telemetryui/records?refresh=3600",
];

/// Pages that say that something is wrong.
const PROBLEMS: &[&str] =
    &["/telemetryui/none", "/telemetryui/groups?days=0", "/telemetryui/groups/999999999"];

fn json(collector: &Collector, path: &str) -> Value {
    let url = format!("http://{}{path}", collector.address);
    ureq::get(url).header("Accept", "application/json").call().unwrap().body_mut().read_json().unwrap()
}

/// All pages, those too that are about what is stored.
pub(crate) fn pages_of(collector: &Collector) -> Vec<String> {
    let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    let groups = json(collector, "/telemetryui/groups");
    for group in groups["groups"].as_array().unwrap().iter().take(3) {
        pages.push(format!("/telemetryui/groups/{}", group["id"]));
        pages.push(format!("/telemetryui/hardware?group={}", group["id"]));
    }
    let records = json(collector, "/telemetryui/records?severity=3");
    for record in records["records"].as_array().unwrap().iter().take(3) {
        pages.push(format!("/telemetryui/records/record_details/{}", record["id"]));
        pages.push(format!("/telemetryui/events/{}", record["event_id"].as_str().unwrap()));
    }
    let guilties = json(collector, "/telemetryui/crashes?days=400");
    for guilty in guilties["guilties"].as_array().unwrap().iter().take(2) {
        let one = format!("/telemetryui/crashes/guilty_details/{}", guilty["id"]);
        let traces = json(collector, &format!("{one}/backtraces"));
        if let Some(trace) = traces["backtraces"].as_array().unwrap().first() {
            pages.push(format!("/telemetryui/crashes/guilty_edit/?record_id={}", trace["id"]));
        }
        pages.push(format!("{one}/backtraces"));
        pages.push(one);
    }
    let machines = json(collector, "/telemetryui/machines");
    for machine in machines["machines"].as_array().unwrap().iter().take(1) {
        pages.push(format!("/telemetryui/machines/{}", escaped(&machine["machine_id"])));
    }
    let status = json(collector, "/telemetryui/status");
    for row in status["status"].as_array().unwrap().iter().take(2) {
        let machine = escaped(&row["machine"]);
        pages.push(format!("/telemetryui/machines/{machine}"));
        pages.push(format!("/telemetryui/machines/{machine}?days=35"));
        pages.push(format!("/telemetryui/status?machine={machine}&check={}", escaped(&row["check"])));
    }
    let months = json(collector, "/telemetryui/status/months");
    for row in months["months"].as_array().unwrap().iter().take(1) {
        let (machine, check) = (escaped(&row["machine"]), escaped(&row["check"]));
        pages.push(format!("/telemetryui/status/months?machine={machine}&check={check}"));
    }
    pages
}

/// A text in an address, each byte as a number.
fn escaped(text: &Value) -> String {
    text.as_str().unwrap().bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Every page, with and without script: nothing is logged, nothing fetched from elsewhere, which has nothing to do with
/// what axe-core would find.
pub(crate) fn check_all_are_quiet(browser: &mut Browser, collector: &Collector) {
    for scripts in [true, false] {
        browser.set_scripts(scripts);
        for path in &pages_of(collector) {
            browser.open(collector, path);
            assert_quiet(browser, collector, path);
        }
    }
    browser.set_scripts(true);
}

/// Every page, with and without script.
pub(crate) fn check_all(browser: &mut Browser, collector: &Collector) {
    let pages = pages_of(collector);
    for path in &pages {
        check(browser, collector, path);
    }
    for path in PROBLEMS {
        browser.open(collector, path);
        let found = browser.hindrances();
        assert!(found.is_empty(), "{path}: {found:#?}");
        // That the answer is an error is logged, and nothing else.
        let messages = browser.messages();
        assert!(
            messages.iter().all(|message| message.contains("the server responded with a status of 4")),
            "{path}: {messages:?}"
        );
    }
    browser.set_scripts(false);
    for path in &pages {
        browser.open(collector, path);
        assert_quiet(browser, collector, path);
        let source = browser.source();
        assert!(source.contains("</main>") && !source.contains("<script"), "{path}: {source}");
    }
    browser.set_scripts(true);
}

/// One page, with script.
pub(crate) fn check(browser: &mut Browser, collector: &Collector, path: &str) {
    browser.open(collector, path);
    assert_quiet(browser, collector, path);
    let found = browser.hindrances();
    assert!(found.is_empty(), "{path}: {found:#?}");
}

/// Nothing was logged, and nothing fetched from elsewhere.
fn assert_quiet(browser: &mut Browser, collector: &Collector, path: &str) {
    let messages = browser.messages();
    assert!(messages.is_empty(), "{path}: {messages:#?}");
    let own = format!("http://{}/", collector.address);
    // What has its data in its address, as the browser's own sign for a date, is fetched from nowhere.
    let is_elsewhere = |url: &String| !url.starts_with(&own) && !url.starts_with("data:");
    let elsewhere: Vec<String> = browser.fetched().into_iter().filter(is_elsewhere).collect();
    assert!(elsewhere.is_empty(), "{path}: {elsewhere:#?}");
}
