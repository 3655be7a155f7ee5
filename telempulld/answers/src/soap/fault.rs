//! Faults: HTTP says 200 to them too.

use super::DECLARATION;
use telemetry_config::pull::FaultStyle;
use telemetry_xroad::names::ENVELOPE;
use telemetry_xroad::xml::escaped;

/// What is wrong, by the code that X-Road has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Another type of content.
    InvalidContentType,
    /// No XML that is taken.
    InvalidXml,
    /// XML, and no envelope.
    InvalidSoap,
    /// No header.
    MissingHeader,
    /// A header that must be there is not, or is not as it must be.
    MissingHeaderField,
    /// A header stands twice.
    DuplicateHeaderField,
    /// Another version of the protocol.
    InvalidProtocolVersion,
    /// No body.
    MissingBody,
    /// A body without an element, or with several.
    InvalidBody,
    /// The body is about another service than the header.
    InconsistentHeaders,
    /// No such service here.
    UnknownService,
    /// For another server.
    InvalidSecurityServer,
    /// Not for him.
    AccessDenied,
    /// Nothing can be read.
    InternalError,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub kind: FaultKind,
    /// In words.
    pub text: String,
}

impl FaultKind {
    /// Whether this machine says it as a server, or of the request itself.
    fn is_servers(self) -> bool {
        matches!(
            self,
            Self::UnknownService | Self::InvalidSecurityServer | Self::AccessDenied | Self::InternalError
        )
    }

    /// Its code in this spelling.
    pub fn code(self, style: FaultStyle) -> String {
        let name = format!("{self:?}");
        match (style, self.is_servers()) {
            (FaultStyle::CamelCase, true) => format!("Server.ServerProxy.{name}"),
            (FaultStyle::CamelCase, false) => format!("Client.{name}"),
            (FaultStyle::SnakeCase, true) => format!("server.serverproxy.{}", snake_case(&name)),
            (FaultStyle::SnakeCase, false) => format!("client.{}", snake_case(&name)),
        }
    }
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

impl Fault {
    pub(super) fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Nothing can be read.
    pub fn internal() -> Self {
        Self::new(FaultKind::InternalError, "Unable to read metrics")
    }

    /// The answer; `detail` is a fresh UUID.
    pub fn text(&self, style: FaultStyle, detail: &str) -> String {
        format!(
            "{DECLARATION}<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"{ENVELOPE}\"><SOAP-ENV:Header/><SOAP-ENV:Body>\
             <SOAP-ENV:Fault><faultcode>{}</faultcode><faultstring>{}</faultstring><faultactor></faultactor>\
             <detail><faultDetail>{}</faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>\n",
            self.kind.code(style),
            escaped(&self.text),
            escaped(detail),
        )
    }
}
