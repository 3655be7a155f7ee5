//! From a record to what groups are made of: its kind, its variant and its version.
//!
//! ```text
//! classification, payload ──▶ payload ──▶ kind ──▶ tokens, each cycle once ──▶ Variant
//! build, kernel version ────────────────────────▶ line and version
//! ```

mod cycle;
mod fault;
mod hardware;
mod lookup;
mod unit;
mod variant;

pub use lookup::{Address, FunctionAt, Lookup, unnamed, unnamed_in_threads};
pub use variant::{Token, Variant};

pub(super) use unit::unit_of;

use super::kind::{Kind, Ungrouped};
use super::limits::{BUILD_ID_DIGITS, FRAMES, LINE_BYTES, PAYLOAD_BYTES, TOKEN_BYTES, VARIANT_FRAMES};
use super::names;
use super::payload::{Frame, Payload, build_id_of};
use super::text::{clean, cut};

/// Functions that return from the handler of a signal, by the names that libraries and debuggers have for them.
const TRAMPOLINES: [&str; 6] = [
    "__restore_rt",
    "restore_rt",
    "__kernel_rt_sigreturn",
    "__kernel_sigreturn",
    "__default_rt_sa_restorer",
    "<signal handler called>",
];

/// What grouping needs of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// `classification`
    pub classification: &'a str,
    /// The payload.
    pub payload: &'a str,
    /// `system_name`
    pub system_name: &'a str,
    /// `build`
    pub build: &'a str,
    /// `kernel_version` of the header: of the kernel that sent the record.
    pub kernel_version: &'a str,
}

/// What a record says of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What its group is decided by.
    pub variant: Variant,
    /// The package of the program, and its version.
    pub package: Option<(String, String)>,
    /// The package of the module of the first frame, and its version, where it is another one.
    pub library: Option<(String, String)>,
    /// The version of the kernel that failed, where the kernel did.
    pub kernel_version: Option<String>,
    /// For each frame of the variant, the number of the payload's frame that it was read from.
    pub frame_numbers: Vec<u64>,
}

/// Reads a record.
///
/// # Errors
/// Why it is in no group.
pub fn read(record: &Record<'_>) -> Result<Reading, Ungrouped> {
    read_with(record, &|_| Vec::new())
}

