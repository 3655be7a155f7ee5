//! From a variant to its signature, by rules: which frames mean something, and why.
//!
//! ```text
//! raise        cut        ┐
//! abort        cut        ┘ gone: the lowest of them is the last cut among the first 16
//! memcpy       generic    ┐
//! load         meaningful ┘ the signature: what is generic, and the first that is not
//! main         below
//! ```

use super::hash::Hash;
use super::kind::Kind;
use super::limits::{CUT_FRAMES, NAME_CHARS, SIGNATURE_FRAMES};
use super::reading::{Token, Variant};
use super::rules::{Action, RuleId, Rules};
use super::text::cut_chars;

/// What a variant's group is decided by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// The kind.
    pub kind: Kind,
    /// The program, the unit, `kernel` or `hardware`.
    pub subject: String,
    /// What is known in `groups/HASH`.
    pub hash: Hash,
    /// What people read, at most 255 characters.
    pub name: String,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Done {
    /// It is in the signature, and would be enough alone.
    Meaningful,
    /// It is in the signature, and the next frame is too.
    Generic,
    /// It is in the signature since nothing else was left.
    NothingElse,
    /// It is below the signature's frames.
    Below,
    /// A rule said so.
    Skipped,
    /// A rule said so, of it and all above.
    Cut,
    /// It is above a frame that was cut.
    AboveCut,
    /// It is of a handler of a signal that ended the program in the end.
    Handler,
    /// The kernel only found the address on the stack.
    Uncertain,
    /// It is the caller of itself, and the signature has it once.
    Repeated,
    /// The kernel's reason names the function, or says all there is.
    ReasonEnough,
}

/// What became of a variant's frame, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What became of it.
    pub done: Done,
    /// The rule that decided it or, of a frame above, the rule of the frame that was cut.
    pub rule: Option<RuleId>,
}

/// A variant's signature, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The signature.
    pub signature: Signature,
    /// One for each frame of the variant.
    pub steps: Vec<Step>,
}

/// Decides a variant's signature. The same rules always decide the same.
#[must_use]
pub fn decide(rules: &Rules, variant: &Variant) -> Verdict {
    let sieve = Sieve { rules, variant };
    if variant.is_enough || sieve.named_is_meaningful() {
        let named = variant.named.as_ref().filter(|_| !variant.is_enough);
        let is_named = |token: &Token| {
            named.is_some_and(|named| named.function == token.function && named.module == token.module)
        };
        let done = |token| if is_named(token) { Done::Meaningful } else { Done::ReasonEnough };
        let steps = variant.frames.iter().map(|token| Step { done: done(token), rule: None }).collect();
        let chosen = Chosen { tokens: named.into_iter().collect(), ..Chosen::default() };
        return Verdict { signature: signature(variant, &chosen), steps };
    }
    let mut steps = sieve.steps(false);
    let mut chosen = sieve.choose(&mut steps);
    if chosen.tokens.is_empty() {
        steps = sieve.steps(true);
        chosen = sieve.choose(&mut steps);
    }
    // Of the kernel, the reason is better than a function that reports.
    if chosen.tokens.is_empty() && !variant.kind.is_kernel() {
        chosen.tokens = sieve.lowest(&mut steps);
        chosen.note = if chosen.tokens.is_empty() { "" } else { " (nothing else)" };
    }
    Verdict { signature: signature(variant, &chosen), steps }
}

/// The frames of a signature.
#[derive(Default)]
struct Chosen<'a> {
    tokens: Vec<&'a Token>,
    /// Whether enough frames have names, so that those without are known by their modules alone.
    has_names: bool,
    /// What the name says of itself.
    note: &'static str,
}

struct Sieve<'a> {
    rules: &'a Rules,
    variant: &'a Variant,
}

impl<'a> Sieve<'a> {
    fn rule(&self, token: &Token) -> (Option<Action>, Option<RuleId>) {
        match self.rules.find(self.variant.kind, token) {
            Some((id, rule)) => (Some(rule.action), Some(id)),
            None => (None, None),
        }
    }

    fn named_is_meaningful(&self) -> bool {
        let named = self.variant.named.as_ref().map(|named| self.rule(named).0);
        matches!(named, Some(None | Some(Action::Keep)))
    }

    /// What each frame's own rule says, and what is above a cut or a signal.
    fn steps(&self, takes_uncertain: bool) -> Vec<Step> {
        let own = self.variant.frames.iter().map(|token| self.own_step(token, takes_uncertain));
        let mut steps: Vec<Step> = own.collect();
        let cut = self.last_cut(&steps);
        let Some((cut_at, cut_rule)) = cut else { return steps };
        // A handler that ended the program is above the function that the signal came to.
        let interrupted = self.variant.frames.iter().rposition(|token| token.is_interrupted);
        let handler_end = interrupted.filter(|at| *at > cut_at).unwrap_or(0);
        for (at, step) in steps.iter_mut().enumerate() {
            if at < cut_at && step.done != Done::Cut {
                *step = Step { done: Done::AboveCut, rule: cut_rule };
            } else if at > cut_at && at < handler_end {
                *step = Step { done: Done::Handler, rule: cut_rule };
            } else if at > cut_at && step.done == Done::Cut {
                // Too far down for a cut: it is machinery all the same.
                step.done = Done::Skipped;
            }
        }
        steps
    }

