//! The module in which a program failed, and its build-id.
//!
//! A program's package does not move when a library of another package does. A group's page therefore lists the build-ids
//! of the module that the name's last frame is in: which build of a library the failure came with.

use super::names;
use super::payload::{Payload, build_id_of};
use super::reading::Reading;
use super::signature::Verdict;

/// A module, as a report names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeadingModule {
    /// Its normal form.
    pub module: String,
    /// Its whole build-id, in small digits.
    pub build_id: String,
}

/// The module of the frame that the name ends with; none where the report has no build-id for it. `payload` is what
/// `reading` was read from.
#[must_use]
pub fn leading_module(payload: &str, reading: &Reading, verdict: &Verdict) -> Option<LeadingModule> {
    let at = verdict.steps.iter().rposition(|step| step.done.is_in_name())?;
    let (token, number) = (reading.variant.frames.get(at)?, reading.frame_numbers.get(at)?);
    let payload = Payload::parse(payload);
    let frame = payload.frames.iter().find(|frame| frame.number == *number)?;
    let build_id = build_id_of(&payload.modules, frame.module)?.to_ascii_lowercase();
    Some(LeadingModule { module: token.module.clone(), build_id })
}

/// The build-id of a module, known by its normal form, of which a report has a frame. For where its name, and with it which
/// frame leads, came from a debug file.
#[must_use]
pub fn module_build(payload: &str, module: &str) -> Option<LeadingModule> {
    let payload = Payload::parse(payload);
    let frame = payload.frames.iter().find(|frame| names::module(frame.module) == module)?;
    let build_id = build_id_of(&payload.modules, frame.module)?.to_ascii_lowercase();
    Some(LeadingModule { module: module.to_owned(), build_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::reading::{Record, read};
    use crate::groups::rules::Rules;
    use crate::groups::signature::decide;

    #[test]
    fn the_build_id_of_what_failed() {
        let found = |payload: &str| {
            let record = Record {
                classification: "a/crash/clr",
                payload,
                system_name: "d",
                build: "1",
                kernel_version: "6",
            };
            let reading = read(&record).unwrap();
            let verdict = decide(&Rules::shipped().unwrap(), &reading.variant);
            leading_module(payload, &reading, &verdict)
                .map(|found| format!("{} {}", found.module, found.build_id))
        };
        let frames =
            "Process: e\n#0 memcpy - [libc.so.6]\n#1 draw - [libplug.so.1.4]\n#2 main - [e]\n\nModules:\n";
        let modules = "libc.so.6 AAAAAAAA\nlibplug.so.1.4 BBBBBBBB\n";
        assert_eq!(found(&format!("{frames}{modules}")).as_deref(), Some("libplug.so.1 bbbbbbbb"));
        assert_eq!(found(frames), None);
        assert_eq!(found("Process: e\nError: x\n"), None);
    }
}
