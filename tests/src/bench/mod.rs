//! The bench: each figure is the median of several rounds, and ours and the floor take turns.

mod backlog;
mod c_program;
mod crash;
mod create;
mod delivery;
mod round_trip;
mod send;
mod sink;
mod table;

use std::error::Error;
use std::io::Write;
use table::Row;

/// Rounds of each measurement.
const ROUNDS: usize = 5;

/// Runs everything and prints the table as it grows.
///
/// # Errors
/// A program could not be built or run.
pub fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::programs::folder())?;
    let programs = c_program::Programs::build(folder.path())?;
    table::print_head();
    create::measure(&programs, &mut print)?;
    send::measure(&programs, folder.path(), &mut print)?;
    delivery::measure(&programs, folder.path(), &mut print)?;
    round_trip::measure(&programs, folder.path(), &delivery::message()?, &mut print)?;
    backlog::measure(folder.path(), &mut print)?;
    crash::measure(&programs, &mut print)?;
    table::print_foot();
    Ok(())
}

fn print(row: &Row) {
    println!("{row}");
    let _ = std::io::stdout().flush();
}

/// Takes turns, so that a slow spell of the machine hits both; returns both medians.
fn in_turn(
    mut ours: impl FnMut() -> Result<f64, Box<dyn Error>>,
    mut floor: impl FnMut() -> Result<f64, Box<dyn Error>>,
) -> Result<(f64, f64), Box<dyn Error>> {
    let mut figures = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        figures.0.push(ours()?);
        figures.1.push(floor()?);
    }
    Ok((median(&mut figures.0), median(&mut figures.1)))
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
