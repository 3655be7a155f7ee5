//! A file of trusted certificates, by whoever wrote it, with what a daemon learned.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_trust::{Grammar, TrustList, edit};

fuzz_target!(|bytes: &[u8]| {
    let half = bytes.len() / 2;
    let learned = TrustList::parse(&bytes[half..], Grammar::Learned).unwrap_or_default();
    let Ok(list) = TrustList::parse(bytes, Grammar::Administrators) else { return };
    for line in list.certificates() {
        assert_eq!(list.find(&line.fingerprint), Some(line));
        assert!(line.words.servers.is_empty() || line.words.roles.is_empty(), "a right beside a server");
        // What is written again means the same.
        let text = format!("{}{} {}", line.fingerprint, line.words, line.comment);
        let again = TrustList::parse(text.as_bytes(), Grammar::Administrators).unwrap();
        assert_eq!(again.certificates()[0].words, line.words);
    }
    let all = list.clone().with_learned(&learned);
    for line in all.certificates() {
        // What was announced has a parent, and that one's rights.
        if let Some(parent) = line.words.next_of {
            let parent = &all.find(&parent).unwrap().words;
            assert_eq!((&line.words.roles, &line.words.servers), (&parent.roles, &parent.servers));
        }
    }
    let (Ok(text), Some(first)) = (std::str::from_utf8(bytes), list.certificates().first()) else { return };
    let without = edit::without(text, &list, &first.fingerprint);
    let without = TrustList::parse(without.as_bytes(), Grammar::Administrators).unwrap();
    assert_eq!(without.find(&first.fingerprint), None);
    assert_eq!(without.certificates().len() + 1, list.certificates().len());
});
