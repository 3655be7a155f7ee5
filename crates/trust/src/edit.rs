//! Changes of a file of trusted certificates: single lines, the rest stays as it is.

use crate::fingerprint::Fingerprint;
use crate::line::Words;
use crate::server_address::ServerAddress;
use crate::trust_list::TrustList;

/// The text with this certificate trusted for a server. None if it is so already.
pub fn with_server(
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
pub fn with_words(
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

/// The text with one more line: a certificate and what stands behind it. None if one about it is there.
pub fn with_line(text: &str, list: &TrustList, fingerprint: &Fingerprint, rest: &str) -> Option<String> {
    list.find(fingerprint).is_none().then(|| appended(text, format!("{fingerprint} {rest}").trim_end()))
}

/// The text with a learned certificate as a line of its own. One that was announced takes the place of the certificate that
/// people wrote and from which the announcements came, with its words and comment.
///
/// # Errors
/// For people: why it cannot be accepted.
pub fn with_accepted(
    text: &str,
    list: &TrustList,
    learned: &TrustList,
    fingerprint: &Fingerprint,
    comment: &str,
) -> Result<String, String> {
    if learned.find(fingerprint).is_none() {
        return Err(format!("{fingerprint} was not learned; `trust list` shows what was"));
    }
    let all = list.clone().with_learned(learned);
    let Some(in_force) = all.find(fingerprint) else {
        return Err(format!("{fingerprint} was announced by a certificate that is not trusted any more"));
    };
    if list.find(fingerprint).is_some() {
        return Ok(text.to_owned());
    }
    match written_ancestor(list, learned, fingerprint) {
        Some(ancestor) => Ok(renamed(text, list, &ancestor, fingerprint)),
        None => {
            let Words { roles, servers, client, .. } = in_force.words.clone();
            let words = Words { roles, servers, client, ..Words::default() };
            Ok(appended(text, &format!("{fingerprint}{words} {comment}")))
        }
    }
}

/// The certificate in people's file from which the announcements came that led to this one.
fn written_ancestor(list: &TrustList, learned: &TrustList, fingerprint: &Fingerprint) -> Option<Fingerprint> {
    let mut one = *fingerprint;
    // No row is longer than the list.
    for _ in 0..=learned.certificates().len() {
        one = learned.find(&one)?.words.next_of?;
        if list.find(&one).is_some() {
            return Some(one);
        }
    }
    None
}

/// The text where the lines about a certificate are one about another.
fn renamed(text: &str, list: &TrustList, old: &Fingerprint, new: &Fingerprint) -> String {
    let Some(first) = list.find(old).map(|known| known.line) else { return text.to_owned() };
    let lines = text.split_inclusive('\n').zip(1..).filter_map(|(line, at)| {
        if !is_about(line, old) {
            return Some(line.to_owned());
        }
        let (mark, content) = match line.strip_prefix('\u{feff}') {
            Some(content) => ("\u{feff}", content),
            None => ("", line),
        };
        let content = content.trim_start();
        let rest = content.find(char::is_whitespace).and_then(|end| content.get(end..)).unwrap_or_default();
        (at == first).then(|| format!("{mark}{new}{rest}"))
    });
    lines.collect()
}

/// Whether a line is about a certificate.
fn is_about(line: &str, fingerprint: &Fingerprint) -> bool {
    let word = line.trim_start_matches('\u{feff}').split_whitespace().next().unwrap_or_default();
    word.parse() == Ok(*fingerprint)
}

/// The text without the lines about a certificate.
pub fn without(text: &str, list: &TrustList, fingerprint: &Fingerprint) -> String {
    match list.find(fingerprint) {
        Some(_) => text.split_inclusive('\n').filter(|line| !is_about(line, fingerprint)).collect(),
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
    use crate::line::Grammar;

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

    #[test]
    fn what_was_announced_takes_the_place_of_the_line_that_it_came_from() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(certificate);
        let learned =
            format!("{b} next-of={a} since=5\n{c} next-of={b} since=6\n{d} by=first-use server=h:1\n");
        let learned = TrustList::parse(learned.as_bytes(), Grammar::Learned).unwrap();
        let accept =
            |text: &str, one: &Fingerprint| with_accepted(text, &list(text), &learned, one, "accepted");
        let lower = a.to_string().to_lowercase();
        let text = format!("\u{feff}# mine\r\n{lower}\trole=fetch the centre\r\n{a} role=fetch twice\n");
        for one in [b, c] {
            let expected = format!("\u{feff}# mine\r\n{one}\trole=fetch the centre\r\n");
            assert_eq!(accept(&text, &one), Ok(expected));
        }
        assert_eq!(accept(&format!("\u{feff}{a}"), &b), Ok(format!("\u{feff}{b}")));
        assert_eq!(accept("# x", &d), Ok(format!("# x\n{d} server=h:1 accepted\n")));
        let both = format!("{a}\n{b} role=read\n");
        assert_eq!(accept(&both, &b), Ok(both.clone()), "it has a line");
        assert!(accept("", &b).unwrap_err().contains("not trusted any more"));
        assert!(accept("", &a).unwrap_err().contains("was not learned"));
    }

    #[test]
    fn a_line_is_added_unless_there_is_one() {
        let [a, b] = ["a", "b"].map(certificate);
        let text = format!("{a}");
        assert_eq!(with_line(&text, &list(&text), &a, "role=fetch"), None);
        assert_eq!(
            with_line(&text, &list(&text), &b, "role=fetch x").unwrap(),
            format!("{a}\n{b} role=fetch x\n")
        );
        assert_eq!(with_line("", &list(""), &b, "").unwrap(), format!("{b}\n"));
    }
}
