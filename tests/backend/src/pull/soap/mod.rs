//! SOAP as the asking side speaks it: the request, and what comes back.

mod answer;
mod fault;
mod request;
#[cfg(test)]
mod tests;

pub use answer::read;
pub use request::Request;