/// Reads a record, with names from debug files for frames that have none.
///
/// # Errors
/// Why it is in no group.
pub fn read_with(record: &Record<'_>, lookup: Lookup<'_>) -> Result<Reading, Ungrouped> {
    let payload = Payload::parse(record.payload);
    let kind = Kind::classify(record.classification, &payload)?;
    let mut variant = match kind {
        Kind::Unit => unit_variant(&payload),
        Kind::Hardware => hardware_variant(record, &payload),
        kind if kind.is_kernel() => kernel_variant(kind, &payload),
        kind => program_variant(kind, &payload),
    };
    let takes_frames = kind.is_program() || kind.is_kernel();
    let frames: &[Frame<'_>] = if takes_frames { &payload.frames } else { &[] };
    let frame_numbers = set_frames(&mut variant, frames, &payload, lookup);
    let owned = |(name, version): (&str, &str)| (clean(cut(name, TOKEN_BYTES)), version.trim().to_owned());
    let package = payload.package.filter(|_| kind.is_program()).map(owned);
    let library = payload.library.filter(|_| kind.is_program()).map(owned);
    let kernel =
        payload.kernel_version.filter(|version| !version.is_empty()).unwrap_or(record.kernel_version);
    let kernel_version = kind.has_kernel_version().then(|| kernel.to_owned());
    Ok(Reading { variant, package, library, kernel_version, frame_numbers })
}

fn new_variant(kind: Kind, subject: String, what: String) -> Variant {
    let frames = Vec::new();
    Variant { kind, subject, what, is_enough: false, named: None, file: None, is_cycle: false, frames }
}

fn unit_variant(payload: &Payload<'_>) -> Variant {
    let unit = unit_of(payload).unwrap_or_default();
    new_variant(Kind::Unit, unit::lasting_name(unit), unit::ending(payload, unit))
}

fn hardware_variant(record: &Record<'_>, payload: &Payload<'_>) -> Variant {
    let what = hardware::hardware(record.classification, payload, cut(record.payload, PAYLOAD_BYTES));
    new_variant(Kind::Hardware, "hardware".to_owned(), what)
}

fn kernel_variant(kind: Kind, payload: &Payload<'_>) -> Variant {
    let fault = fault::fault(cut(payload.leading(), LINE_BYTES));
    let named = fault.function.map(|(function, module)| Token {
        function: Some(names::function(&function)),
        module,
        offset: None,
        build_id: None,
        is_uncertain: false,
        is_interrupted: false,
        is_looked_up: false,
    });
    let variant = new_variant(kind, "kernel".to_owned(), fault.text);
    Variant { named, file: fault.file, is_enough: fault.is_enough, ..variant }
}

fn program_variant(kind: Kind, payload: &Payload<'_>) -> Variant {
    let what = match (payload.frames.is_empty(), payload.error) {
        (false, _) => String::new(),
        (true, Some(error)) if !error.is_empty() => names::sentence(error),
        (true, _) => match payload.signal {
            Some(signal) => format!("signal {signal}, no backtrace"),
            None => "no backtrace".to_owned(),
        },
    };
    new_variant(kind, names::program(payload.process.unwrap_or_default()), what)
}

fn address(frame: &Frame<'_>, payload: &Payload<'_>) -> Option<Address> {
    let offset = frame.offset().filter(|_| frame.name().is_none())?;
    let build_id = build_id_of(&payload.modules, frame.module)?.to_ascii_lowercase();
    Some(Address { build_id, offset })
}

/// A token, the number of the frame that it was read from, and whether a lookup named it.
type Read = (Token, u64, bool);

/// Gives the variant its frames, and returns the numbers that they have in the payload.
fn set_frames(
    variant: &mut Variant,
    frames: &[Frame<'_>],
    payload: &Payload<'_>,
    names: Lookup<'_>,
) -> Vec<u64> {
    let read = frames.iter().flat_map(|frame| tokens(variant.kind, frame, payload, names));
    let read: Vec<Read> = read.take(FRAMES).collect();
    let mut tokens: Vec<Token> = read.iter().map(|(token, ..)| token.clone()).collect();
    mark_interrupted(&mut tokens);
    let kept = if variant.kind == Kind::StackOverflow
        && let Some((start, length)) = cycle::longest_run(&tokens)
    {
        let mut kept: Vec<usize> = (start..tokens.len()).take(length).collect();
        let cycle: Vec<Token> = kept.iter().filter_map(|at| tokens.get(*at).cloned()).collect();
        kept.rotate_left(cycle::turn(&cycle));
        variant.is_cycle = true;
        kept
    } else {
        cycle::kept_once(&tokens).into_iter().take(VARIANT_FRAMES).collect()
    };
    // Only now: two frames of one function are one, wherever their names came from.
    let marked = |at: &usize| {
        let (_, _, is_looked_up) = read.get(*at)?;
        Some(Token { is_looked_up: *is_looked_up, ..tokens.get(*at)?.clone() })
    };
    variant.frames = kept.iter().filter_map(marked).collect();
    kept.iter().filter_map(|at| read.get(*at).map(|(_, number, _)| *number)).collect()
}

/// The tokens of a frame: more than one where a lookup knows what the compiler put into it.
fn tokens(kind: Kind, frame: &Frame<'_>, payload: &Payload<'_>, names: Lookup<'_>) -> Vec<Read> {
    let own = token(kind, frame, payload);
    let names = address(frame, payload).map(|address| names(&address)).unwrap_or_default();
    let tokens = lookup::named(&own, &names);
    if tokens.is_empty() {
        return vec![(own, frame.number, false)];
    }
    tokens.into_iter().map(|token| (token, frame.number, true)).collect()
}

/// Clients that do not say what a signal interrupted still show what returns from its handler.
fn mark_interrupted(tokens: &mut [Token]) {
    let mut is_behind = false;
    for token in tokens {
        token.is_interrupted |= is_behind;
        is_behind = token.function.as_deref().is_some_and(|function| TRAMPOLINES.contains(&function));
    }
}

fn token(kind: Kind, frame: &Frame<'_>, payload: &Payload<'_>) -> Token {
    let function = frame.name().map(names::function).filter(|name| !name.is_empty());
    let is_named = function.is_some();
    let id = build_id_of(&payload.modules, frame.module).filter(|_| !is_named);
    Token {
        function,
        module: if kind.is_kernel() {
            names::kernel_module(frame.module)
        } else {
            names::module(frame.module)
        },
        offset: frame.offset().filter(|_| !is_named),
        build_id: id.map(|id| id.chars().take(BUILD_ID_DIGITS).collect::<String>().to_ascii_lowercase()),
        is_uncertain: kind.is_kernel() && frame.is_uncertain(),
        is_interrupted: frame.is_interrupted(),
        is_looked_up: false,
    }
}

#[cfg(test)]
mod tests;