    fn own_step(&self, token: &Token, takes_uncertain: bool) -> Step {
        if token.is_uncertain && !takes_uncertain {
            return Step { done: Done::Uncertain, rule: None };
        }
        let (action, rule) = self.rule(token);
        let done = match action {
            Some(Action::Cut) => Done::Cut,
            Some(Action::Skip) => Done::Skipped,
            Some(Action::Generic) => Done::Generic,
            Some(Action::Keep) | None => Done::Meaningful,
        };
        Step { done, rule }
    }

    fn last_cut(&self, steps: &[Step]) -> Option<(usize, Option<RuleId>)> {
        let is_cut = |(_, step): &(usize, &Step)| step.done == Done::Cut;
        // A cycle has no top.
        let mut first = steps.iter().enumerate().take(if self.variant.is_cycle { 0 } else { CUT_FRAMES });
        first.rfind(is_cut).map(|(at, step)| (at, step.rule))
    }

    /// The frames of the signature; says of the others what became of them.
    fn choose(&self, steps: &mut [Step]) -> Chosen<'a> {
        let tokens = &self.variant.frames;
        let is_named =
            |(step, token): &(&Step, &Token)| step.done == Done::Meaningful && token.function.is_some();
        // A library without symbols between functions that have names must not part their groups at each build.
        let has_names = steps.iter().zip(tokens).filter(is_named).count() >= 2;
        let mut chosen: Vec<&Token> = Vec::new();
        let mut is_full = false;
        for (step, token) in steps.iter_mut().zip(tokens) {
            if !matches!(step.done, Done::Meaningful | Done::Generic) {
                continue;
            }
            if token.function.is_none() && has_names {
                step.done = Done::Generic;
            }
            if is_full {
                step.done = Done::Below;
            } else if chosen.iter().any(|other| key(other, has_names) == key(token, has_names)) {
                step.done = Done::Repeated;
            } else {
                chosen.push(token);
                is_full = step.done == Done::Meaningful && !self.variant.is_cycle
                    || chosen.len() == SIGNATURE_FRAMES;
            }
        }
        let has_symbols = chosen.last().is_none_or(|last| last.function.is_some());
        Chosen { tokens: chosen, has_names, note: if has_symbols { "" } else { " (no symbols)" } }
    }

    /// The lowest frame that was cut, else the first that was skipped.
    fn lowest(&self, steps: &mut [Step]) -> Vec<&'a Token> {
        let with = |done: Done| move |step: &Step| step.done == done;
        let at =
            steps.iter().rposition(with(Done::Cut)).or_else(|| steps.iter().position(with(Done::Skipped)));
        let Some(at) = at else { return Vec::new() };
        if let Some(step) = steps.get_mut(at) {
            step.done = Done::NothingElse;
        }
        self.variant.frames.get(at).into_iter().collect()
    }
}

/// What is shown of a token.
fn shown(token: &Token, has_names: bool) -> String {
    match (&token.function, token.offset) {
        (Some(function), _) => function.clone(),
        (None, _) if has_names => format!("{}!", token.module),
        (None, Some(offset)) => format!("{}+{offset:#x}", token.module),
        (None, None) => token.module.clone(),
    }
}

/// What is compared of a token.
fn key(token: &Token, has_names: bool) -> String {
    let id = token.build_id.as_ref().filter(|_| token.function.is_none() && !has_names);
    let id = id.map(|id| format!("@{id}")).unwrap_or_default();
    shown(token, has_names) + &id
}

fn signature(variant: &Variant, chosen: &Chosen<'_>) -> Signature {
    let kind = variant.kind;
    let module = |token: &Token| match token.module.as_str() {
        module if kind.is_kernel() && module != "kernel" => format!(" [{module}]"),
        _ => String::new(),
    };
    let with_module = |text: fn(&Token, bool) -> String| {
        chosen.tokens.iter().map(|token| text(token, chosen.has_names) + &module(token)).collect::<Vec<_>>()
    };
    // Where no function is known, the source is better than nothing.
    let file = variant.file.as_ref().filter(|_| chosen.tokens.is_empty() && !variant.is_enough);
    let what = match file {
        Some(file) => format!("{} at {file}", variant.what),
        None => variant.what.clone(),
    };
    let head = ["signature 1", kind.name(), &variant.subject, &what];
    let hash = Hash::from_parts(head.into_iter().chain(with_module(key).iter().map(String::as_str)));
    let name = name(variant, what, &with_module(shown).join(", "), chosen.note);
    Signature { kind, subject: variant.subject.clone(), hash, name }
}

fn name(variant: &Variant, what: String, frames: &str, note: &str) -> String {
    let what = if variant.kind == Kind::StackOverflow && what.is_empty() {
        "stack overflow".to_owned()
    } else {
        what
    };
    let failed = match (what.is_empty(), frames.is_empty()) {
        (true, _) => frames.to_owned(),
        (false, true) => what,
        (false, false) => format!("{what} in {frames}"),
    };
    let room = NAME_CHARS.saturating_sub(note.chars().count());
    cut_chars(&format!("{}: {failed}", variant.subject), room) + note
}

#[cfg(test)]
mod tests;
