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
mod metrics;
mod request;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use fault::{Fault, FaultKind};
pub use metrics::decimal;
pub use request::{Request, Wanted};

/// The content type of answers.
pub const CONTENT_TYPE: &str = "text/xml; charset=UTF-8";
/// How answers begin.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
