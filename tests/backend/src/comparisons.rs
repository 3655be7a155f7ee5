//! What the machines of the groups that crash most have in common, compared in the background for the first page, which has no
//! time for it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::groups::changes::GroupId;
use crate::status::beside::{Beside, Dimension, Machine, NumberBeside};
use crate::status::measures::Values;
use crate::storage::samples::BesideMachine;
use crate::storage::{Answers, StorageError, Store};
use crate::timestamp::now_secs;

/// Days up to today of which crashes are compared.
pub const DAYS: i64 = 14;

/// Between two comparisons of all of them.
const PAUSE: Duration = Duration::from_secs(300);

/// Between two groups, so that pages have their turn.
const BREATH: Duration = Duration::from_millis(50);

/// The numbers of groups in which their machines clearly differ from others. Shared by who compares and by who shows.
#[derive(Debug, Default)]
pub struct Comparisons(RwLock<BTreeMap<GroupId, Vec<NumberBeside>>>);

impl Comparisons {
    /// Those of a group, the clearest first; none where nothing is clear or too few machines are known.
    #[must_use]
    pub fn of_group(&self, group: GroupId) -> Vec<NumberBeside> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&group).cloned().unwrap_or_default()
    }

    fn replace(&self, all: BTreeMap<GroupId, Vec<NumberBeside>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

/// Compares for as long as the collector runs, until it is dropped.
pub async fn compare_forever(store: Store, comparisons: Arc<Comparisons>) {
    loop {
        match compare(&store).await {
            Ok(all) => comparisons.replace(all),
            Err(error) => {
                eprintln!("telem-collector: cannot compare machines that crash with others: {error}")
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// All groups of the first page, once.
async fn compare(store: &Store) -> Result<BTreeMap<GroupId, Vec<NumberBeside>>, StorageError> {
    let mut all = BTreeMap::new();
    let overview = store.answer(now_secs(), |answers| answers.overview()).await?;
    for group in overview.top {
        let id = group.id;
        let found = store.answer(now_secs(), move |answers| beside(answers, id, false)).await?;
        let clear: Vec<NumberBeside> = found.numbers.into_iter().filter(|number| number.is_clear).collect();
        if !clear.is_empty() {
            all.insert(id, clear);
        }
        tokio::time::sleep(BREATH).await;
    }
    Ok(all)
}

/// Compares the machines of a group with others of the same days, by their packages too where that is asked for: they are much to
/// read.
///
/// # Errors
/// If the database cannot be read, or not in time.
pub fn beside(answers: &mut Answers<'_>, group: GroupId, has_packages: bool) -> Result<Beside, StorageError> {
    let found = answers.beside_group(group, DAYS, has_packages)?;
    let machines = |side: Vec<BesideMachine>| side.iter().map(machine).collect::<Vec<_>>();
    Ok(Beside::new(&machines(found.with), &machines(found.without)))
}

fn machine(machine: &BesideMachine) -> Machine {
    let points = machine.points.iter();
    let values = Values::new(
        points.map(|point| (point.series.name.as_str(), point.series.labels.as_str(), point.value)),
    );
    let packages =
        machine.packages.iter().map(|(name, version)| (Dimension::Package, format!("{name} {version}")));
    let known = |value: &String| if value == "N/A" { String::new() } else { value.clone() };
    let hardware = [(Dimension::Kernel, known(&machine.kernel)), (Dimension::Board, known(&machine.board))];
    Machine::new(&values, hardware.into_iter().chain(packages).collect())
}
