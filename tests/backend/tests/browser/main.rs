//! The pages in a real browser: Debian's chromium, driven over WebDriver. No page may log anything, fetch anything from
//! elsewhere, or be a hindrance to people with disabilities as far as axe-core finds that; without script as with it.

// clippy.toml lets tests panic, but knows no functions that tests share.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod checks;
mod driver;
mod fleet;

#[path = "../support/postgres.rs"]
#[expect(dead_code, reason = "the tests of single modules need more of it")]
mod cluster;
#[path = "../process/collector.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
mod collector;
#[path = "../process/sample.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
mod sample;

use checks::{check, check_all, check_all_are_quiet, pages_of};
use collector::Collector;
use driver::{Browser, Scheme};
use fleet::{changed, filled, filled_on, posted, report, watched};

#[test]
fn pages_without_data_and_with_one_record_are_clean() {
    let mut browser = Browser::start();
    let collector = Collector::in_memory();
    check_all(&mut browser, &collector);
    assert_eq!(posted(&collector, &[], "just one"), 201);
    check_all(&mut browser, &collector);
}

#[test]
fn pages_of_a_hundred_thousand_records_are_clean() {
    let mut browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let collector = filled(directory.path(), 1350);
    check_all(&mut browser, &collector);
}

#[test]
fn pages_of_a_fleet_on_postgresql_are_quiet() {
    let mut browser = Browser::start();
    let cluster = cluster::Cluster::shared();
    let collector = filled_on(&cluster.url(&cluster.database()), 60);
    // They are made by what makes those of SQLite, so that axe-core finds the same there.
    check_all_are_quiet(&mut browser, &collector);
}

/// Checks, lines, what runs out, who is silent, months; and downtime that is planned with the form of the page.
#[test]
fn pages_of_machines_that_are_watched_are_clean() {
    let mut browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let collector = watched(directory.path());
    let begin = std::time::Instant::now();
    while !browser.page(&collector, "/telemetryui/status").contains("disk /var") {
        assert!(begin.elapsed() < collector::DEADLINE, "nothing runs out");
    }
    check_all(&mut browser, &collector);
    browser.open(&collector, "/telemetryui/status?machine=mail&check=disk-root");
    browser.script("document.querySelector('input[name=until]').value = '2099-01-01T10:00'");
    browser.script("document.querySelector('input[name=from]').value = '2098-12-01T10:00'");
    browser.script("document.querySelector('input[name=reason]').value = 'a <b> disk'");
    browser.script("document.querySelector('.change button').click()");
    let begin = std::time::Instant::now();
    while !browser.page(&collector, "/telemetryui/status?machine=mail").contains("a &lt;b&gt; disk") {
        assert!(begin.elapsed() < collector::DEADLINE, "{}", browser.source());
    }
    check(&mut browser, &collector, "/telemetryui/status?machine=mail");
    check(&mut browser, &collector, "/telemetryui/machines/mail");
}

