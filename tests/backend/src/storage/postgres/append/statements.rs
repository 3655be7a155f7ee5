//! The two statements that store a batch: for records that report nothing, and for all.

use tokio_postgres::{Client, Statement};

use crate::storage::postgres::fault::Fault;

/// Whether none of these tombstones stands.
macro_rules! nobody_forgotten {
    () => {
        "NOT EXISTS (SELECT FROM forgotten WHERE hash = ANY ($31::bytea[]))"
    };
}

/// Records that report no failure: what is in which group is nothing to them. None is stored if one of their machines was
/// forgotten.
const PLAIN: &str = concat!(
    include_str!("arrived.sql"),
    "SELECT $29::bigint AS generation WHERE ",
    nobody_forgotten!(),
    include_str!("stored.sql"),
    include_str!("machines.sql"),
    "SELECT key, id FROM kept"
);

/// Any records. If what is in which group has changed since their places were found, nothing is stored; until this
/// statement is through, nobody changes it.
const FULL: &str = concat!(
    include_str!("arrived.sql"),
    "SELECT generation FROM grouping WHERE generation = $29::bigint AND ",
    nobody_forgotten!(),
    " FOR SHARE",
    include_str!("stored.sql"),
    include_str!("machines.sql"),
    include_str!("groups.sql"),
    "SELECT key, id FROM kept"
);

/// Both, prepared.
#[derive(Clone)]
pub(in crate::storage::postgres) struct Statements {
    pub(super) plain: Statement,
    pub(super) full: Statement,
}

impl Statements {
    pub(in crate::storage::postgres) async fn prepare(client: &Client) -> Result<Self, Fault> {
        Ok(Self { plain: client.prepare(PLAIN).await?, full: client.prepare(FULL).await? })
    }
}
