//! SOAP as X-Road has it: requests, answers, faults.
//!
//! ```text
//!  POST / ──▶ Request::parse: content type, XML, envelope, headers, body ──▶ Request::check: service, target ──▶ access
//!                                                                                                                 │
//!  Answer ◀── envelope and headers as the bytes that came, requestHash behind id, metrics ◀───────────────────────┘
//! ```

mod answer;
mod echo;
mod fault;
mod identifiers;
mod metrics;
mod request;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use fault::{Fault, FaultKind};
pub(crate) use identifiers::client_id;
pub use metrics::decimal;
pub use request::{Request, Wanted};

/// Namespace of envelopes.
pub const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// Namespace of X-Road's headers.
pub const XROAD: &str = "http://x-road.eu/xsd/xroad.xsd";
/// Namespace of identifiers in them.
pub const IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
/// Namespace of metrics.
pub const MONITORING: &str = "http://x-road.eu/xsd/monitoring";
/// The one service.
pub const SERVICE_CODE: &str = "getSecurityServerMetrics";
/// The content type of answers.
pub const CONTENT_TYPE: &str = "text/xml; charset=UTF-8";
/// How answers begin.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
