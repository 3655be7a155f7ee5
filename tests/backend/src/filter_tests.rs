//! Every parameter of a query with values that are taken and values that are refused.

use super::*;

fn parse(pairs: &[(&str, &str)]) -> Result<Filter, String> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Filter::parse(&pairs, 100).map_err(|error| error.to_string())
}

#[test]
fn good_values_are_taken() {
    let base = || Filter::all(100);
    let whole = |class: &str| Some(ClassPattern::Whole(class.into()));
    let start = |class: &str| Some(ClassPattern::Start(class.into()));
    assert_eq!(parse(&[]), Ok(base()));
    for (name, value, expected) in [
        ("severity", "4", Filter { severity: Some(4), ..base() }),
        ("classification", "a/b/c", Filter { classification: whole("a/b/c"), ..base() }),
        ("classification", "a/b/*", Filter { classification: start("a/b/"), ..base() }),
        ("classification", "*", Filter { classification: start(""), ..base() }),
        ("build", "\"12\"", Filter { build: Some("12".into()), ..base() }),
        ("machine_id", "f00", Filter { machine_id: Some("f00".into()), ..base() }),
        ("created_in_days", "30", Filter { created_in_secs: Some(2_592_000), ..base() }),
        ("created_in_sec", "2592000", Filter { created_in_secs: Some(2_592_000), ..base() }),
        ("from_id", "7", Filter { from_id: Some(7), ..base() }),
        ("ts_capture", "1970-01-01 00:00:09 UTC", Filter { captured_secs: Some(9), ..base() }),
        ("ts_capture", "9", Filter { captured_secs: Some(9), ..base() }),
        ("limit", "1000", Filter::all(1000)),
    ] {
        assert_eq!(parse(&[(name, value)]), Ok(expected), "{name}={value}");
    }
    let both = Filter { severity: Some(1), from_id: Some(2), ..Filter::all(3) };
    assert_eq!(parse(&[("severity", "1"), ("from_id", "2"), ("limit", "3")]), Ok(both));
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
        ("build", ""),
        ("build", "1 2"),
        ("build", "';--"),
        ("build", &long),
        ("machine_id", ""),
        ("machine_id", &long),
        ("created_in_days", "0"),
        ("created_in_days", "31"),
        ("created_in_days", "-1"),
        ("created_in_days", "1.5"),
        ("created_in_sec", "0"),
        ("created_in_sec", "2592001"),
        ("created_in_sec", "99999999999"),
        ("from_id", "-1"),
        ("from_id", "x"),
        ("from_id", "9223372036854775808"),
        ("ts_capture", ""),
        ("ts_capture", "today"),
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "all"),
    ] {
        let message = parse(&[(name, value)]).expect_err(value);
        assert!(message.starts_with(&format!("{name} is ")) && message.contains("; allowed: "), "{message}");
    }
}

#[test]
fn unknown_and_doubled_parameters_are_refused_by_name() {
    for (pairs, start) in [
        (&[("severty", "1")][..], "\"severty\" is no filter"),
        (&[("severity", "1"), ("severity", "1")], "severity is given twice"),
        (&[("limit", "1"), ("limit", "1")], "limit is given twice"),
        (&[("created_in_days", "1"), ("created_in_sec", "1")], "created_in_sec is too much"),
    ] {
        let message = parse(pairs).expect_err("passed");
        assert!(message.starts_with(start), "{message}");
    }
}
