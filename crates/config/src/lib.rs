//! Configuration: an INI file, `key=value` under `[settings]`, of which each program obeys the keys that it knows.
//!
//! [`Configuration::load`] reads the file and checks no value; [`Configuration::get`] checks the value of one [`Key`], so
//! that a wrong one stops only who obeys it. What several programs obey stands here ([`keys`], [`server`], [`environment`], [`pull`]), what one does in
//! its own settings. [`consent`] is no key but a file.
//!
//! ```no_run
//! use telemetry_config::{Configuration, keys};
//!
//! let configuration = Configuration::load(None)?;
//! println!("{}", configuration.get(&keys::SPOOL_DIR)?.display());
//! # Ok::<(), telemetry_config::ConfigError>(())
//! ```

pub mod allowed;
mod configuration;
pub mod consent;
pub mod environment;
mod error;
mod header_line;
mod ini;
mod key;
pub mod keys;
pub mod limits;
pub mod pull;
pub mod server;
mod server_list;
mod server_url;

pub use configuration::{ADMINISTRATORS_FILE, Configuration, DISTRIBUTIONS_FILE, Source, server_of};
pub use error::{ConfigError, ConfigWarning, WarningKind};
pub use header_line::HeaderScope;
pub use ini::{SECTION, without_byte_order_mark};
pub use key::{AnyKey, Key};
pub use server::{Compression, ServerApi, ServerSettings};
pub use server_url::{ServerUrl, without_passwords};
