//! The database of a Flask backend, which is only read.
//!
//! | | 1.0, 1.1 | 1.2 and later |
//! |---|---|---|
//! | host type | `machine` | `host_type` |
//! | system name | `os_name` | `system_name` |
//! | format versions | `record_format_version`, `payload_format_version` | `record_version`, `payload_version` |
//! | capture, reception | `tsp`, `tsp_server` | `timestamp_client`, `timestamp_server` |
//! | classification, build | tables of their own | text in `records` |
//! | payload | `payload` (bytes), `backtrace` (text, demangled) | `payload` (text) |
//!
//! Early versions of the first lack the columns of later record formats. Which columns there are, and of what type, is
//! asked of the server.

use std::collections::HashMap;

use tokio_postgres::{Client, Row};

use super::connection::{Connection, Server};
use super::fault::Fault;
use super::url::Url;
use crate::record::{Record, StoredRecord};
use crate::storage::{OpenError, Purpose, StorageError};

/// Rows that are read at a time: few, since that backend took payloads of any size.
const ROWS_AT_A_TIME: i64 = 100;

/// How that backend writes a field that a record's format version does not have.
const NOT_AVAILABLE: &str = "N/A";

/// A database of a Flask backend, as it is at one moment.
pub struct Flask {
    connection: Connection,
    query: String,
    source: String,
    last_id: i64,
}

impl Flask {
    /// Connects, and finds out which layout the database has. Blocks.
    ///
    /// # Errors
    /// If the server is out of reach, or the database is no such one.
    pub fn open(url: &Url) -> Result<Self, OpenError> {
        let server = Server::new(url)?;
        let explain = |fault: Fault| server.explain(&fault);
        let mut connection = server.connect(Purpose::Export).map_err(explain)?;
        let found = connection.run(async |client| explore(client).await).map_err(explain)?;
        let Some((query, source, last_id)) = found else {
            let reason = "it has no table `records` of a Flask backend";
            return Err(OpenError::new(url.to_string(), reason, "give the URL of such a database"));
        };
        Ok(Self { connection, query, source, last_id })
    }

    /// What identifies this database.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The highest id.
    #[must_use]
    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    /// The next records behind an id; none behind the last. Blocks.
    ///
    /// # Errors
    /// If the database fails.
    pub fn records_after(&mut self, id: i64) -> Result<Vec<StoredRecord>, StorageError> {
        let query = &self.query;
        let work = async |client: &mut Client| {
            let rows = client.query(query, &[&id, &ROWS_AT_A_TIME]).await?;
            rows.iter().map(read).collect::<Result<Vec<_>, Fault>>()
        };
        Ok(self.connection.run(work)?)
    }
}

