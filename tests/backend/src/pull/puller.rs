//! Asks machines, each at its time, and notes what comes back.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::board::Board;
use super::definition::Definition;
use super::faults::Faults;
use super::handing::{Handing, follow};
use super::identities::Identities;
use super::limits::WAITING;
use super::plan::{Plan, PlanSource, PullError};
use super::schedule::{After, Millis, Place};
use super::storing::store_forever;
use super::turns::Turns;
use crate::samples::pulled::Answer;
use crate::storage::Store;
use crate::storage::samples::{Others, PullDone};

/// The longest sleep.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Between two looks which machines nobody asks any more.
const TIDY_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Pause while what was answered waits to be stored, and there is no room for more.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// Asks machines. Nothing is asked before [`Puller::start`].
#[derive(Debug)]
pub struct Puller {
    source: PlanSource,
    plan: Plan,
    clock: Clock,
    board: Arc<Board>,
    identities: Arc<Identities>,
}

/// Time since 1970 that never steps: what it was at the start, and what has passed.
#[derive(Clone, Copy, Debug)]
struct Clock {
    started: Instant,
    started_at: Duration,
}

impl Clock {
    fn start() -> Self {
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_at }
    }

    fn now_ms(&self) -> Millis {
        Millis::try_from((self.started_at + self.started.elapsed()).as_millis()).unwrap_or(Millis::MAX)
    }
}

impl Puller {
    /// Reads which machines are asked. Blocks.
    ///
    /// # Errors
    /// If the configuration cannot be taken.
    pub fn new(source: PlanSource) -> Result<Self, PullError> {
        let clock = Clock::start();
        let identities = Arc::new(Identities::new(source.identity.clone(), source.renewal.clone()));
        let plan = Plan::read(&source, &identities, clock.now_ms())?;
        let board = Arc::new(Board::default());
        board.set(Arc::clone(&plan.definitions), identities.fingerprint());
        Ok(Self { source, plan, clock, board, identities })
    }

    /// What pages show.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Asks, until it is dropped. SIGHUP reads the file again; a broken one changes nothing. Of the collectors of a database
    /// that `is_shared` one asks.
    ///
    /// # Errors
    /// If SIGHUP cannot be waited for.
    pub fn start(self, store: Store, is_shared: bool) -> io::Result<impl Future<Output = ()> + Send> {
        let hangup = signal(SignalKind::hangup())?;
        Ok(Asking::new(self, store, is_shared).run(hangup))
    }
}

/// A question that is over.
struct Report {
    round: u64,
    place: Place,
    result: Result<Answer, String>,
}

/// Sees that a question is reported as over, whatever becomes of it.
struct Reporter {
    report: Option<(u64, Place)>,
    to: mpsc::UnboundedSender<Report>,
}

impl Reporter {
    fn send(&mut self, result: Result<Answer, String>) {
        if let Some((round, place)) = self.report.take() {
            // Nobody waits for it once the collector stops.
            let _ = self.to.send(Report { round, place, result });
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.send(Err("asking it broke off".to_owned()));
    }
}

/// The machines that are asked, while that goes on.
struct Asking {
    puller: Puller,
    store: Store,
    /// How many plans there were: reports of earlier ones do not count.
    round: u64,
    questions: JoinSet<()>,
    helpers: JoinSet<()>,
    reports: (mpsc::UnboundedSender<Report>, mpsc::UnboundedReceiver<Report>),
    to_store: mpsc::Sender<PullDone>,
    handing: Handing,
    faults: Faults,
    turns: Turns,
    /// When it was last looked which machines nobody asks any more.
    tidied: Instant,
}

impl Asking {
    fn new(puller: Puller, store: Store, is_shared: bool) -> Self {
        let mut helpers = JoinSet::new();
        let (to_store, waiting) = mpsc::channel(WAITING);
        helpers.spawn(store_forever(store.clone(), waiting));
        let (kept, is_kept) = watch::channel(None);
        helpers.spawn(follow(store.clone(), kept));
        let handing = Handing::new(is_kept, puller.board());
        let (identities, board) = (Arc::clone(&puller.identities), puller.board());
        let shown = Arc::clone(&identities);
        helpers.spawn(identities.keep_own(move || board.set_fingerprint(shown.fingerprint())));
        let turns = Turns::new(store.engine(), is_shared, &mut helpers);
        turns.want(&puller.plan.definitions);
        puller.board.set_asks(turns.is_ours());
        let (questions, reports) = (JoinSet::new(), mpsc::unbounded_channel());
        Self {
            puller,
            store,
            round: 0,
            questions,
            helpers,
            reports,
            to_store,
            handing,
            faults: Faults::default(),
            turns,
            tidied: Instant::now(),
        }
    }

    async fn run(mut self, mut hangup: Signal) {
        self.forget_others().await;
        loop {
            if self.tidied.elapsed() >= TIDY_PAUSE {
                self.forget_others().await;
            }
            let sleep = self.ask_who_is_due();
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                Some(report) = self.reports.1.recv() => self.take(report),
                Some(_) = self.questions.join_next(), if !self.questions.is_empty() => {}
                // Storing ends when the database is closed: so does asking.
                Some(_) = self.helpers.join_next() => return,
                () = self.turns.changed() => self.begin_turn(),
                _ = hangup.recv() => self.read_again().await,
            }
        }
    }

