//! monitoring-params.xml, by which the central client is named: at most one. Without a `monitoringClientId` there is none.
//!
//! ```xml
//! <x:conf xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers">
//!   <monitoringClient>
//!     <monitoringClientId id:objectType="SUBSYSTEM">
//!       <id:xRoadInstance>LAB</id:xRoadInstance> <id:memberClass>ORG</id:memberClass>
//!       <id:memberCode>1</id:memberCode>         <id:subsystemCode>MON</id:subsystemCode>
//!     </monitoringClientId>
//!   </monitoringClient>
//! </x:conf>
//! ```

use crate::elements::client_id;
use crate::identifier::ClientId;
use crate::limits::PARAMS_BYTES;
use crate::names::{IDENTIFIERS, XROAD};
use crate::xml::{self, XmlError};
use roxmltree::Node;

/// Attributes by which a file names its schema.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// More than such a file has.
    #[error("larger than {PARAMS_BYTES} bytes")]
    Large,
    /// It is no XML that is taken.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is not as its schema has it.
    #[error("line {line}: {what}")]
    Invalid {
        /// Where, from 1.
        line: u32,
        /// What is wrong.
        what: String,
    },
}

/// The central client that a file names; none if it names nobody.
///
/// # Errors
/// [`ParamsError`].
pub fn parse(bytes: &[u8]) -> Result<Option<ClientId>, ParamsError> {
    if bytes.len() > PARAMS_BYTES {
        return Err(ParamsError::Large);
    }
    let document = xml::document(xml::text(bytes)?)?;
    let fault = |node: Node<'_, '_>, what: String| ParamsError::Invalid {
        line: document.text_pos_at(node.range().start).row,
        what,
    };
    let conf = document.root_element();
    if !conf.has_tag_name((XROAD, "conf")) {
        return Err(fault(conf, format!("the root must be conf in {XROAD}")));
    }
    let attributes = |node: Node<'_, '_>, allowed: Option<(&str, &str)>| {
        let is_known = |attribute: &roxmltree::Attribute<'_, '_>| {
            attribute.namespace() == Some(XSI)
                || allowed.is_some_and(|(namespace, name)| {
                    attribute.namespace() == Some(namespace) && attribute.name() == name
                })
        };
        match node.attributes().find(|attribute| !is_known(attribute)) {
            Some(attribute) => {
                Err(fault(node, format!("the attribute {} does not belong here", shown(attribute.name()))))
            }
            None => Ok(()),
        }
    };
    attributes(conf, None)?;
    let client = only_child(conf, "monitoringClient").map_err(|(node, what)| fault(node, what))?;
    let client = client.ok_or_else(|| fault(conf, "monitoringClient is missing".to_owned()))?;
    attributes(client, None)?;
    let Some(id) = only_child(client, "monitoringClientId").map_err(|(node, what)| fault(node, what))? else {
        return Ok(None);
    };
    attributes(id, Some((IDENTIFIERS, "objectType")))?;
    client_id(id).map(Some).map_err(|what| fault(id, format!("monitoringClientId: {what}")))
}

/// The one child that may be there, without a namespace.
fn only_child<'a, 'b>(
    parent: Node<'a, 'b>,
    name: &str,
) -> Result<Option<Node<'a, 'b>>, (Node<'a, 'b>, String)> {
    let mut found = None;
    for node in parent.children() {
        let is_name = node.tag_name().name() == name && node.tag_name().namespace().is_none();
        match () {
            () if node.is_element() && !is_name => {
                return Err((
                    node,
                    format!("{} does not belong here: {name} does", shown(node.tag_name().name())),
                ));
            }
            () if node.is_element() && found.is_some() => {
                return Err((node, format!("{name} stands there twice")));
            }
            () if node.is_element() => found = Some(node),
            () if node.text().is_some_and(|text| node.is_text() && !text.trim().is_empty()) => {
                return Err((node, format!("there is text where only {name} may be")));
            }
            () => {}
        }
    }
    Ok(found)
}

