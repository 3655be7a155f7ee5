//! The way to the database for all who serve requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};

use super::changes::{
    Author, ChangeError, FlaskError, FlaskWish, Regrouping, Wish, change, change_guilties,
    set_monitoring_params, set_site_rules,
};
use super::readers::Readers;
use super::search::{Counted, Found, count, search};
use super::upkeep::Upkeep;
use super::view::{Table, ViewError};
use super::writer::{self, Job, Post};
use super::{Answers, Arrival, Engine, Purpose, Session, StorageError, Write};
use crate::filter::Filter;
use crate::groups::changes::{GroupId, Preview};
use crate::groups::rules::Rules;
use crate::limits::MAX_WAITING_POSTS;
use crate::record::StoredRecord;
use crate::retention::Retention;

mod state;

/// Views that run at the same time; more wait.
const VIEWS: usize = 2;

/// A database in use. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Arc<dyn Engine>,
    jobs: mpsc::Sender<Job>,
    waiting: Arc<Semaphore>,
    readers: Readers,
    upkeep: Arc<Mutex<Option<Upkeep>>>,
    stops: Arc<AtomicBool>,
    views: Arc<Semaphore>,
}

/// The thread that writes. It ends once [`Store::close`] was called, or all stores are gone.
#[derive(Debug)]
pub struct Owner(JoinHandle<()>);

impl Owner {
    /// Waits until all is written and the thread's session is closed. Blocks.
    pub fn join(self) {
        // Nothing is left to do for a thread that has panicked.
        let _ = self.0.join();
    }
}

impl Store {
    /// Starts to use a database: opens the writer's session, unless nothing is to be written, and gives it a
    /// thread. Blocks.
    ///
    /// # Errors
    /// If there is no session or no thread to be had.
    pub fn start(engine: Arc<dyn Engine>, writes: bool) -> Result<(Self, Owner), StorageError> {
        let (jobs, queue) = mpsc::channel();
        let session = if writes { Some(engine.open(Purpose::Append)?) } else { None };
        let work = move || {
            if let Some(mut session) = session {
                writer::work(&mut *session, &queue);
            }
        };
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(work)
            .map_err(|error| StorageError::Failed(error.to_string()))?;
        let readers = Readers::new(Arc::clone(&engine));
        let waiting = Arc::new(Semaphore::new(MAX_WAITING_POSTS));
        let (upkeep, stops) = Default::default();
        let views = Arc::new(Semaphore::new(VIEWS));
        Ok((Self { engine, jobs, waiting, readers, upkeep, stops, views }, Owner(thread)))
    }

    /// Stores a record. If one came with the same key before, nothing is stored and that one is answered.
    ///
    /// # Errors
    /// If it is not stored.
    pub async fn append(&self, arrival: Arrival) -> Result<StoredRecord, StorageError> {
        let permit = Arc::clone(&self.waiting).acquire_owned().await.map_err(|_| StorageError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        let post = Box::new(Post { arrival, answer, permit });
        self.jobs.send(Job::Append(post)).map_err(|_| StorageError::Stopped)?;
        answered.await.map_err(|_| StorageError::Stopped)?
    }

    /// The records that a filter asks for, newest id first.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub async fn select(&self, filter: Filter, now_secs: i64) -> Result<Found, StorageError> {
        self.readers.run(move |session| search(session, &filter, now_secs)).await
    }

