//! Machines with a name, out of the file of `--config`.

use std::sync::Arc;

use crate::cli::Options;
use crate::config_file::{self, ConfigError};
use crate::pull::{Definition, definitions};
use crate::sections::LineFault;
use crate::start_error::StartError;
use crate::status::{Downtime, Named, Roster, Zone};
use crate::web::Machines;

/// Those of `[machine NAME]`, and those that are asked.
pub(super) fn machines(options: &Options) -> Result<Arc<Machines>, StartError> {
    let roster = match &options.config {
        None => Roster::default(),
        Some(path) => {
            let text = config_file::read(path).map_err(StartError::Config)?;
            roster(&text).map_err(|fault| StartError::Config(ConfigError::of_line(path, &fault)))?
        }
    };
    Ok(Arc::new(Machines { roster, zone: Zone::new(options.samples.time_zone()) }))
}

fn roster(text: &str) -> Result<Roster, LineFault> {
    let named = |asked: Definition| Named {
        key: asked.machine(),
        name: asked.name,
        group: asked.group,
        downtime: Downtime::default(),
        interval_secs: Some(i64::try_from(asked.interval_secs).unwrap_or(i64::MAX)),
    };
    Roster::new(text, definitions(text)?.into_iter().map(named).collect())
}
