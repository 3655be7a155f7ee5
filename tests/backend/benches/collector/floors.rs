//! What the parts of a post cost by themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use telem_collector::access::AccessOptions;
use telem_collector::cli::DEFAULT_TID;
use telem_collector::filter::Filter;
use telem_collector::record::StoredRecord;
use telem_collector::retention::Retention;
use telem_collector::served::Served;
use telem_collector::server::{Listening, Times, serve};
use telem_collector::storage::view::{Table, ViewError};
use telem_collector::storage::{
    Appended, Archive, Arrival, Engine, More, Purpose, Row, Select, Session, SharedRules, StorageError,
    Store, Value, Write,
};
use telem_collector::trust::Trust;
use telem_collector::web::{App, router};

/// The word that makes this program the server of H.
pub(crate) const ANSWER_ONLY: &str = "--answer-only";

/// Rows in one transaction of B.
const ROWS: usize = 8;

/// How long B takes.
const TIME: Duration = Duration::from_secs(2);

/// An engine that stores nothing.
#[derive(Debug)]
struct Nothing(i64, SharedRules);

impl Engine for Nothing {
    fn run_view(&self, _: &str) -> Result<Table, ViewError> {
        Err(ViewError::Failed("there is none".to_owned()))
    }

    fn open(&self, _: Purpose) -> Result<Box<dyn Session>, StorageError> {
        Ok(Box::new(Nothing(0, self.1.clone())))
    }

    fn archive(&self, _: Purpose) -> Result<Box<dyn Archive>, StorageError> {
        Err(StorageError::Stopped)
    }

    fn rules(&self) -> &SharedRules {
        &self.1
    }
}

impl Select for Nothing {
    fn select(&mut self, _: &str, _: &[Value]) -> Result<Vec<Row>, StorageError> {
        Ok(Vec::new())
    }
}

impl Session for Nothing {
    fn append(&mut self, batch: &[Arrival]) -> Result<Vec<Appended>, StorageError> {
        let first = self.0 + 1;
        self.0 += i64::try_from(batch.len()).unwrap();
        Ok((first..=self.0).map(|id| Appended::Stored { id }).collect())
    }

    fn append_and(&mut self, _: &[Arrival], _: More<'_>) -> Result<Vec<Appended>, StorageError> {
        Err(StorageError::Failed("nothing more is done".to_owned()))
    }

    fn write(
        &mut self,
        _: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        Err(StorageError::Stopped)
    }

    fn query(&mut self, _: &Filter, _: i64) -> Result<Vec<StoredRecord>, StorageError> {
        Ok(Vec::new())
    }

    fn count(&mut self, _: &Filter, _: i64) -> Result<(u64, Option<i64>), StorageError> {
        Ok((0, None))
    }

    fn purge(&mut self, _: &Retention, _: i64, _: &dyn Fn() -> bool) -> Result<u64, StorageError> {
        Ok(0)
    }
}

/// Serves H until it is killed.
pub(crate) fn answer_only() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        let (store, _owner) =
            Store::start(Arc::new(Nothing(0, SharedRules::shipped().unwrap())), true).unwrap();
        let app = Arc::new(App::new(store, DEFAULT_TID, vec![], AccessOptions::default()).unwrap());
        let router = router(app, Served::All, Times::DEFAULT.request);
        let sockets = vec![Listening { socket: listener, tls: None }];
        serve(sockets, router, Trust::nobody(), Times::DEFAULT, std::future::pending()).await;
    });
}

/// The columns of a record that have no default, and as many values.
const INSERT: &str = "INSERT INTO records (ts_reception, ts_capture, record_format_version, severity, classification, \
    machine_id, arch, machine_type, build, kernel_version, external, payload";
const VALUES: &str = "1, 1, 4, 1, 'org.clearlinux/hello/world', '66c196ce4222dd761470da5e7e35f6f1', 'x86_64', \
    'blank|blank|blank', '2980', '4.2.0-120', false, 'hello world'";

/// Rows a second of a bare loop on a database that a collector has made.
pub(crate) fn rows_per_sec(database: &str) -> f64 {
    if database.starts_with("postgres:") {
        postgres_rows_per_sec(database)
    } else {
        sqlite_rows_per_sec(database)
    }
}

fn sqlite_rows_per_sec(file: &str) -> f64 {
    let mut connection = rusqlite::Connection::open(file).unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    let sql = format!("{INSERT}) VALUES ({VALUES})");
    measured_rows_per_sec(|| {
        let transaction = connection.transaction().unwrap();
        for _ in 0..ROWS {
            transaction.prepare_cached(&sql).unwrap().execute(()).unwrap();
        }
        transaction.commit().unwrap();
    })
}

fn postgres_rows_per_sec(url: &str) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connect = tokio_postgres::connect(url, tokio_postgres::NoTls);
    let (client, connection) = runtime.block_on(connect).unwrap();
    let _connection = runtime.spawn(connection);
    let row = format!("({VALUES}, nextval('records_id'), 0)");
    let sql = format!("{INSERT}, id, day) VALUES {}", vec![row; ROWS].join(", "));
    let insert = runtime.block_on(client.prepare(&sql)).unwrap();
    measured_rows_per_sec(|| {
        runtime.block_on(client.execute(&insert, &[])).unwrap();
    })
}

fn measured_rows_per_sec(mut commit: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut rows = 0;
    while start.elapsed() < TIME {
        commit();
        rows += ROWS;
    }
    rows as f64 / start.elapsed().as_secs_f64()
}

/// Milliseconds of one sync here, of a file to which a page was appended: the median of many.
pub(crate) fn sync_millis() -> f64 {
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut once = || {
        std::io::Write::write_all(&mut file, &[0; 4096]).unwrap();
        let start = Instant::now();
        file.sync_data().unwrap();
        start.elapsed().as_secs_f64() * 1000.0
    };
    crate::median((0..200).map(|_| once()).collect())
}
