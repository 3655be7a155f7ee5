//! The bench: each figure is the median of several rounds, and ours and the floor take turns.

mod backlog;
mod c_program;
mod configuration;
mod crash;
mod create;
mod delivery;
mod environment;
mod kernel_log;
mod lone_record;
mod mutual_tls;
mod round_trip;
mod send;
mod sink;
mod system;
mod table;

use std::error::Error;
use std::io::Write;
use table::Row;

/// Rounds of each measurement.
const ROUNDS: usize = 5;

/// What is measured, by name.
const GROUPS: [&str; 11] = [
    "configuration",
    "create",
    "send",
    "lone_record",
    "delivery",
    "round_trip",
    "backlog",
    "crash",
    "kernel_log",
    "environment",
    "system",
];

/// Measures these groups, or all if none is named, and prints the table as it grows.
///
/// # Errors
/// A program could not be built or run, or there is no such group.
pub fn run(groups: &[String]) -> Result<(), Box<dyn Error>> {
    if let Some(unknown) = groups.iter().find(|group| !GROUPS.contains(&group.as_str())) {
        return Err(format!("{unknown} is not measured; there are {}", GROUPS.join(", ")).into());
    }
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(test_harness::programs::folder())?;
    let folder = folder.path();
    let programs = c_program::Programs::build(folder)?;
    table::print_head();
    for group in GROUPS.iter().filter(|group| groups.is_empty() || groups.iter().any(|named| named == *group))
    {
        match *group {
            "configuration" => configuration::measure(&mut print)?,
            "create" => create::measure(&programs, &mut print)?,
            "send" => send::measure(&programs, folder, &mut print)?,
            "lone_record" => lone_record::measure(folder, &mut print)?,
            "delivery" => delivery::measure(&programs, folder, &mut print)?,
            "round_trip" => round_trip::measure(&programs, folder, &delivery::message()?, &mut print)?,
            "backlog" => backlog::measure(folder, &mut print)?,
            "crash" => crash::measure(&programs, &mut print)?,
            "kernel_log" => kernel_log::measure(folder, &mut print)?,
            "environment" => environment::measure(folder, &mut print)?,
            _ => system::measure(&mut print)?,
        }
    }
    table::print_foot();
    Ok(())
}

fn print(row: &Row) {
    println!("{row}");
    let _ = std::io::stdout().flush();
}

/// Takes turns, so that a slow spell of the machine hits both; returns both medians.
fn in_turn(
    ours: impl FnMut() -> Result<f64, Box<dyn Error>>,
    floor: impl FnMut() -> Result<f64, Box<dyn Error>>,
) -> Result<(f64, f64), Box<dyn Error>> {
    let pairs = pairs(ROUNDS, ours, floor)?;
    Ok((pairs.ours, pairs.peer))
}

/// Two figures that were measured in turn.
struct Pairs {
    /// The median of ours.
    ours: f64,
    /// The median of its peer.
    peer: f64,
    /// The median of the ratios of the pairs: what a slow spell changes least.
    ratio: f64,
}

/// Takes turns, this many times.
fn pairs(
    rounds: usize,
    mut ours: impl FnMut() -> Result<f64, Box<dyn Error>>,
    mut peer: impl FnMut() -> Result<f64, Box<dyn Error>>,
) -> Result<Pairs, Box<dyn Error>> {
    let mut figures = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (ours, peer) = (ours()?, peer()?);
        figures.0.push(ours);
        figures.1.push(peer);
        figures.2.push(ours / peer);
    }
    let (ours, peer) = (median(&mut figures.0), median(&mut figures.1));
    Ok(Pairs { ours, peer, ratio: median(&mut figures.2) })
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
