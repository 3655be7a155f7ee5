//! The shipped rules against their own examples, and files of sites.

use super::*;

fn token(function: &str, module: &str) -> Token {
    Token {
        function: (function != UNNAMED).then(|| function.to_owned()),
        module: module.to_owned(),
        offset: None,
        build_id: None,
        is_uncertain: false,
        is_interrupted: false,
        is_looked_up: false,
    }
}

fn found(rules: &Rules, kind: Kind, function: &str, module: &str) -> Option<(String, Action)> {
    rules.find(kind, &token(function, module)).map(|(id, rule)| (id.to_string(), rule.action))
}

#[test]
fn every_shipped_rule_has_a_reason_and_decides_its_example() {
    let rules = Rules::shipped().unwrap();
    assert!(rules.iter().count() >= 150);
    let mut wrong = Vec::new();
    for (id, rule) in rules.iter() {
        assert!(rule.reason.len() >= 5 && rule.example.is_some(), "{id}: {rule}");
        for (kind, function, module) in rule.example_frames().unwrap() {
            if !rule.fits(kind, &module, &function) {
                // A name of a library, in a kind that has none.
                continue;
            }
            let (decided, other) = rules.find(kind, &token(&function, &module)).unwrap();
            if decided != id {
                wrong.push(format!("{id} ({rule}): its example is decided by {decided} ({other})"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn module_and_function_must_both_fit() {
    let rules = Rules::shipped().unwrap();
    assert_eq!(found(&rules, Kind::Abort, "abort", "libc.so.6").unwrap().1, Action::Cut);
    assert_eq!(found(&rules, Kind::Abort, "abort", "app"), None);
    assert_eq!(found(&rules, Kind::KernelBug, "panic", "kernel").unwrap().1, Action::Cut);
    assert_eq!(found(&rules, Kind::Crash, "panic", "kernel"), None);
    assert_eq!(found(&rules, Kind::KernelBug, "panic", "mydriver"), None);
    assert_eq!(found(&rules, Kind::Crash, "load", "editor"), None);
}

#[test]
fn a_sites_file_wins() {
    let text = "# ours\n\nskip libour.so* our_wrapper *\nkeep libc.so* abort *  # we want to see it; abort() [libc.so.6]\n";
    let rules = Rules::with_site("site.rules", text).unwrap();
    assert_eq!(
        found(&rules, Kind::Crash, "our_wrapper", "libour.so.1"),
        Some(("rule of the site, line 3".to_owned(), Action::Skip))
    );
    assert_eq!(found(&rules, Kind::Abort, "abort", "libc.so.6").unwrap().1, Action::Keep);
    let shipped = Rules::shipped().unwrap();
    assert_ne!(rules.version(), shipped.version());
    assert_eq!(rules.version().len(), 16);
    assert_eq!(Rules::with_site("none", "# nothing\n").unwrap().version(), shipped.version());
    let id = rules.find(Kind::Abort, &token("abort", "libc.so.6")).unwrap().0;
    assert_eq!(rules.get(id).unwrap().reason, "we want to see it");
}

#[test]
fn a_wrong_line_is_named() {
    let error = Rules::with_site("/etc/x.rules", "# ok\nskip a b *\ndrop a b *\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "/etc/x.rules:3: \"drop\" is no action; there are: cut, skip, generic, keep"
    );
    let long = " ".repeat(RULES_BYTES + 1);
    assert_eq!(Rules::with_site("x", &long).unwrap_err().to_string(), "x: more than 1048576 bytes");
    let many = "skip a b *\n".repeat(RULES + 1);
    assert_eq!(Rules::with_site("x", &many).unwrap_err().to_string(), "x:10001: more than 10000 rules");
}