/// The query for records, the name of the database and its highest id; `None` if it is not what it should be.
async fn explore(client: &Client) -> Result<Option<(String, String, i64)>, Fault> {
    // One moment for all that is read; the server ends it with the connection.
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let query = "SELECT column_name::text, data_type::text FROM information_schema.columns \
                 WHERE table_name = 'records' AND table_schema = ANY (current_schemas(false))";
    let mut columns = HashMap::new();
    for row in client.query(query, &[]).await? {
        columns.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let Some(query) = Layout(columns).query() else { return Ok(None) };
    let name = "SELECT 'flask-' || system_identifier || '-' || \
                (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()";
    let source = client.query_one(name, &[]).await?.try_get(0)?;
    let last_id =
        client.query_one("SELECT coalesce(max(id), 0)::bigint FROM records", &[]).await?.try_get(0)?;
    Ok(Some((query, source, last_id)))
}

/// The columns of `records`, each with its type.
struct Layout(HashMap<String, String>);

impl Layout {
    /// The query for the records behind an id. `None` if a column is missing that every version has.
    fn query(&self) -> Option<String> {
        let columns = [
            "r.id::bigint".to_owned(),
            self.time(["tsp_server", "timestamp_server"])?,
            self.time(["tsp", "timestamp_client"])?,
            self.number(["record_format_version", "record_version"])?,
            self.number(["severity", "severity"])?,
            self.joined("classification")?,
            self.text(["machine_id", "machine_id"])?,
            self.text(["architecture", "architecture"])?,
            self.text(["machine", "host_type"])?,
            self.joined("build")?,
            self.text(["kernel_version", "kernel_version"])?,
            self.number(["payload_format_version", "payload_version"]).unwrap_or("NULL::bigint".into()),
            self.optional(["os_name", "system_name"]),
            self.optional(["board_name", "board_name"]),
            self.optional(["cpu_model", "cpu_model"]),
            self.optional(["bios_version", "bios_version"]),
            self.optional(["event_id", "event_id"]),
            self.one_of(["external", "external"])
                .map_or("false".into(), |name| format!("coalesce(r.{name}, false)")),
            self.payload()?,
        ];
        let columns = columns.join(", ");
        Some(format!("SELECT {columns} FROM records r WHERE r.id > $1::bigint ORDER BY r.id LIMIT $2"))
    }

    fn one_of(&self, names: [&'static str; 2]) -> Option<&'static str> {
        names.into_iter().find(|name| self.0.contains_key(*name))
    }

    fn type_of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn text(&self, names: [&'static str; 2]) -> Option<String> {
        self.one_of(names).map(|name| format!("coalesce(r.{name}::text, '')"))
    }

    fn optional(&self, names: [&'static str; 2]) -> String {
        self.one_of(names).map_or("NULL::text".into(), |name| format!("r.{name}::text"))
    }

    fn number(&self, names: [&'static str; 2]) -> Option<String> {
        self.one_of(names).map(|name| format!("r.{name}::bigint"))
    }

    /// Unix seconds, from a number or a time.
    fn time(&self, names: [&'static str; 2]) -> Option<String> {
        let name = self.one_of(names)?;
        let is_time = self.type_of(name).starts_with("timestamp");
        let secs = if is_time { format!("extract(epoch FROM r.{name})") } else { format!("r.{name}") };
        Some(format!("coalesce(floor({secs})::bigint, 0)"))
    }

    /// What stands in `records`, or in a table of that name.
    fn joined(&self, name: &'static str) -> Option<String> {
        let id = format!("{name}_id");
        if self.0.contains_key(&id) {
            return Some(format!("coalesce((SELECT t.{name}::text FROM {name} t WHERE t.id = r.{id}), '')"));
        }
        self.text([name, name])
    }

    /// The bytes, where there are any: the text beside them has been changed.
    fn payload(&self) -> Option<String> {
        let bytes = |name: &str| match self.type_of(name) {
            "" => None,
            "bytea" => Some(format!("nullif(r.{name}, '')")),
            _ => Some(format!("convert_to(r.{name}::text, 'UTF8')")),
        };
        let all: Vec<String> = ["payload", "backtrace"].into_iter().filter_map(bytes).collect();
        (!all.is_empty()).then(|| format!("coalesce({}, '')", all.join(", ")))
    }
}

fn read(row: &Row) -> Result<StoredRecord, Fault> {
    let small = |index| {
        row.try_get::<_, Option<i64>>(index).map(|value| value.and_then(|value| u8::try_from(value).ok()))
    };
    let optional = |index| {
        let value: Option<String> = row.try_get(index)?;
        Ok::<_, Fault>(value.filter(|value| value != NOT_AVAILABLE))
    };
    let payload: &[u8] = row.try_get(18)?;
    let payload_version: Option<i64> = row.try_get(11)?;
    Ok(StoredRecord {
        id: row.try_get(0)?,
        received_secs: row.try_get(1)?,
        record: Record {
            captured_secs: row.try_get(2)?,
            record_format_version: small(3)?.unwrap_or(1),
            severity: small(4)?.unwrap_or(1),
            classification: row.try_get(5)?,
            machine_id: row.try_get(6)?,
            arch: row.try_get(7)?,
            host_type: row.try_get(8)?,
            build: row.try_get(9)?,
            kernel_version: row.try_get(10)?,
            payload_format_version: payload_version.and_then(|version| u32::try_from(version).ok()),
            system_name: optional(12)?,
            board_name: optional(13)?,
            cpu_model: optional(14)?,
            bios_version: optional(15)?,
            event_id: optional(16)?,
            external: row.try_get(17)?,
            payload: crate::intake::decode(payload),
        },
    })
}
