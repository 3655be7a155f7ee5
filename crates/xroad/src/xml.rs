//! XML of others, bounded; and text as it may stand in ours.

use crate::limits::{DEPTH, NODES, REPEATED_CHARACTERS};
use roxmltree::{Document, Node, ParsingOptions};
use std::borrow::Cow;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why XML is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Only one encoding is taken.
    #[error("it must be UTF-8")]
    Encoding,
    /// Not well-formed, or with a document type, which is not taken.
    #[error("{0}")]
    Malformed(String),
    /// Deeper than any that is meant.
    #[error("elements are nested more than {DEPTH} deep")]
    Deep,
    /// A character that XML does not have, written as a number.
    #[error("it has a character that XML does not have")]
    Character,
}

/// The text of a file of XML, without a byte order mark. Its length was bounded before.
///
/// # Errors
/// [`XmlError::Encoding`].
pub fn text(bytes: &[u8]) -> Result<&str, XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    match declared_encoding(text) {
        Some(name) if !["utf-8", "utf8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known)) => {
            Err(XmlError::Encoding)
        }
        _ => Ok(text),
    }
}

fn declared_encoding(text: &str) -> Option<&str> {
    let (declaration, _) = text.strip_prefix("<?xml ")?.split_once("?>")?;
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest.get(1..)?.split(quote).next()
}

/// The document of such a text.
///
/// # Errors
/// [`XmlError`].
pub fn document(text: &str) -> Result<Document<'_>, XmlError> {
    document_within(text, NODES)
}

/// The document of a text that may be large: of up to this many elements, texts and comments.
///
/// # Errors
/// [`XmlError`].
pub fn document_within(text: &str, nodes: u32) -> Result<Document<'_>, XmlError> {
    // The tree is built without recursion, but what is deep is refused before it costs anything.
    check_depth(text)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: nodes, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| XmlError::Malformed(repeated(&error.to_string())))?;
    let is_sound = |node: Node<'_, '_>| {
        node.text().is_none_or(has_characters)
            && node.attributes().all(|attribute| has_characters(attribute.value()))
            && !(node.is_element() && node.tag_name().namespace().is_some_and(|name| !has_characters(name)))
    };
    if !has_characters(text) || !document.descendants().all(is_sound) {
        return Err(XmlError::Character);
    }
    Ok(document)
}

/// Counts what opens and closes; exact for what is well-formed, and never below for what is not.
fn check_depth(text: &str) -> Result<(), XmlError> {
    let (mut depth, mut rest) = (0_usize, text);
    while let Some((_, behind)) = rest.split_once('<') {
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")]
            .into_iter()
            .find_map(|(begin, end)| behind.strip_prefix(begin).map(|inner| (inner, end)));
        if let Some((inner, end)) = skipped {
            rest = inner.split_once(end).map_or("", |(_, rest)| rest);
            continue;
        }
        if behind.starts_with('/') {
            depth = depth.saturating_sub(1);
            rest = behind;
            continue;
        }
        let tag = tag_length(behind);
        if !behind.get(..tag).is_some_and(|tag| tag.ends_with('/')) {
            depth += 1;
        }
        if depth > DEPTH {
            return Err(XmlError::Deep);
        }
        rest = behind.get(tag..).unwrap_or_default();
    }
    Ok(())
}

/// Bytes up to the `>` that ends a tag: there may be others within quotes.
pub fn tag_length(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    text.len()
}

fn has_characters(text: &str) -> bool {
    !text.contains(|c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
}

/// All text of an element, its sections of CDATA included and comments left out. Elements in it are none.
pub fn content(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// A text as one line of characters that XML has: U+FFFD stands for each other one.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let is_other = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(is_other) { Cow::Owned(text.replace(is_other, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A text of ours, or a foreign one, as it may stand in an element of XML.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let text = one_line(text);
    if text.contains(['&', '<', '>']) {
        Cow::Owned(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
    } else {
        Cow::Owned(text.into_owned())
    }
}

/// A foreign word as an error repeats it: one line, and not longer than is worth reading.
pub fn repeated(text: &str) -> String {
    one_line(text).chars().take(REPEATED_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(xml: &[u8]) -> Result<usize, XmlError> {
        document(text(xml)?).map(|document| document.descendants().count())
    }

    #[test]
    fn what_is_not_taken() {
        let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
        let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let many = format!("<a>{}</a>", "<b/>".repeat(5000));
        for (xml, expected) in [
            (&b"<a>\xff</a>"[..], Some(XmlError::Encoding)),
            (&utf16, None),
            (b"\xff\xfe<\0a\0/\0>\0", Some(XmlError::Encoding)),
            (b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>", Some(XmlError::Encoding)),
            (b"<?xml version='1.0' encoding = 'iso-8859-1'?><a/>", Some(XmlError::Encoding)),
            (deep.as_bytes(), Some(XmlError::Deep)),
            ("<a>".repeat(33).as_bytes(), Some(XmlError::Deep)),
            (many.as_bytes(), None),
            (b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", None),
            (b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", None),
            (b"<a>&x;</a>", None),
            (b"<a>&#0;</a>", None),
            (b"<a>&#1;</a>", None),
            (b"<a>&#xFFFE;</a>", None),
            (b"<a b='&#xFFFF;'/>", None),
            ("<a>\u{fffe}</a>".as_bytes(), None),
            (b"<a>\x01</a>", None),
            (b"<a><b></a></b>", None),
            (b"<a x='1' x='2'/>", None),
            (b"<p:a/>", None),
            (b"", None),
            (b"text", None),
            (b"<a/><b/>", None),
        ] {
            let error = parse(xml).expect_err(&String::from_utf8_lossy(xml.get(..80).unwrap_or(xml)));
            if let Some(expected) = expected {
                assert_eq!(error, expected);
            }
        }
    }

    #[test]
    fn what_is_taken() {
        let nested = format!("{}{}", "<a>".repeat(32), "</a>".repeat(32));
        for xml in [
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a b='>'>ä &#228; &amp;<!-- <<< --><![CDATA[<<]]></a>",
            &nested,
            "<?xml version='1.0'?><a/>",
            "<a><b x='/'></b><b/></a>",
        ] {
            assert!(parse(xml.as_bytes()).is_ok(), "{xml}: {:?}", parse(xml.as_bytes()));
        }
        let document = document("<a>x<b>y</b><!-- z --><![CDATA[<w]]></a>").unwrap();
        assert_eq!(content(document.root_element()), "x<w");
        assert_eq!(escaped("a<b>&\"\u{1}\n"), "a&lt;b&gt;&amp;\"\u{fffd}\u{fffd}");
        assert_eq!(tag_length("a b='>' c=\"'>\">x"), 14);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_brackets_are_judged(text in "[<>/a!'\" =&;\\[\\]?-]{0,60}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn what_is_escaped_is_read_back(text in "\\PC{0,40}") {
            let xml = format!("<a>{}</a>", escaped(&text));
            let document = document(&xml).unwrap();
            prop_assert_eq!(content(document.root_element()), one_line(&text));
        }
    }
}
