//! Every parameter of a query with values that are taken and values that are refused.

use super::*;

const DAYS_30: Option<u32> = Some(2_592_000);

fn parse(scope: Scope, pairs: &[(&str, &str)]) -> Result<Filter, String> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Filter::parse(&pairs, scope).map_err(|error| error.to_string())
}

fn without_heartbeats() -> PageFilter {
    PageFilter { without_heartbeats: true, ..PageFilter::default() }
}

fn paged(page: PageFilter) -> Result<Filter, String> {
    Ok(Filter { page, ..Filter::all(50) })
}

#[test]
fn pages_have_filters_of_their_own() {
    let text = |text: &str| Some(text.to_owned());
    for (name, value, expected) in [
        ("min_severity", "3", PageFilter { min_severity: Some(3), ..without_heartbeats() }),
        ("system_name", "\"debian\"", PageFilter { system_name: text("debian"), ..without_heartbeats() }),
        ("os_name", "debian", PageFilter { system_name: text("debian"), ..without_heartbeats() }),
        ("host_type", "a|b|c", PageFilter { host_type: text("a|b|c"), ..without_heartbeats() }),
        ("cpu_model", "X(R) 7", PageFilter { cpu_model: text("X(R) 7"), ..without_heartbeats() }),
        ("kernel_version", "6.1", PageFilter { kernel_version: text("6.1"), ..without_heartbeats() }),
        ("data_source", "external", PageFilter { external: Some(true), ..without_heartbeats() }),
        ("data_source", "internal", PageFilter { external: Some(false), ..without_heartbeats() }),
        ("from_date", "1970-01-02", PageFilter { captured_from_secs: Some(86_400), ..without_heartbeats() }),
        ("to_date", "1970-01-03", PageFilter { captured_before_secs: Some(172_800), ..without_heartbeats() }),
        ("days", "400", PageFilter { received_days: Some(400), ..without_heartbeats() }),
        ("heartbeats", "yes", PageFilter::default()),
        ("heartbeats", "no", without_heartbeats()),
    ] {
        assert_eq!(parse(Scope::Page, &[(name, value)]), paged(expected), "{name}={value}");
        assert_eq!(parse(Scope::Api, &[(name, value)]), parse(Scope::Api, &[]), "{name}: none of the API");
    }
    let event = "0123456789abcdef0123456789abcdef";
    let found = parse(Scope::Page, &[("event_id", event), ("group", "7")]).unwrap();
    assert_eq!((found.event_id.as_deref(), found.group_id), (Some(event), Some(7)));
    let of_class = parse(Scope::Page, &[("classification", "a/b/c")]).unwrap();
    assert!(!of_class.page.without_heartbeats);
    assert_eq!(parse(Scope::Page, &[("page_size", "10")]).unwrap().limit, 10);
    assert_eq!(parse(Scope::Page, &[("page_size", "10"), ("limit", "20")]).unwrap().limit, 20);
    for (name, value) in [
        ("min_severity", "0"),
        ("host_type", "a\u{7}"),
        ("event_id", "A"),
        ("group", "x"),
        ("data_source", "both"),
        ("from_date", "yesterday"),
        ("to_date", "2026-02-30"),
        ("days", "401"),
        ("days", "0"),
        ("heartbeats", "maybe"),
        ("page_size", "0"),
    ] {
        let error = parse(Scope::Page, &[(name, value)]).expect_err(name);
        assert!(error.starts_with(&format!("{name} is ")), "{error}");
    }
}

#[test]
fn days_begin_at_midnight_and_today_is_one() {
    let days = |days| Filter {
        page: PageFilter { received_days: Some(days), ..PageFilter::default() },
        ..Filter::all(1)
    };
    assert_eq!(days(1).received_since_secs(10 * 86_400 + 5), Some(10 * 86_400));
    assert_eq!(days(3).received_since_secs(10 * 86_400 + 5), Some(8 * 86_400));
    let both = Filter { received_within_secs: Some(60), ..days(3) };
    assert_eq!(both.received_since_secs(10 * 86_400 + 5), Some(10 * 86_400 - 55));
}

