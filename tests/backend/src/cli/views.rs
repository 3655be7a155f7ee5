//! Where views of plug-ins read.

use std::path::PathBuf;

use clap::Args;

use crate::storage::OpenError;
use crate::storage::postgres::Url;

/// The database once more, by a login that may read the published views alone.
#[derive(Args, Clone, Debug, Default)]
pub struct Views {
    /// The database once more, by a login that may read the published views alone, for views of --plugins
    #[arg(
        long,
        value_name = "postgres://USER:PASSWORD@HOST/NAME",
        requires = "plugins",
        overrides_with_all = ["views_database", "views_database_file"]
    )]
    views_database: Option<Url>,

    /// File that holds what --views-database takes, so that no password is on a command line
    #[arg(
        long,
        value_name = "FILE",
        requires = "plugins",
        overrides_with_all = ["views_database", "views_database_file"]
    )]
    views_database_file: Option<PathBuf>,
}

impl Views {
    /// The address that is given, or that is in the file that is given, if one is.
    ///
    /// # Errors
    /// If that file cannot be used.
    pub fn url(&self) -> Result<Option<Url>, OpenError> {
        match &self.views_database_file {
            Some(path) => Url::read(path).map(Some),
            None => Ok(self.views_database.clone()),
        }
    }
}
