//! Identifiers as elements: their parts in one order, each once.

use crate::identifier::{ClientId, ServerId, ServiceId};
use crate::names::IDENTIFIERS;
use crate::xml;
use roxmltree::Node;
use telemetry_config::pull::{Member, PART_BYTES};

/// A part's name, and whether it may be missing.
type Part = (&'static str, bool);

const MEMBER: [Part; 3] = [("xRoadInstance", false), ("memberClass", false), ("memberCode", false)];

/// Who asks, or who may.
///
/// # Errors
/// What is wrong, in words.
pub fn client_id(node: Node<'_, '_>) -> Result<ClientId, String> {
    object_type(node, &["MEMBER", "SUBSYSTEM"])?;
    let [instance, class, code] = MEMBER;
    let mut parts = parts(node, &[instance, class, code, ("subsystemCode", true)])?;
    Ok(ClientId { member: member(&mut parts)?, subsystem: parts.next().flatten() })
}

/// Which service.
///
/// # Errors
/// What is wrong, in words.
pub fn service_id(node: Node<'_, '_>) -> Result<ServiceId, String> {
    object_type(node, &["SERVICE"])?;
    let [instance, class, code] = MEMBER;
    let names =
        [instance, class, code, ("subsystemCode", true), ("serviceCode", false), ("serviceVersion", true)];
    let mut parts = parts(node, &names)?;
    let provider = ClientId { member: member(&mut parts)?, subsystem: parts.next().flatten() };
    let code = parts.next().flatten().ok_or_else(missing)?;
    Ok(ServiceId { provider, code, version: parts.next().flatten() })
}

/// Which server.
///
/// # Errors
/// What is wrong, in words.
pub fn server_id(node: Node<'_, '_>) -> Result<ServerId, String> {
    object_type(node, &["SERVER"])?;
    let [instance, class, code] = MEMBER;
    let mut parts = parts(node, &[instance, class, code, ("serverCode", false)])?;
    Ok(ServerId { owner: member(&mut parts)?, code: parts.next().flatten().ok_or_else(missing)? })
}

fn member(parts: &mut impl Iterator<Item = Option<String>>) -> Result<Member, String> {
    let mut next = || parts.next().flatten().ok_or_else(missing);
    Ok(Member { instance: next()?, class: next()?, code: next()? })
}

fn missing() -> String {
    "a part is missing".to_owned()
}

fn object_type(node: Node<'_, '_>, allowed: &[&str]) -> Result<(), String> {
    match node.attribute((IDENTIFIERS, "objectType")) {
        None => Err("objectType is missing".to_owned()),
        Some(word) if allowed.contains(&word) => Ok(()),
        Some(_) => Err(format!("objectType must be {}", allowed.join(" or "))),
    }
}

/// The parts that are there, in their order.
fn parts(node: Node<'_, '_>, names: &[Part]) -> Result<std::vec::IntoIter<Option<String>>, String> {
    if node.children().any(|child| child.is_text() && !child.text().unwrap_or_default().trim().is_empty()) {
        return Err("there is text between its parts".to_owned());
    }
    let mut elements = node.children().filter(Node::is_element).peekable();
    let mut found = Vec::with_capacity(names.len());
    for (name, is_optional) in names {
        match elements.next_if(|element| element.has_tag_name((IDENTIFIERS, *name))) {
            Some(element) => found.push(Some(part(element, name)?)),
            None if *is_optional => found.push(None),
            None => return Err(format!("{name} is missing or not where it belongs")),
        }
    }
    match elements.next() {
        Some(element) => Err(format!("{} does not belong there", xml::repeated(element.tag_name().name()))),
        None => Ok(found.into_iter()),
    }
}

fn part(element: Node<'_, '_>, name: &str) -> Result<String, String> {
    let text = xml::content(element);
    if text.is_empty() || text.len() > PART_BYTES || element.children().any(|child| child.is_element()) {
        return Err(format!("{name} must be a text of 1 to {PART_BYTES} bytes"));
    }
    Ok(text)
}
