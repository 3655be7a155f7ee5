//! Source lines: the line program of a unit is run row by row, and of each address only the last row before it is kept, so
//! that a million rows cost what one costs.

use super::Row;
use super::functions::Chain;
use super::ranges::is_code;
use super::text::Text;
use super::units::Unit;
use crate::limits::LINE_PROGRAM_BYTES;
use gimli::{DebugLine, DebugLineOffset, LittleEndian};

type Files<'a> = Vec<(u64, Text<'a>)>;

/// The row of each address, and the names of the files that rows and call sites refer to. Empty where there is no line
/// program that can be read.
pub(super) fn find<'a>(
    unit: &Unit<'_, 'a>,
    addresses: &[u64],
    found: &[Vec<Chain<'a>>],
) -> (Vec<Option<Row>>, Files<'a>) {
    run(unit, addresses, found).unwrap_or_default()
}

fn run<'a>(
    unit: &Unit<'_, 'a>,
    addresses: &[u64],
    found: &[Vec<Chain<'a>>],
) -> Option<(Vec<Option<Row>>, Files<'a>)> {
    let (offset, section) = (unit.root.line?, &unit.places.sections.line);
    let bytes = section.read(offset, 12)?;
    let length = match bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))? {
        u32::MAX => u64::from_le_bytes(*bytes.get(4..)?.first_chunk()?).checked_add(12)?,
        length => u64::from(length).checked_add(4)?,
    };
    if length > LINE_PROGRAM_BYTES {
        return None;
    }
    let bytes = section.read(offset, usize::try_from(length).ok()?)?;
    let section = DebugLine::new(bytes, LittleEndian);
    let program = section.program(DebugLineOffset(0), 8, None, None).ok()?;
    let mut rows = program.rows();
    let mut best: Vec<Option<Row>> = vec![None; addresses.len()];
    let mut sequence = Sequence::new(addresses.len());
    // A damaged program gives what came before the damage.
    while let Ok(Some((_, row))) = rows.next_row() {
        let address = row.address();
        if row.end_sequence() {
            sequence.end(address, addresses, &mut best, unit);
            continue;
        }
        let line = row.line().map_or(0, |line| u32::try_from(line.get()).unwrap_or_default());
        sequence.row(address, (row.file_index(), line), addresses);
    }
    let header = rows.header();
    let sites = found.iter().flatten().flat_map(|chain| &chain.calls).filter_map(|call| call.site);
    let mut numbers: Vec<u64> = best.iter().flatten().copied().chain(sites).map(|(file, _)| file).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let names = numbers.iter().filter_map(|number| {
        let name = header.file(*number)?.path_name();
        Some((*number, unit.text(&name)?))
    });
    let names = names.collect();
    Some((best, names))
}

/// A run of rows by rising address, which counts only once its end is known.
struct Sequence {
    begin: Option<u64>,
    /// Of each address, the last row at or below it.
    last: Vec<Option<Row>>,
}

impl Sequence {
    fn new(addresses: usize) -> Self {
        Self { begin: None, last: vec![None; addresses] }
    }

    fn row(&mut self, address: u64, row: Row, addresses: &[u64]) {
        self.begin.get_or_insert(address);
        for (wanted, last) in addresses.iter().zip(&mut self.last) {
            if address <= *wanted {
                *last = Some(row);
            }
        }
    }

    fn end(&mut self, end: u64, addresses: &[u64], best: &mut [Option<Row>], unit: &Unit<'_, '_>) {
        let begin = self.begin.take();
        let is_of_module = begin.is_some_and(|begin| is_code(unit.places.module, begin, end));
        for ((wanted, last), best) in addresses.iter().zip(&mut self.last).zip(best) {
            let last = last.take();
            if is_of_module && *wanted < end && last.is_some() {
                *best = last;
            }
        }
    }
}
