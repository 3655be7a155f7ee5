//! Why a record is in its group: each frame, what was done with it, and by which rule.

use super::payload::{Frame, Payload};
use super::reading::{Reading, Token, Variant};
use super::rules::Rules;
use super::signature::{Done, Step, Verdict};
use serde::Serialize;

/// A frame, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedFrame {
    /// The frame: of a variant its normal form, of a record as the payload has it.
    pub text: String,
    /// What was done, in words, with the rule where one decided.
    pub rule: String,
    /// Whether it is part of the group's name.
    pub in_name: bool,
    /// Whether a debug file named it, and not the report.
    pub from_debug_file: bool,
}

/// What became of the frames of a variant.
#[must_use]
pub fn explain_variant(rules: &Rules, variant: &Variant, verdict: &Verdict) -> Vec<ExplainedFrame> {
    let frames = variant.frames.iter().zip(&verdict.steps);
    let frame = |(token, step): (&Token, &Step)| ExplainedFrame {
        from_debug_file: token.is_looked_up,
        ..explained(rules, token.to_string(), *step)
    };
    frames.map(frame).collect()
}

/// What became of the frames of a record; `payload` is what `reading` was read from.
#[must_use]
pub fn explain_record(
    rules: &Rules,
    payload: &str,
    reading: &Reading,
    verdict: &Verdict,
) -> Vec<ExplainedFrame> {
    let payload = Payload::parse(payload);
    payload.frames.iter().flat_map(|frame| explain_frame(rules, frame, reading, verdict)).collect()
}

/// A frame of a payload; several where a debug file knows what the compiler put into it.
fn explain_frame(
    rules: &Rules,
    frame: &Frame<'_>,
    reading: &Reading,
    verdict: &Verdict,
) -> Vec<ExplainedFrame> {
    let own = format!("#{} {} [{}]", frame.number, frame.function, frame.module);
    let tokens = reading.variant.frames.iter().zip(&verdict.steps).zip(&reading.frame_numbers);
    let of_frame = tokens.filter(|(_, number)| **number == frame.number);
    let explain = |((token, step), _): ((&Token, &Step), &u64)| {
        let name = token.function.as_ref().filter(|_| token.is_looked_up);
        let text = name.map(|name| format!("#{} {name} [{}]", frame.number, frame.module));
        let from_debug_file = text.is_some();
        ExplainedFrame { from_debug_file, ..explained(rules, text.unwrap_or_else(|| own.clone()), *step) }
    };
    let explained: Vec<ExplainedFrame> = of_frame.map(explain).collect();
    if !explained.is_empty() {
        return explained;
    }
    let rule = not_read(reading).to_owned();
    vec![ExplainedFrame { text: own, rule, in_name: false, from_debug_file: false }]
}

/// Why a frame of the payload is none of the variant's.
fn not_read(reading: &Reading) -> &'static str {
    let is_read = reading.variant.kind.is_program() || reading.variant.kind.is_kernel();
    match (is_read, reading.variant.is_cycle) {
        (false, _) => "not read: the kind has no backtrace",
        (true, true) => "left out: only the cycle of a stack overflow counts",
        (true, false) => "left out: recursion is kept once, and so are the first 32 frames",
    }
}

fn explained(rules: &Rules, text: String, step: Step) -> ExplainedFrame {
    let rule = step.rule.and_then(|id| rules.get(id).map(|rule| (id, rule)));
    let rule = match rule {
        Some((id, rule)) if rule.reason.is_empty() => format!("{}, by {id}: {rule}", step.done.sentence()),
        Some((id, rule)) => format!("{}, by {id}: {rule} ({})", step.done.sentence(), rule.reason),
        None => step.done.sentence().to_owned(),
    };
    ExplainedFrame { text, rule, in_name: step.done.is_in_name(), from_debug_file: false }
}

impl Done {
    /// What was done, in words.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Meaningful => "in the name: the first that means something",
            Self::Generic => "in the name, and the next is too",
            Self::NothingElse => "in the name: nothing else was left",
            Self::Below => "left out: below the frames of the name",
            Self::Skipped => "left out",
            Self::Cut => "left out with all above",
            Self::AboveCut => "left out: above a frame that was cut",
            Self::Handler => "left out: of a signal's handler that ended the program",
            Self::Uncertain => "left out: the kernel only found it on the stack",
            Self::Repeated => "left out: the name has it already",
            Self::ReasonEnough => "not needed: the reason names what failed",
        }
    }

    /// Whether the frame is part of the group's name.
    #[must_use]
    pub fn is_in_name(self) -> bool {
        matches!(self, Self::Meaningful | Self::Generic | Self::NothingElse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::reading::{Record, read};
    use crate::groups::signature::decide;

    fn explain(class: &str, payload: &str) -> Vec<String> {
        let rules = Rules::shipped().unwrap();
        let record = Record {
            classification: class,
            payload,
            system_name: "debian",
            build: "12",
            kernel_version: "6.1",
        };
        let reading = read(&record).unwrap();
        let verdict = decide(&rules, &reading.variant);
        let of_variant = explain_variant(&rules, &reading.variant, &verdict);
        assert_eq!(of_variant.len(), reading.variant.frames.len());
        let lines = explain_record(&rules, payload, &reading, &verdict);
        lines
            .into_iter()
            .map(|frame| format!("{} | {} | {}", frame.text, frame.rule, frame.in_name))
            .collect()
    }

    #[test]
    fn each_frame_has_its_sentence() {
        let payload = "Process: app\nSignal: 6\n#0 raise() - [libc.so.6]\n#1 helper() - [libc.so.6]\n#2 abort() - [libc.so.6]\n\
            #3 memcpy() - [libc.so.6]\n#4 f(int) - [app]\n#5 f(int) - [app]\n#6 main - [app]\n";
        let lines = explain("a/crash/clr", payload);
        assert_eq!(
            lines[1],
            "#1 helper() [libc.so.6] | left out: above a frame that was cut, by rule 9: cut libc.so* abort \
             (ends the program because of whoever called it) | false"
        );
        assert!(
            lines[2].contains("| left out with all above, by rule 9: cut libc.so* abort"),
            "{}",
            lines[2]
        );
        assert!(lines[3].contains("| in the name, and the next is too, by rule"), "{}", lines[3]);
        assert_eq!(lines[4], "#4 f(int) [app] | in the name: the first that means something | true");
        assert!(lines[5].contains("recursion is kept once"), "{}", lines[5]);
        assert!(lines[6].starts_with("#6 main [app] | left out: below"), "{}", lines[6]);
    }

    #[test]
    fn what_other_kinds_say() {
        let lines = explain("a/mce/thermal", "#0 f - [m]\n");
        assert_eq!(lines, ["#0 f [m] | not read: the kind has no backtrace | false"]);
        let lines = explain(
            "a/kernel/warning",
            "Reason: WARNING: at a.c:1 f+0x1/0x2\n#1 f - [kernel]\n#2 g - [kernel]\n",
        );
        assert_eq!(lines[0], "#1 f [kernel] | in the name: the first that means something | true");
        assert_eq!(lines[1], "#2 g [kernel] | not needed: the reason names what failed | false");
        let overflow = "Process: a\nCause: stack overflow\n#0 l - [a]\n#1 f - [a]\n#2 f - [a]\n";
        let lines = explain("a/crash/clr", overflow);
        assert!(lines[0].contains("only the cycle of a stack overflow counts"), "{}", lines[0]);
        assert!(lines[1].contains("| in the name"), "{}", lines[1]);
    }
}
