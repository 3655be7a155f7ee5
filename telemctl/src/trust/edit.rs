//! Changes of a file of trusted certificates: single lines, the rest stays as it is.

use telemetry_trust::{Fingerprint, ServerAddress, TrustList};

/// The text with this certificate trusted for a server. None if it is so already.
pub(super) fn with_server(
    text: &str,
    list: &TrustList,
    fingerprint: &Fingerprint,
    server: &ServerAddress,
    comment: &str,
) -> Option<String> {
    match list.find(fingerprint) {
        Some(known) if known.words.servers.is_empty() || known.words.servers.contains(server) => None,
        Some(known) => Some(map_line(text, known.line, |line| {
            let (fingerprint, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            Some(format!("{fingerprint} server={server} {rest}").trim_end().to_owned())
        })),
        None => Some(appended(text, &format!("{fingerprint} server={server} {comment}"))),
    }
}

/// The text with this certificate listed with these words, instead of those that it has. None if they are the same.
pub(super) fn with_words(
    text: &str,
    list: &TrustList,
    fingerprint: &Fingerprint,
    words: &str,
    comment: &str,
) -> Option<String> {
    let line = |comment: &str| {
        [fingerprint.to_string().as_str(), words, comment]
            .map(str::trim)
            .join(" ")
            .replace("  ", " ")
            .trim_end()
            .to_owned()
    };
    match list.find(fingerprint) {
        None => Some(appended(text, &line(comment))),
        Some(known) if known.words.to_string().trim() == words => None,
        Some(known) => Some(map_line(text, known.line, |_| Some(line(&known.comment)))),
    }
}

/// The text without the lines about a certificate.
pub(super) fn without(text: &str, list: &TrustList, fingerprint: &Fingerprint) -> String {
    let is_about = |line: &str| {
        let word = line.trim_start_matches('\u{feff}').split_whitespace().next().unwrap_or_default();
        word.parse() == Ok(*fingerprint)
    };
    match list.find(fingerprint) {
        Some(_) => text.split_inclusive('\n').filter(|line| !is_about(line)).collect(),
        None => text.to_owned(),
    }
}

fn appended(text: &str, line: &str) -> String {
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{separator}{line}\n")
}

/// The text with one line, counted from 1, changed.
fn map_line(text: &str, number: usize, change: impl Fn(&str) -> Option<String>) -> String {
    let lines = text.split_inclusive('\n').zip(1..).map(|(line, at)| {
        let content = line.trim_end_matches(['\n', '\r']);
        match if at == number { change(content) } else { None } {
            Some(changed) => format!("{changed}{}", line.get(content.len()..).unwrap_or_default()),
            None => line.to_owned(),
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_trust::Grammar;

    fn list(text: &str) -> TrustList {
        TrustList::parse(text.as_bytes(), Grammar::Administrators).unwrap()
    }

    fn certificate(name: &str) -> Fingerprint {
        Fingerprint::of_der(name.as_bytes())
    }

    #[test]
    fn a_server_is_added_and_the_rest_stays() {
        let (a, b) = (certificate("a"), certificate("b"));
        let (one, two): (ServerAddress, ServerAddress) = ("one:1".parse().unwrap(), "two:2".parse().unwrap());
        let add =
            |text: &str, fingerprint, server| with_server(text, &list(text), fingerprint, server, "by hand");
        let first = add("# mine\r\n", &a, &one).unwrap();
        assert_eq!(first, format!("# mine\r\n{a} server=one:1 by hand\n"));
        assert_eq!(add(&first, &a, &one), None);
        let second = add(&first, &a, &two).unwrap();
        assert_eq!(second, format!("# mine\r\n{a} server=two:2 server=one:1 by hand\n"));
        assert_eq!(list(&second).find(&a).unwrap().words.servers, [two.clone(), one.clone()]);
        assert_eq!(add(&format!("{b}"), &b, &one), None, "trusted for every server");
        let text = format!("{b}\n");
        assert_eq!(add(text.trim_end(), &a, &one).unwrap(), format!("{text}{a} server=one:1 by hand\n"));
    }

    #[test]
    fn words_are_added_and_replaced_and_comments_stay() {
        let (a, b) = (certificate("a"), certificate("b"));
        let set = |text: &str, fingerprint, words| with_words(text, &list(text), fingerprint, words, "today");
        let first = set("# mine\n", &a, "role=pull").unwrap();
        assert_eq!(first, format!("# mine\n{a} role=pull today\n"));
        assert_eq!(set(&first, &a, "role=pull"), None);
        let second = set(&first, &a, "role=read client=A/B/1").unwrap();
        assert_eq!(second, format!("# mine\n{a} role=read client=A/B/1 today\n"));
        assert_eq!(set(&second, &a, "role=read client=A/B/1"), None);
        assert_eq!(set(&second, &a, "").unwrap(), format!("# mine\n{a} today\n"));
        let both = set(second.trim_end(), &b, "").unwrap();
        assert_eq!(both, format!("{second}{b} today\n"));
        assert_eq!(set(&both, &b, ""), None);
    }

    #[test]
    fn a_certificate_is_removed_however_it_is_written() {
        let (a, b) = (certificate("a"), certificate("b"));
        let text =
            format!("\u{feff}{} x\r\n# {a}\n{b} y\n  {a} x\n", a.to_string().to_lowercase().replace(':', ""));
        assert_eq!(without(&text, &list(&text), &a), format!("# {a}\n{b} y\n"));
        assert_eq!(without(&text, &list(&text), &certificate("c")), text);
    }
}