/// What forms lead to: a preview of rules, wrong rules, a blacklist with something in it.
#[test]
fn pages_that_people_have_changed_are_clean() {
    let mut browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let collector = filled(directory.path(), 60);
    let guilty = "function=raise%28%29&module=libc.so.6";
    changed(&collector, "/telemetryui/crashes/guilty_edit/add", guilty);
    changed(&collector, "/telemetryui/crashes", "guilty_id=1&comment=known+%3Cb%3E&hide=yes");
    changed(&collector, "/telemetryui/groups/1", "note=%3Cscript%3E");
    for path in [
        "/telemetryui/crashes/guilty_edit/",
        "/telemetryui/crashes/guilty_details/1",
        "/telemetryui/groups/1",
        "/telemetryui/collector",
    ] {
        check(&mut browser, &collector, path);
    }
    for (rules, shown) in [("generic * * *", "What these rules would do"), ("skop", "cannot be taken")] {
        browser.open(&collector, "/telemetryui/rules");
        browser.script(&format!("document.querySelector('textarea').value = '{rules}'"));
        browser.script("document.querySelector('button[value=preview]').click()");
        let begin = std::time::Instant::now();
        while !browser.source().contains(shown) {
            assert!(begin.elapsed() < collector::DEADLINE, "{rules}: {}", browser.source());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let found = browser.hindrances();
        assert!(found.is_empty(), "{rules}: {found:#?}");
        // That the answer is an error is logged, and nothing else.
        let messages = browser.messages();
        let is_status = |message: &String| message.contains("the server responded with a status of 400");
        assert!(messages.iter().all(is_status), "{rules}: {messages:?}");
    }
    changed(&collector, "/telemetryui/rules", "rules=skip+x+y+*&do=take");
    check(&mut browser, &collector, "/telemetryui/rules");
}

/// Names that would be markup, that turn the text around them, or that are longer than any screen.
#[test]
fn hostile_names_break_nothing() {
    let mut browser = Browser::start();
    let collector = Collector::in_memory();
    let long = "A".repeat(8000);
    let crash = |program: &str, function: &str, module: &str| {
        format!(
            "Process: {program}\nPID: 1\nSignal: 11\nPackage: {program} 1.0\n\nBacktrace (TID 1):\n#0 {function}() - [{module}]\n#1 main() - [{program}]\n"
        )
    };
    let markup = "<script>document.title='owned'</script><img src=http://192.0.2.1/x onerror=alert(1)>";
    let bidi = "\u{202e}gpj.exe\u{202c}\u{2066}\u{200b}";
    for (name, host) in [
        (markup, "<b onclick=alert(1)>|\"'>|x"),
        (bidi, "normal|host|type"),
        (long.as_str(), "l|l|l"),
        ("]]>&amp;&#60;", "'\"`|{{7*7}}|${x}"),
    ] {
        let changes =
            [("Classification", "org.clearlinux/crash/clr"), ("Host-Type", host), ("Machine-Id", "'\"><i>x")];
        assert_eq!(posted(&collector, &changes, &crash("/usr/bin/victim", name, "libx.so.1")), 201);
        assert_eq!(posted(&collector, &changes, &crash(&format!("/usr/bin/{name}"), "f", name)), 201);
        report(&collector, "'\"><i>x", "disk", &name.chars().take(200).collect::<String>(), name);
    }
    check_all(&mut browser, &collector);
    for path in pages_of(&collector) {
        browser.open(&collector, &path);
        assert_ne!(browser.title(), "owned", "{path}");
        let width = browser.script("return document.documentElement.scrollWidth - window.innerWidth");
        assert!(width.as_i64().unwrap() <= 0, "{path} is {width} wider than its window");
    }
}

#[test]
fn pages_fit_a_phone_and_both_schemes() {
    let mut browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let collector = filled(directory.path(), 60);
    for (width, scheme) in
        [(360, Scheme::Light), (360, Scheme::Dark), (1366, Scheme::Dark), (2560, Scheme::Light)]
    {
        browser.set_window(width, 900, scheme);
        for path in pages_of(&collector) {
            // A phone at night; a screen by day is what all other tests have.
            if matches!((width, scheme), (360, Scheme::Dark)) {
                check(&mut browser, &collector, &path);
            } else {
                browser.open(&collector, &path);
            }
            let wider = browser.script("return document.documentElement.scrollWidth - window.innerWidth");
            assert!(wider.as_i64().unwrap() <= 0, "{path} is {wider} wider than {width}");
        }
    }
}

/// All of a page can be reached with the keyboard, and where the focus is is seen.
#[test]
fn the_keyboard_reaches_everything() {
    let mut browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let collector = filled(directory.path(), 60);
    for path in ["/telemetryui", "/telemetryui/groups", "/telemetryui/groups/1", "/telemetryui/records"] {
        browser.open(&collector, path);
        let all = browser.script(
            "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]')]\
             .filter(e => e.checkVisibility()).length",
        );
        let reached = browser.tab_through(all.as_u64().unwrap() + 40);
        assert!(reached.unseen.is_empty(), "{path}: no outline at {:?}", reached.unseen);
        assert!(reached.count + 2 >= all.as_u64().unwrap(), "{path}: {} of {all} are reached", reached.count);
    }
}

/// Pictures of the main pages at three widths; `PICTURES` says where they are kept.
#[test]
fn pictures() {
    let kept = std::env::var_os("PICTURES").map(std::path::PathBuf::from);
    let directory = tempfile::tempdir().unwrap();
    let into = kept.unwrap_or_else(|| directory.path().join("pictures"));
    std::fs::create_dir_all(&into).unwrap();
    let mut browser = Browser::start();
    let collector = filled(directory.path(), 300);
    for (width, height) in [(390, 844), (1366, 768), (1920, 1080)] {
        browser.set_window(width, height, Scheme::Light);
        for (name, path) in [
            ("overview", "/telemetryui"),
            ("groups", "/telemetryui/groups"),
            ("group", &fleet::first_group(&collector)),
            ("rates", "/telemetryui/rates"),
            ("versions", "/telemetryui/versions"),
            ("machines", "/telemetryui/machines"),
            ("records", "/telemetryui/records"),
        ] {
            browser.open(&collector, path);
            if name == "overview" {
                what_crashes_most_is_seen(&mut browser, width);
            }
            let picture = browser.picture();
            assert!(
                picture.starts_with(b"\x89PNG") && picture.len() > 10_000,
                "{name}: {} bytes",
                picture.len()
            );
            std::fs::write(into.join(format!("{name}-{width}.png")), picture).unwrap();
        }
    }
}

/// What brings people here is on the first screen of a laptop, and no column of it is cut off on a phone.
fn what_crashes_most_is_seen(browser: &mut Browser, width: u32) {
    let below = "return document.querySelector('.top tbody tr:last-child').getBoundingClientRect().bottom - innerHeight";
    let below = browser.script(below).as_f64().unwrap();
    assert!(
        width < 1000 || below <= 0.0,
        "the last of the five is {below} below the first screen of {width}"
    );
    let cut = "const region = document.querySelector('.top').parentElement; return region.scrollWidth - region.clientWidth";
    assert_eq!(browser.script(cut), 0, "{width}");
}
