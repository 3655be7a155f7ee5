//! What of a request stands in its answer: bytes, not values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use sha2::{Digest, Sha512};
use std::ops::Range;
use telemetry_xroad::names::{MONITORING, XROAD};
use telemetry_xroad::xml::tag_length;

/// The parts of a request that its answer begins and ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    /// From the envelope's tag to the body's, with the request's hash behind its id.
    pub(super) before: String,
    /// The ends of body and envelope.
    pub(super) after: String,
    /// Before the names of metrics: `m:`, or nothing.
    pub(super) prefix: String,
}

/// Where the hash comes from, and of which algorithm it is.
pub(super) fn request_hash(posted: &[u8]) -> String {
    STANDARD.encode(Sha512::digest(posted))
}

impl Echo {
    /// Of a text, which was posted as these bytes.
    pub(super) fn new(
        text: &str,
        posted: &[u8],
        [envelope, header, body]: [Node<'_, '_>; 3],
        id: Node<'_, '_>,
        request: Node<'_, '_>,
    ) -> Self {
        let slice = |range: Range<usize>| text.get(range).unwrap_or_default();
        let raw_prefix = raw_prefix(slice(id.range()));
        let hash = format!(
            "<{raw_prefix}requestHash{} algorithmId=\"http://www.w3.org/2001/04/xmlenc#sha512\">{}</{raw_prefix}requestHash>",
            declaration(raw_prefix, header),
            request_hash(posted)
        );
        let mut before = String::new();
        let mut at = envelope.range().start;
        for field in header.children().filter(Node::is_element) {
            let range = field.range();
            let is_hash = field.has_tag_name((XROAD, "requestHash"));
            before.push_str(slice(at..if is_hash { range.start } else { range.end }));
            at = range.end;
            if field == id {
                before.push_str(&hash);
            }
        }
        before.push_str(slice(at..header.range().end));
        before.push_str(start_tag(slice(body.range())));
        let after = format!("{}{}", end_tag(slice(body.range())), end_tag(slice(envelope.range())));
        let prefix = if request.tag_name().namespace() == Some(MONITORING) {
            self::raw_prefix(slice(request.range())).to_owned()
        } else {
            "m:".to_owned()
        };
        Self { before, after, prefix }
    }
}

/// `p:` of `<p:name ...>`; nothing without.
fn raw_prefix(element: &str) -> &str {
    let name = element.strip_prefix('<').unwrap_or_default();
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default();
    name.find(':').and_then(|colon| name.get(..=colon)).unwrap_or_default()
}

/// What declares a prefix of X-Road's that the header does not know: some programs declare it anew on each field.
fn declaration(raw_prefix: &str, header: Node<'_, '_>) -> String {
    let prefix = raw_prefix.strip_suffix(':');
    if header.lookup_namespace_uri(prefix) == Some(XROAD) {
        return String::new();
    }
    let name = prefix.map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
    format!(" {name}=\"{XROAD}\"")
}

fn start_tag(element: &str) -> &str {
    element.get(..=tag_length(element)).unwrap_or(element)
}

/// Behind the last `</` is the element's own end.
fn end_tag(element: &str) -> &str {
    element.rfind("</").and_then(|at| element.get(at..)).unwrap_or_default()
}
