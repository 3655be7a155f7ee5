//! Namespaces, and what stands in them.

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
