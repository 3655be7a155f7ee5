//! Every parameter of a query with values that are taken and values that are refused.

use super::*;

const DAYS_30: Option<u32> = Some(2_592_000);

fn parse(scope: Scope, pairs: &[(&str, &str)]) -> Result<Filter, String> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Filter::parse(&pairs, scope).map_err(|error| error.to_string())
}

#[test]
fn good_values_are_taken() {
    let base = || Filter { received_within_secs: DAYS_30, ..Filter::all(1000) };
    let whole = |class: &str| Some(ClassPattern::Whole(class.into()));
    let start = |class: &str| Some(ClassPattern::Start(class.into()));
    let within = |secs| Filter { received_within_secs: Some(secs), ..base() };
    assert_eq!(parse(Scope::Api, &[]), Ok(base()));
    assert_eq!(parse(Scope::Page, &[]), Ok(Filter::all(100)));
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
    let both = Filter { severity: Some(1), from_id: Some(2), ..Filter::all(3) };
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
    for (pairs, expected) in [
        (&[("severty", "x")][..], Filter::all(100)),
        (&[("severity", "1"), ("severity", "x")], Filter { severity: Some(1), ..Filter::all(100) }),
        (
            &[("created_in_sec", "1"), ("created_in_days", "1")],
            Filter { received_within_secs: Some(86_400), ..Filter::all(100) },
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