fn shown(name: &str) -> String {
    xml::repeated(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the document.
    const EXAMPLE: &str = r#"<tns:conf xmlns:id="http://x-road.eu/xsd/identifiers"
          xmlns:tns="http://x-road.eu/xsd/xroad.xsd"
          xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
          xsi:schemaLocation="http://x-road.eu/xsd/xroad.xsd">
    <monitoringClient>
        <monitoringClientId id:objectType="SUBSYSTEM">
            <id:xRoadInstance>fdev</id:xRoadInstance>
            <id:memberClass>GOV</id:memberClass>
            <id:memberCode>1710128-9</id:memberCode>
            <id:subsystemCode>LIPPIS</id:subsystemCode>
        </monitoringClientId>
    </monitoringClient>
</tns:conf>
"#;

    #[test]
    fn the_example_and_the_one_that_switches_off() {
        let id = parse(EXAMPLE.as_bytes()).unwrap().unwrap();
        assert_eq!(id.to_string(), "SUBSYSTEM:fdev/GOV/1710128-9/LIPPIS");
        let begin = EXAMPLE.find("<monitoringClientId").unwrap();
        let end = EXAMPLE.find("</monitoringClient>").unwrap();
        let off = format!("{}{}", &EXAMPLE[..begin], &EXAMPLE[end..]);
        assert_eq!(parse(off.as_bytes()), Ok(None));
        let member = EXAMPLE
            .replace("            <id:subsystemCode>LIPPIS</id:subsystemCode>\n", "")
            .replace("SUBSYSTEM", "MEMBER");
        assert_eq!(parse(member.as_bytes()).unwrap().unwrap().to_string(), "MEMBER:fdev/GOV/1710128-9");
        // Not caught by the schema.
        let mixed = EXAMPLE.replace("\"SUBSYSTEM\"", "\"MEMBER\"");
        assert_eq!(parse(mixed.as_bytes()).unwrap(), Some(id));
    }

    #[test]
    fn what_the_schema_refuses_is_named_with_its_line() {
        for (from, to, line, what) in [
            ("<monitoringClientId", "<id:broken/><monitoringClientId", 6, "broken does not belong here"),
            ("</monitoringClient>", "</monitoringClient><monitoringClient/>", 12, "twice"),
            (" id:objectType=\"SUBSYSTEM\"", "", 6, "objectType is missing"),
            ("id:objectType=", "objectType=", 6, "the attribute objectType"),
            ("<monitoringClient>", "<monitoringClient foo='x'>", 5, "the attribute foo"),
            ("\"SUBSYSTEM\"", "\"SERVER\"", 6, "objectType must be MEMBER or SUBSYSTEM"),
            ("<id:memberClass>GOV</id:memberClass>", "", 6, "memberClass"),
            ("<id:memberCode>1710128-9</id:memberCode>", "<id:memberCode/>", 6, "memberCode"),
            ("LIPPIS</id:subsystemCode>", "LIPPIS</id:subsystemCode><id:x/>", 6, "x does not belong"),
            ("<monitoringClient>", "<monitoringClient>text", 5, "text"),
            ("tns=\"http://x-road.eu/xsd/xroad.xsd\"", "tns=\"http://example.org/\"", 1, "conf"),
            ("monitoringClient>", "monitoringclient>", 5, "does not belong"),
        ] {
            let error = parse(EXAMPLE.replace(from, to).as_bytes()).unwrap_err();
            let ParamsError::Invalid { line: found, what: words } = &error else { panic!("{from}: {error}") };
            assert!(*found == line && words.contains(what), "{from}: {error}");
        }
        let two = EXAMPLE.replace("    </monitoringClient>", "<monitoringClientId/></monitoringClient>");
        assert!(parse(two.as_bytes()).unwrap_err().to_string().contains("twice"));
        assert_eq!(parse(&vec![b' '; PARAMS_BYTES + 1]), Err(ParamsError::Large));
        let no_client = "<c:conf xmlns:c='http://x-road.eu/xsd/xroad.xsd'/>";
        assert!(parse(no_client.as_bytes()).unwrap_err().to_string().contains("missing"));
        assert!(parse(b"<conf").is_err());
    }

    proptest! {
        #[test]
        fn a_file_that_is_cut_names_nobody(cut in 0..EXAMPLE.trim_end().len()) {
            prop_assert!(parse(&EXAMPLE.as_bytes()[..cut]).is_err());
        }
    }
}
