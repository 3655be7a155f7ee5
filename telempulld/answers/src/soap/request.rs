//! A request: in which order it is judged, and what is asked.

use super::echo::Echo;
use super::fault::{Fault, FaultKind};
use roxmltree::Node;
use std::collections::BTreeSet;
use telemetry_config::pull::Member;
use telemetry_xroad::elements::{client_id, server_id, service_id};
use telemetry_xroad::identifier::{ClientId, ServerId, ServiceId};
use telemetry_xroad::names::{ENVELOPE, MONITORING, SERVICE_CODE, XROAD};
use telemetry_xroad::xml;

/// Which metrics are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By their names; none: all.
    named: Option<BTreeSet<String>>,
}

impl Wanted {
    /// Whether this one is.
    pub fn has(&self, name: &str) -> bool {
        self.named.as_ref().is_none_or(|named| named.contains(name))
    }
}

/// A request that is sound in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who it says it is from.
    pub client: ClientId,
    /// What is asked for.
    pub wanted: Wanted,
    service: ServiceId,
    target: Option<ServerId>,
    pub(super) echo: Echo,
}

impl Request {
    /// Reads a request. Its length was bounded before.
    ///
    /// # Errors
    /// The first fault in the order of X-Road: content type, XML, envelope, headers, body.
    pub fn parse(content_type: Option<&str>, posted: &[u8]) -> Result<Self, Fault> {
        check_content_type(content_type.unwrap_or_default())?;
        let malformed = |error| Fault::new(FaultKind::InvalidXml, format!("Malformed XML: {error}"));
        let text = xml::text(posted).map_err(malformed)?;
        let document = xml::document(text).map_err(malformed)?;
        let envelope = document.root_element();
        if !envelope.has_tag_name((ENVELOPE, "Envelope")) {
            return Err(Fault::new(FaultKind::InvalidSoap, "Malformed SOAP message: envelope missing"));
        }
        let (header, body) = parts(envelope)?;
        let fields = Fields::new(header)?;
        let client = fields
            .required("client", "client id")
            .and_then(|node| fields.sound("client id", client_id(node)))?;
        let service = fields
            .required("service", "service id")
            .and_then(|node| fields.sound("service id", service_id(node)))?;
        let target =
            fields.find("securityServer").map(|node| fields.sound("security server id", server_id(node)));
        let target = target.transpose()?;
        let id = fields.required("id", "query id")?;
        check_version(&xml::content(fields.required("protocolVersion", "protocol version")?))?;
        let body =
            body.ok_or_else(|| Fault::new(FaultKind::MissingBody, "Malformed SOAP message: body missing"))?;
        let request = only_element(body)?;
        let name = request.tag_name().name();
        if !name.starts_with(&service.code) {
            let (code, name) = (xml::repeated(&service.code), xml::repeated(name));
            let text = format!(
                "Malformed SOAP message: service code '{code}' does not match the element '{name}' in the body"
            );
            return Err(Fault::new(FaultKind::InconsistentHeaders, text));
        }
        let echo = Echo::new(text, posted, [envelope, header, body], id, request);
        Ok(Self { client, service, target, wanted: wanted(request), echo })
    }

    /// Whether this machine has the service, and is the one that is meant. `server` is none where no owner is set.
    ///
    /// # Errors
    /// UnknownService, InvalidSecurityServer.
    pub fn check(&self, server: Option<&ServerId>) -> Result<(), Fault> {
        let is_ours = |owner: &Member| {
            let ServiceId { provider, code, version } = &self.service;
            provider.member == *owner
                && provider.subsystem.is_none()
                && code == SERVICE_CODE
                && version.is_none()
        };
        let Some(server) = server.filter(|server| is_ours(&server.owner)) else {
            return Err(Fault::new(FaultKind::UnknownService, format!("Unknown service: {}", self.service)));
        };
        match &self.target {
            Some(target) if target != server => Err(Fault::new(
                FaultKind::InvalidSecurityServer,
                format!("Invalid security server identifier '{target}' expected '{server}'"),
            )),
            _ => Ok(()),
        }
    }

    /// Not for him.
    pub fn denied(&self) -> Fault {
        Fault::new(FaultKind::AccessDenied, format!("Request is not allowed: {}", self.service))
    }
}

