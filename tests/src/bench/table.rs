//! The table that the bench prints.

use std::fmt;

/// A measurement beside its floor.
#[derive(Debug)]
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// Our figure.
    pub(super) ours: f64,
    /// The floor's.
    pub(super) floor: f64,
    /// Ours as a part of the floor, where they compare.
    pub(super) ratio: Option<f64>,
    /// The unit of both.
    pub(super) unit: &'static str,
    /// What is to be reached.
    pub(super) goal: &'static str,
    /// The C implementation's figure, measured once on such a machine.
    pub(super) c_implementation: &'static str,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let floor = if self.floor.is_nan() { "-".to_owned() } else { figure(self.floor) };
        write!(
            f,
            "{:<44} {:>9} {:>9} {:>6} {:<9} {:<26} {}",
            self.what,
            figure(self.ours),
            floor,
            ratio,
            self.unit,
            self.goal,
            self.c_implementation
        )
    }
}

fn figure(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

pub(super) fn print_head() {
    println!(
        "{:<44} {:>9} {:>9} {:>6} {:<9} {:<26} C implementation",
        "", "ours", "floor", "ratio", "unit", "goal"
    );
}

pub(super) fn print_foot() {
    println!(
        "\nMedians of {} rounds, ours and the floor in turn. Floors: copying a finished record; a socket server\n\
         in C that does read, write, rename (and two fsync) a record; one kept libcurl handle in C. Sending: medians of 9\n\
         pairs, the ratio that of the pairs.",
        super::ROUNDS
    );
}