    /// How many records a filter finds, its patterns for payloads apart.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub async fn count(&self, filter: Filter, now_secs: i64) -> Result<Counted, StorageError> {
        self.readers.run(move |session| count(session, &filter, now_secs)).await
    }

    /// Asks about the fleet and its groups.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub async fn answer<T, F>(&self, now_secs: i64, question: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Answers<'_>) -> Result<T, StorageError> + Send + 'static,
    {
        self.readers.run(move |session| question(&mut Answers::new(session, now_secs))).await
    }

    /// Changes a group, as a person wants; says which group has its records now.
    ///
    /// # Errors
    /// If it is not changed.
    pub async fn change(
        &self,
        group: GroupId,
        wish: Wish,
        who: String,
        now_secs: i64,
    ) -> Result<GroupId, ChangeError> {
        self.write(move |sql| change(sql, group, wish.clone(), Author { who: &who, now_secs })).await
    }

    /// Changes guilties or their blacklist, as a person wants.
    ///
    /// # Errors
    /// If nothing is changed.
    pub async fn change_guilties(
        &self,
        wish: FlaskWish,
        who: String,
        now_secs: i64,
    ) -> Result<(), FlaskError> {
        self.write(move |sql| change_guilties(sql, &wish, Author { who: &who, now_secs })).await
    }

    /// Keeps other rules of the site, which all collectors of the database take within seconds.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep_site_rules(
        &self,
        text: String,
        who: String,
        now_secs: i64,
    ) -> Result<(), StorageError> {
        self.write(move |sql| set_site_rules(sql, &text, Author { who: &who, now_secs })).await
    }

    /// Keeps another monitoring-params.xml, which has been checked; machines that are asked get it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep_monitoring_params(
        &self,
        text: String,
        who: String,
        now_secs: i64,
    ) -> Result<(), StorageError> {
        self.write(move |sql| set_monitoring_params(sql, &text, Author { who: &who, now_secs })).await
    }

    /// Does something in one transaction; what is refused is taken back.
    async fn write<T, E>(
        &self,
        mut work: impl FnMut(&mut dyn Write) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        let work = move || {
            let mut session = engine.open(Purpose::Maintain)?;
            let mut result = Err(StorageError::Stopped.into());
            let done = session.write(&mut |sql| {
                result = work(sql);
                // Why is in `result`.
                result.as_ref().map(|_| ()).map_err(|_| StorageError::Stopped)
            });
            match (&result, done) {
                (Ok(_), Err(error)) => Err(error.into()),
                _ => result,
            }
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }

    /// What other rules would do to what is stored; nothing is changed.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn preview(&self, rules: Rules) -> Result<Preview, StorageError> {
        let engine = Arc::clone(&self.engine);
        let work = move || {
            let mut session = engine.open(Purpose::Export)?;
            Ok(Regrouping::new(&mut *session, &rules)?.into_preview())
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }

    /// The database.
    #[must_use]
    pub fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine)
    }

    /// A session for work in the background. Blocks.
    ///
    /// # Errors
    /// If the database is out of reach.
    pub fn maintenance(&self) -> Result<Box<dyn Session>, StorageError> {
        self.engine.open(Purpose::Maintain)
    }

    /// Runs somebody's query over the published views, within their bounds; two at a time.
    ///
    /// # Errors
    /// If it may not, or not in time.
    pub async fn run_view(&self, sql: String) -> Result<Table, ViewError> {
        let permit = Arc::clone(&self.views).acquire_owned().await.map_err(|_| StorageError::Stopped)?;
        let engine = Arc::clone(&self.engine);
        let work = move || {
            let _permit = permit;
            engine.run_view(&sql)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }

    /// The rules by which groups are made now.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.engine.rules().current()
    }

    /// From now on groups are made by these; what is stored is regrouped in the background.
    pub fn replace_rules(&self, rules: Rules) {
        self.engine.rules().replace(rules);
    }

    /// Does the next part of what groups need in the background; says whether there is more to do at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn upkeep(&self, retention: Retention, now_secs: i64) -> Result<bool, StorageError> {
        let (engine, kept) = (Arc::clone(&self.engine), Arc::clone(&self.upkeep));
        let work = move || {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            // One that failed is not used again.
            let mut upkeep = match kept.take() {
                Some(upkeep) => upkeep,
                None => Upkeep::new(engine.open(Purpose::Maintain)?),
            };
            let has_more = upkeep.step(&engine.rules().current(), &retention, now_secs)?;
            *kept = Some(upkeep);
            Ok(has_more)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }

    /// Removes all records that are due, and counts them. Posts are stored and pages read meanwhile.
    ///
    /// # Errors
    /// If the database fails; what was removed before stays removed.
    pub async fn purge(&self, rules: Retention, now_secs: i64) -> Result<u64, StorageError> {
        let (engine, stops) = (Arc::clone(&self.engine), Arc::clone(&self.stops));
        let work = move || {
            let goes_on = || !stops.load(Ordering::Relaxed);
            engine.open(Purpose::Maintain)?.purge(&rules, now_secs, &goes_on)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }

    /// Ends all use: what waits is stored, a purge stops where it is, later calls are refused.
    pub async fn close(&self) {
        self.stops.store(true, Ordering::Relaxed);
        self.waiting.close();
        self.readers.close().await;
        let upkeep = Arc::clone(&self.upkeep);
        let closing = move || drop(upkeep.lock().unwrap_or_else(PoisonError::into_inner).take());
        // It has no way to fail.
        let _ = tokio::task::spawn_blocking(closing).await;
        // If nobody listens, the thread has ended already.
        let _ = self.jobs.send(Job::Close);
    }
}
