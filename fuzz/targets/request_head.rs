//! What of the head of a request is read here, a line each: `Host`, `Authorization`, the query. hyper reads the rest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telempull_answers::fields::{Field, Fields};
use telempulld::{Login, is_own_host};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (host, authorization, query) = (next(), next(), next());
    if is_own_host(host) {
        let name = host.to_ascii_lowercase();
        let begins = ["localhost", "127.", "["].iter().any(|begin| name.starts_with(begin));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "[]:.%+".contains(c);
        assert!(begins && name.chars().all(is_plain), "{host:?}");
        assert!(
            !is_own_host(&format!("{}.example.org", host.split(':').next().unwrap_or_default())),
            "{host:?}"
        );
    }
    if let Some(login) = Login::parse(authorization) {
        assert!(authorization.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic ")));
        assert!(!login.user.contains(':') && !login.is_password(b""));
    }
    let fields = Fields::of_query(query);
    assert!(!fields.is_usual() || fields.has(Field::Readings) && !fields.has(Field::Processes));
});
