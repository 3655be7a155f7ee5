//! The functions of a unit that hold an address, and the calls that were inlined there. One pass over the unit.

use super::attributes::{self, FunctionName};
use super::ranges::Extent;
use super::units::Unit;
use super::{Context, Row, Slice};
use gimli::{Attribute, AttributeValue, UnitOffset, constants};

/// Maximum of inlined calls at one address; compilers make a dozen or two.
const INLINED: usize = 32;

/// Functions that may claim one address; more than one do where some were dropped by a linker.
const CLAIMS: usize = 4;

/// A function, and the calls inlined into it that hold an address, the innermost last.
#[derive(Clone, Debug)]
pub(super) struct Chain<'a> {
    /// Where the ranges of the function begin.
    pub(super) begins: Vec<u64>,
    pub(super) calls: Vec<Call<'a>>,
    depth: isize,
    is_open: bool,
}

/// A function or an inlined call.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    offset: UnitOffset<usize>,
    depth: isize,
    /// Where it was inlined.
    pub(super) site: Option<Row>,
    pub(super) name: FunctionName<'a>,
}

/// The functions that hold each of these addresses.
pub(super) fn find<'a>(context: &Context<'_, 'a>, addresses: &[u64]) -> Vec<Vec<Chain<'a>>> {
    let mut found: Vec<Vec<Chain<'a>>> = vec![Vec::new(); addresses.len()];
    // A damaged unit gives what came before the damage.
    let _ = walk(context.unit, addresses, &mut found);
    for call in found.iter_mut().flatten().flat_map(|chain| &mut chain.calls) {
        call.name = attributes::name(context, call.offset);
    }
    found
}

fn walk<'a>(unit: &Unit<'_, 'a>, addresses: &[u64], found: &mut [Vec<Chain<'a>>]) -> Option<()> {
    let mut entries = unit.entries()?;
    while !entries.is_empty() {
        let (offset, depth) = (entries.next_offset(), entries.next_depth());
        let Some(abbreviation) = entries.read_abbreviation().ok()? else { continue };
        let tag = abbreviation.tag();
        if !matches!(tag, constants::DW_TAG_subprogram | constants::DW_TAG_inlined_subroutine) {
            entries.skip_attributes(abbreviation.attributes()).ok()?;
            continue;
        }
        let mut entry = Entry::default();
        for specification in abbreviation.attributes() {
            entry.take(&entries.read_attribute(*specification).ok()?);
        }
        let call = Call { offset, depth, site: entry.site(), name: FunctionName::default() };
        let ranges = unit.places.ranges(&entry.extent);
        let is_function = tag == constants::DW_TAG_subprogram;
        for (address, chains) in addresses.iter().zip(found.iter_mut()) {
            chains.iter_mut().for_each(|chain| chain.is_open &= depth > chain.depth);
            let holds = ranges.iter().any(|(begin, end)| (*begin..*end).contains(address));
            match (holds, is_function) {
                (true, true) => add_function(chains, &ranges, call.clone()),
                (true, false) => add_inlined(chains, call.clone()),
                (false, _) => {}
            }
        }
    }
    Some(())
}

fn add_function<'a>(chains: &mut Vec<Chain<'a>>, ranges: &[(u64, u64)], call: Call<'a>) {
    // A function within a function holds the address itself.
    chains.retain(|chain| !chain.is_open);
    if chains.len() < CLAIMS {
        let begins = ranges.iter().map(|(begin, _)| *begin).collect();
        chains.push(Chain { begins, depth: call.depth, is_open: true, calls: vec![call] });
    }
}

fn add_inlined<'a>(chains: &mut [Chain<'a>], call: Call<'a>) {
    let Some(chain) = chains.iter_mut().find(|chain| chain.is_open) else { return };
    let is_within = chain.calls.last().is_some_and(|outer| outer.depth < call.depth);
    if is_within && chain.calls.len() <= INLINED {
        chain.calls.push(call);
    }
}

/// The attributes of an entry that matter here.
#[derive(Default)]
struct Entry {
    extent: Extent,
    call_file: Option<u64>,
    call_line: Option<u64>,
}

impl Entry {
    fn take(&mut self, attribute: &Attribute<Slice<'_>>) {
        let value = attribute.value();
        self.extent.take(attribute);
        match attribute.name() {
            constants::DW_AT_call_file => {
                self.call_file = match value {
                    AttributeValue::FileIndex(index) => Some(index),
                    other => other.udata_value(),
                }
            }
            constants::DW_AT_call_line => self.call_line = value.udata_value(),
            _ => {}
        }
    }

    fn site(&self) -> Option<Row> {
        Some((self.call_file?, u32::try_from(self.call_line?).ok()?))
    }
}
