//! The machines of samples and checks.

use crate::samples::MachineKey;
use crate::storage::StorageError;
use crate::storage::sql::{Row, Write, one};

/// A machine that sent a sample or a check, or that was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMachine {
    /// By what it is known.
    pub key: MachineKey,
    /// When it was heard first, in Unix seconds.
    pub first_seen_secs: i64,
    /// When it was heard last, by reception.
    pub last_seen_secs: i64,
    /// The time of its newest sample.
    pub last_sample_secs: Option<i64>,
    /// Seconds between two samples that it pushes, as it says.
    pub interval_secs: Option<i64>,
    /// Series of its newest sample that had no room.
    pub left_out: u64,
}

impl StateMachine {
    pub(super) const COLUMNS: &str =
        "kind, name, first_seen, last_seen, last_sample, push_interval, left_out";

    pub(super) fn read(row: &mut Row) -> Result<Self, StorageError> {
        let some = |secs: i64| (secs != 0).then_some(secs);
        Ok(Self {
            key: MachineKey::from_parts(row.int()?, row.text()?),
            first_seen_secs: row.int()?,
            last_seen_secs: row.int()?,
            last_sample_secs: some(row.int()?),
            interval_secs: some(row.int()?),
            left_out: row.count()?,
        })
    }
}

/// A machine while something of it is stored.
pub(super) struct Known {
    pub(super) id: i64,
    pub(super) last_sample: i64,
    pub(super) push_interval: i64,
    pub(super) layout: i64,
    pub(super) left_out: i64,
}

impl Known {
    /// Notes that a machine was heard.
    pub(super) fn hear(
        sql: &mut dyn Write,
        key: &MachineKey,
        received: (i64, i64),
    ) -> Result<Self, StorageError> {
        let upsert = "INSERT INTO state_machine (kind, name, first_seen, last_seen, last_sample, push_interval, layout, left_out) \
            VALUES ($1, $2, $3, $4, 0, 0, 0, 0) ON CONFLICT (kind, name) DO UPDATE SET \
            first_seen = CASE WHEN excluded.first_seen < state_machine.first_seen THEN excluded.first_seen ELSE state_machine.first_seen END, \
            last_seen = CASE WHEN excluded.last_seen > state_machine.last_seen THEN excluded.last_seen ELSE state_machine.last_seen END \
            RETURNING id, last_sample, push_interval, layout, left_out";
        let (first, last) = received;
        let mut row = one(sql, upsert, &[key.kind().into(), key.text().into(), first.into(), last.into()])?;
        Ok(Self {
            id: row.int()?,
            last_sample: row.int()?,
            push_interval: row.int()?,
            layout: row.int()?,
            left_out: row.int()?,
        })
    }

    /// Notes what its samples changed.
    pub(super) fn keep(&self, sql: &mut dyn Write) -> Result<(), StorageError> {
        let update = "UPDATE state_machine SET last_sample = $2, push_interval = $3, layout = $4, left_out = $5 WHERE id = $1";
        let values = [self.id, self.last_sample, self.push_interval, self.layout, self.left_out];
        sql.execute(update, &values.map(Into::into))?;
        Ok(())
    }
}