    /// It may be our turn now: each machine keeps the times that it had while another collector asked.
    fn begin_turn(&mut self) {
        if self.turns.is_ours() && self.turns.was_anothers() {
            self.break_off();
            self.puller.plan.begin_anew(self.puller.clock.now_ms());
        }
    }

    /// Ends all questions.
    fn break_off(&mut self) {
        self.questions = JoinSet::new();
        self.round += 1;
    }

    /// Asks those whose time it is, and says how long there is nothing else to do.
    fn ask_who_is_due(&mut self) -> Duration {
        let is_ours = self.turns.is_ours();
        self.puller.board.set_asks(is_ours);
        if !is_ours {
            return LONGEST_SLEEP;
        }
        let now_ms = self.puller.clock.now_ms();
        // Whatever is asked can be stored.
        let room = self.to_store.capacity().saturating_sub(self.puller.plan.schedule.asked());
        if room == 0 {
            return FULL_PAUSE;
        }
        for place in self.puller.plan.schedule.take(now_ms, room) {
            if let Some(definition) = self.puller.plan.definitions.get(place).cloned() {
                self.ask(place, definition);
            }
        }
        let due_ms = self.puller.plan.schedule.next_due();
        due_ms.map_or(LONGEST_SLEEP, |due_ms| {
            Duration::from_millis(due_ms.saturating_sub(now_ms)).min(LONGEST_SLEEP)
        })
    }

    fn ask(&mut self, place: Place, definition: Arc<Definition>) {
        let mut reporter = Reporter { report: Some((self.round, place)), to: self.reports.0.clone() };
        let (asker, handing) = (Arc::clone(&self.puller.plan.asker), self.handing.clone());
        let identities = Arc::clone(&self.puller.identities);
        self.questions.spawn(async move {
            let result = asker.ask(&definition).await;
            let is_answer = result.is_ok();
            reporter.send(result);
            if is_answer {
                handing.hand(&asker, &definition).await;
                identities.exchange(&asker, &definition).await;
            }
        });
    }

    fn take(&mut self, report: Report) {
        let Report { round, place, result } = report;
        let Some(definition) = self.puller.plan.definitions.get(place).cloned() else { return };
        if round != self.round {
            return;
        }
        let now_ms = self.puller.clock.now_ms();
        let chance = SysRng.try_next_u32().unwrap_or(0);
        let after = self.puller.plan.schedule.finish(place, result.is_ok(), now_ms, chance);
        let Some(After::Next(next_ms)) = after else { return };
        let fault = result.as_ref().err().map(String::as_str);
        for line in self.faults.note(&definition.name, fault, now_ms / 1000) {
            eprintln!("telem-collector: pull: {line}");
        }
        let done = PullDone {
            name: definition.name.clone(),
            machine: definition.machine(),
            at_secs: crate::timestamp::now_secs(),
            outcome: result,
            next_secs: i64::try_from(next_ms / 1000).unwrap_or(i64::MAX),
            interval_secs: i64::try_from(definition.interval_secs).unwrap_or(i64::MAX),
        };
        // There is room: no more was asked than there was.
        let _ = self.to_store.try_send(done);
    }

    async fn read_again(&mut self) {
        let (source, clock) = (self.puller.source.clone(), self.puller.clock);
        let identities = Arc::clone(&self.puller.identities);
        let read = move || Plan::read(&source, &identities, clock.now_ms());
        let read = tokio::task::spawn_blocking(read).await;
        let read =
            read.map_err(|error| error.to_string()).and_then(|read| read.map_err(|error| error.to_string()));
        let mut plan = match read {
            Ok(plan) => plan,
            Err(error) => {
                eprintln!("telem-collector: {error}; the machines from before are asked further");
                return self.puller.board.set_fault(error);
            }
        };
        plan.follow(&self.puller.plan, self.puller.clock.now_ms());
        // Who is being asked is asked again at once.
        self.break_off();
        self.puller.plan = plan;
        let definitions = Arc::clone(&self.puller.plan.definitions);
        self.turns.want(&definitions);
        eprintln!(
            "telem-collector: pull: the configuration is read again; machines that are asked: {}",
            definitions.len()
        );
        let is_asked = |name: &str| definitions.binary_search_by(|one| one.name.as_str().cmp(name)).is_ok();
        self.faults.retain(is_asked);
        self.puller.board.set(Arc::clone(&definitions), self.puller.identities.fingerprint());
        self.forget_others().await;
    }

    /// Removes from the database how others went that were asked once, and that no other collector may ask.
    async fn forget_others(&mut self) {
        self.tidied = Instant::now();
        let now_secs = crate::timestamp::now_secs();
        let others = if self.turns.is_shared() { Others::MaybeAnothers(now_secs) } else { Others::Nobodys };
        let names: HashSet<String> =
            self.puller.plan.definitions.iter().map(|one| one.name.clone()).collect();
        if let Err(error) = self.store.keep_pull_states(names, others).await {
            eprintln!("telem-collector: pull: machines that are asked no more cannot be removed: {error}");
        }
    }
}
