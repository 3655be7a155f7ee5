//! `getSecurityServerMetrics`: what is asked for, and what proves that an answer is one to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha512};
use telemetry_xroad::identifier::ClientId;
use telemetry_xroad::names::{ENVELOPE, IDENTIFIERS, MONITORING, SERVICE_CODE, XROAD};
use telemetry_xroad::xml::escaped;

use super::super::definition::Soap;

/// What is asked for: no lists of processes and packages, which a collector of samples does not keep, and other people's
/// machines need not tell.
const WANTED: [&str; 12] = [
    "Certificates",
    "CommittedVirtualMemory",
    "DiskSpaceFree_/",
    "DiskSpaceTotal_/",
    "FreePhysicalMemory",
    "FreeSwapSpace",
    "MaxFileDescriptorCount",
    "OpenFileDescriptorCount",
    "OperatingSystem",
    "SystemCpuLoad",
    "TotalPhysicalMemory",
    "TotalSwapSpace",
];

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whom it is about.
    pub soap: Soap,
    /// Its id.
    pub id: String,
    /// As it is posted.
    pub text: String,
}

impl Request {
    /// With an id by chance.
    #[must_use]
    pub fn new(soap: &Soap) -> Self {
        let mut bytes = [0; 16];
        // Without random numbers it is the same one each time; what an answer is to, its hash says too.
        let _ = SysRng.try_fill_bytes(&mut bytes);
        Self::with_id(soap, format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// With this id.
    #[must_use]
    pub fn with_id(soap: &Soap, id: String) -> Self {
        let text = text(soap, &id);
        Self { soap: soap.clone(), id, text }
    }

    /// What `requestHash` of an answer has to be.
    #[must_use]
    pub fn hash(&self) -> String {
        STANDARD.encode(Sha512::digest(self.text.as_bytes()))
    }
}

fn text(soap: &Soap, id: &str) -> String {
    let member = |member: &telemetry_xroad::identifier::Member| {
        format!(
            "<id:xRoadInstance>{}</id:xRoadInstance><id:memberClass>{}</id:memberClass><id:memberCode>{}</id:memberCode>",
            escaped(&member.instance),
            escaped(&member.class),
            escaped(&member.code)
        )
    };
    let ClientId { member: of_client, subsystem } = &soap.client;
    let (kind, subsystem) = match subsystem {
        None => ("MEMBER", String::new()),
        Some(code) => ("SUBSYSTEM", format!("<id:subsystemCode>{}</id:subsystemCode>", escaped(code))),
    };
    let server = soap.server.as_ref().map_or_else(String::new, |server| {
        format!(
            "<xrd:securityServer id:objectType=\"SERVER\">{}<id:serverCode>{}</id:serverCode></xrd:securityServer>",
            member(&server.owner),
            escaped(&server.code)
        )
    });
    let fields: String = WANTED.iter().map(|name| format!("<m:outputField>{name}</m:outputField>")).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <SOAP-ENV:Envelope xmlns:SOAP-ENV=\"{ENVELOPE}\" xmlns:id=\"{IDENTIFIERS}\" xmlns:xrd=\"{XROAD}\" xmlns:m=\"{MONITORING}\">\
         <SOAP-ENV:Header>\
         <xrd:client id:objectType=\"{kind}\">{}{subsystem}</xrd:client>\
         <xrd:service id:objectType=\"SERVICE\">{}<id:serviceCode>{SERVICE_CODE}</id:serviceCode></xrd:service>\
         {server}<xrd:id>{}</xrd:id><xrd:protocolVersion>4.0</xrd:protocolVersion>\
         </SOAP-ENV:Header>\
         <SOAP-ENV:Body><m:{SERVICE_CODE}><m:outputSpec>{fields}</m:outputSpec></m:{SERVICE_CODE}></SOAP-ENV:Body>\
         </SOAP-ENV:Envelope>\n",
        member(of_client),
        member(&soap.owner),
        escaped(id)
    )
}
