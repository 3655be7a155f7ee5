//! Logs in the forms in which fuzzers and people have them, many in a file of `titles/`, each behind a line
//! `## NAME | FUNCTION | CLASS`: a record of the class has the function, by which such a failure is called, as a frame or in
//! its reason. `-` is a failure that names none; without a class there is no failure.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use telemetry_kernel::log::{Line, Oops, Privacy, Reader, Scanner};

struct Case {
    name: String,
    function: String,
    class: String,
    log: String,
}

fn cases(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/titles").join(file);
    let text = fs::read_to_string(path).unwrap();
    let cases = text.strip_prefix("## ").unwrap().split("\n## ").map(|case| {
        let (head, log) = case.split_once('\n').unwrap();
        let mut words = head.split('|').map(|word| word.trim().to_owned());
        let mut word = || words.next().unwrap_or_default();
        Case { name: word(), function: word(), class: word(), log: format!("{}\n", log.trim_end()) }
    });
    cases.collect()
}

fn oopses(log: &str) -> Vec<Oops> {
    let (mut reader, mut scanner, mut found) = (Reader::default(), Scanner::default(), Vec::new());
    let mut push = |line: &Line<'_>| scanner.push(line, &mut found);
    log.split_inclusive('\n').for_each(|line| reader.push(line.as_bytes(), line.len(), &mut push));
    reader.finish(&mut push).unwrap();
    scanner.finish(&mut found);
    found
}

/// Whether the function is one of the payload's words, with what compilers add or without.
fn names(payload: &str, function: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    function == "-" || payload.split(|c| !is_part(c)).any(|word| word == function)
}

#[test]
fn each_failure_has_a_record_with_the_function_that_it_is_called_by() {
    let files = [
        "sanitizers.txt",
        "x86.txt",
        "other_architectures.txt",
        "locks_and_others.txt",
        "stalls_and_others.txt",
    ];
    let cases: Vec<Case> = files.iter().flat_map(|file| cases(file)).collect();
    assert!(cases.len() > 105, "{}", cases.len());
    let is_right = |case: &Case| {
        oopses(&case.log).iter().any(|oops| {
            let payload = oops.payload(Privacy::Filtered, &[]);
            oops.kind.class().ends_with(&case.class) && names(&payload, &case.function)
        })
    };
    let wrong: Vec<&str> = cases.iter().filter(|case| !is_right(case)).map(|case| &*case.name).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn healthy_logs_have_none() {
    let cases = cases("without_failures.txt");
    assert!(cases.len() > 10, "{}", cases.len());
    for case in cases {
        let found: Vec<String> = oopses(&case.log).into_iter().map(|oops| oops.reason).collect();
        assert!(found.is_empty(), "{}: {found:?}", case.name);
    }
}