/// Without parameters but a charset, which is UTF-8.
fn check_content_type(value: &str) -> Result<(), Fault> {
    let mut words = value.split(';');
    let kind = words.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = words.find_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    let is_utf8 = charset.is_none_or(|charset| ["utf-8", "utf8", "us-ascii"].contains(&charset.as_str()));
    if matches!(kind.as_str(), "text/xml" | "application/xop+xml") && is_utf8 {
        return Ok(());
    }
    Err(Fault::new(FaultKind::InvalidContentType, format!("Invalid content type: {}", xml::repeated(value))))
}

/// Header and body; a body that is missing is a fault of its own, after those of the header.
#[allow(clippy::type_complexity)]
fn parts<'a, 'b>(envelope: Node<'a, 'b>) -> Result<(Node<'a, 'b>, Option<Node<'a, 'b>>), Fault> {
    let mut elements = envelope.children().filter(Node::is_element).peekable();
    let header = elements.next_if(|element| element.has_tag_name((ENVELOPE, "Header")));
    let header = header
        .ok_or_else(|| Fault::new(FaultKind::MissingHeader, "Malformed SOAP message: header missing"))?;
    let body = elements.next().filter(|element| element.has_tag_name((ENVELOPE, "Body")));
    match elements.next() {
        Some(_) if body.is_some() => Err(Fault::new(
            FaultKind::InvalidSoap,
            "Malformed SOAP message: there is something behind the body",
        )),
        _ => Ok((header, body)),
    }
}

/// The headers of X-Road, each once.
struct Fields<'a, 'b>(Vec<Node<'a, 'b>>);

impl<'a, 'b> Fields<'a, 'b> {
    fn new(header: Node<'a, 'b>) -> Result<Self, Fault> {
        let is_field = |node: &Node<'_, '_>| node.is_element() && node.tag_name().namespace() == Some(XROAD);
        let fields: Vec<_> = header.children().filter(is_field).collect();
        let mut names = BTreeSet::new();
        match fields.iter().map(|field| field.tag_name().name()).find(|name| !names.insert(*name)) {
            Some(name) => Err(Fault::new(
                FaultKind::DuplicateHeaderField,
                format!("SOAP header contains duplicate field '{{{XROAD}}}{}'", xml::repeated(name)),
            )),
            None => Ok(Self(fields)),
        }
    }

    fn find(&self, name: &str) -> Option<Node<'a, 'b>> {
        self.0.iter().find(|field| field.tag_name().name() == name).copied()
    }

    fn required(&self, name: &str, words: &str) -> Result<Node<'a, 'b>, Fault> {
        self.find(name).ok_or_else(|| {
            Fault::new(FaultKind::MissingHeaderField, format!("Message header must contain {words}"))
        })
    }

    fn sound<T>(&self, words: &str, found: Result<T, String>) -> Result<T, Fault> {
        found.map_err(|what| {
            Fault::new(FaultKind::MissingHeaderField, format!("Message header must contain {words}: {what}"))
        })
    }
}

/// The same major version is compatible.
fn check_version(version: &str) -> Result<(), Fault> {
    match version.trim().split_once('.') {
        Some(("4", minor)) if !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        _ => Err(Fault::new(
            FaultKind::InvalidProtocolVersion,
            format!("Unsupported protocol version '{}', expected 4.0", xml::repeated(version)),
        )),
    }
}

fn only_element<'a, 'b>(body: Node<'a, 'b>) -> Result<Node<'a, 'b>, Fault> {
    let mut elements = body.children().filter(Node::is_element);
    match (elements.next(), elements.next()) {
        (Some(element), None) => Ok(element),
        _ => Err(Fault::new(
            FaultKind::InvalidBody,
            "Malformed SOAP message: body must have exactly one child element",
        )),
    }
}

/// Names that are not metrics are of no effect; empty ones are none at all.
fn wanted(request: Node<'_, '_>) -> Wanted {
    let is_field = |node: &Node<'_, '_>| node.has_tag_name((MONITORING, "outputField"));
    let names: BTreeSet<_> =
        request.descendants().filter(is_field).map(xml::content).filter(|name| !name.is_empty()).collect();
    Wanted { named: Some(names).filter(|names| !names.is_empty()) }
}