#[test]
fn good_values_are_taken() {
    let base = || Filter { received_within_secs: DAYS_30, ..Filter::all(1000) };
    let whole = |class: &str| Some(ClassPattern::Whole(class.into()));
    let start = |class: &str| Some(ClassPattern::Start(class.into()));
    let within = |secs| Filter { received_within_secs: Some(secs), ..base() };
    assert_eq!(parse(Scope::Api, &[]), Ok(base()));
    assert_eq!(parse(Scope::Page, &[]), Ok(Filter { page: without_heartbeats(), ..Filter::all(50) }));
    for (name, value, expected) in [
        ("severity", "4", Filter { severity: Some(4), ..base() }),
        ("severity", "04", Filter { severity: Some(4), ..base() }),
        ("classification", "a/b/c", Filter { classification: whole("a/b/c"), ..base() }),
        ("classification", "a/b/*", Filter { classification: start("a/b/"), ..base() }),
        ("classification", "*", Filter { classification: start(""), ..base() }),
        ("build", "\"12\"", Filter { build: Some("12".into()), ..base() }),
        ("build", "1 2", Filter { build: Some("1 2".into()), ..base() }),
        ("machine_id", "f00", Filter { machine_id: Some("f00".into()), ..base() }),
        ("machine_id", "", Filter { machine_id: Some(String::new()), ..base() }),
        ("created_in_days", "0", within(0)),
        ("created_in_days", "7", within(604_800)),
        ("created_in_days", "31", base()),
        ("created_in_days", "99999999999999999999", base()),
        ("created_in_sec", "90", within(90)),
        ("created_in_sec", "2592001", base()),
        ("from_id", "7", Filter { from_id: Some(7), ..base() }),
        ("before_id", "7", Filter { before_id: Some(7), ..base() }),
        ("ts_capture", "1970-01-01 00:00:09 UTC", Filter { captured_after_secs: Some(9), ..base() }),
        ("ts_capture", "9", Filter { captured_after_secs: Some(9), ..base() }),
        ("limit", "1000", base()),
        ("limit", "0", Filter { limit: 0, ..base() }),
    ] {
        assert_eq!(parse(Scope::Api, &[(name, value)]), Ok(expected), "{name}={value}");
    }
    let both = Filter { severity: Some(1), from_id: Some(2), page: without_heartbeats(), ..Filter::all(3) };
    assert_eq!(parse(Scope::Page, &[("severity", "1"), ("from_id", "2"), ("limit", "3")]), Ok(both));
}

#[test]
fn wrong_values_are_refused_by_name() {
    let long = "x".repeat(MAX_FILTER_BYTES + 1);
    for (name, value) in [
        ("severity", "0"),
        ("severity", "5"),
        ("severity", ""),
        ("severity", "+1"),
        ("severity", "high"),
        ("classification", ""),
        ("classification", "a/b"),
        ("classification", "a/*/c"),
        ("classification", "a b*"),
        ("classification", &long),
        ("build", "a\tb"),
        ("build", &"1".repeat(200)),
        ("machine_id", "a\nb"),
        ("machine_id", &long),
        ("created_in_days", ""),
        ("created_in_days", "-1"),
        ("created_in_days", "1.5"),
        ("created_in_sec", "soon"),
        ("from_id", "-1"),
        ("from_id", "x"),
        ("from_id", "9223372036854775808"),
        ("before_id", "x"),
        ("ts_capture", ""),
        ("ts_capture", "today"),
        ("limit", "1001"),
        ("limit", "all"),
    ] {
        for scope in [Scope::Api, Scope::Page] {
            let message = parse(scope, &[(name, value)]).expect_err(value);
            assert!(
                message.starts_with(&format!("{name} is ")) && message.contains("; allowed: "),
                "{message}"
            );
        }
    }
}

#[test]
fn unknown_names_are_ignored_and_the_first_of_several_counts() {
    let base = || Filter { page: without_heartbeats(), ..Filter::all(50) };
    for (pairs, expected) in [
        (&[("severty", "x")][..], base()),
        (&[("severity", "1"), ("severity", "x")], Filter { severity: Some(1), ..base() }),
        (
            &[("created_in_sec", "1"), ("created_in_days", "1")],
            Filter { received_within_secs: Some(86_400), ..base() },
        ),
    ] {
        assert_eq!(parse(Scope::Page, pairs), Ok(expected), "{pairs:?}");
    }
}

#[test]
fn a_payload_has_to_match_one_pattern_and_must_not_match_the_other() {
    let filter = parse(Scope::Page, &[("payload", "f.o"), ("not_payload", "(?i)BAR$")]).unwrap();
    for (payload, taken) in [("a foo", true), ("foo bar", false), ("foo bar\n", true), ("bar", false)] {
        assert_eq!(filter.takes_payload(payload), taken, "{payload:?}");
    }
    assert!(parse(Scope::Api, &[("payload", "(")]).unwrap().takes_payload("anything"));
    for pattern in ["(", "\\1", "((a{100}){100}){100}"] {
        let message = parse(Scope::Page, &[("payload", pattern)]).expect_err(pattern);
        assert!(message.starts_with("payload is "), "{message}");
    }
}

#[test]
fn pages_ask_about_failures() {
    let asked = |pairs: &[(&str, &str)]| parse(Scope::Page, pairs).unwrap().page.failure;
    let found =
        asked(&[("kind", "abort"), ("state", "new"), ("q", "x"), ("version", "1.0"), ("min_machines", "0")]);
    assert_eq!((found.kind, found.min_machines), (Some(crate::groups::kind::Kind::Abort), None));
    assert!(
        found.is_about_groups()
            && !asked(&[("version", "1")]).is_about_groups()
            && !asked(&[]).is_about_groups()
    );
    let why = parse(Scope::Page, &[("payload", "a(")]).unwrap_err();
    assert!(why.starts_with("payload is \"a(\"; ") && why.ends_with("(unclosed group)"), "{why}");
    assert_eq!(parse(Scope::Api, &[("kind", "odd")]), parse(Scope::Api, &[]), "none of the API");
}
