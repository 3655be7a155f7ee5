//! From headers as they came to a record that has passed every rule.

use super::{Field, Fields, Record, Refusal, Rule, without_quotes};

const CLEAR_LINUX: &str = "clear-linux-os";

/// Judges a record: its version first, then what that version requires, then every value that the version has.
/// Headers of later versions are neither judged nor kept. The payload is not judged: its bytes are bounded where
/// they come in.
///
/// # Errors
/// The first [`Refusal`] that is met.
pub fn validate(mut fields: Fields, payload: String, external: bool) -> Result<Record, Refusal> {
    let version = format_version(&fields)?;
    fields.retain(|field| field.required_since() <= version);
    if let Some(name) = fields.take(Field::SystemName) {
        fields.insert(Field::SystemName, &without_quotes(&name))?;
    }
    for field in Field::ALL {
        match fields.get(field) {
            Some(value) => judge(field, value, Rule::for_field(field))?,
            None if field.required_since() <= version => {
                return Err(Refusal::Missing { name: field.header(), version });
            }
            None => {}
        }
    }
    if fields.get(Field::SystemName) == Some(CLEAR_LINUX) {
        let build = fields.get(Field::Build).unwrap_or_default();
        judge(Field::Build, build, Rule::CLEAR_LINUX_BUILD)?;
    }

    let mut text = |field: Field| fields.take(field);
    Ok(Record {
        record_format_version: version,
        severity: number(Field::Severity, text(Field::Severity))?,
        classification: required(Field::Classification, text(Field::Classification), version)?,
        machine_id: required(Field::MachineId, text(Field::MachineId), version)?,
        captured_secs: number(Field::CreationTimestamp, text(Field::CreationTimestamp))?,
        arch: required(Field::Arch, text(Field::Arch), version)?,
        host_type: required(Field::HostType, text(Field::HostType), version)?,
        build: without_quotes(&required(Field::Build, text(Field::Build), version)?),
        kernel_version: required(Field::KernelVersion, text(Field::KernelVersion), version)?,
        payload_format_version: match text(Field::PayloadFormatVersion) {
            None => None,
            given => Some(number(Field::PayloadFormatVersion, given)?),
        },
        system_name: text(Field::SystemName),
        board_name: text(Field::BoardName),
        cpu_model: text(Field::CpuModel),
        bios_version: text(Field::BiosVersion),
        event_id: text(Field::EventId),
        external,
        payload,
    })
}

fn format_version(fields: &Fields) -> Result<u8, Refusal> {
    let field = Field::RecordFormatVersion;
    let Some(given) = fields.get(field) else {
        return Err(Refusal::Missing { name: field.header(), version: 1 });
    };
    judge(field, given, Rule::for_field(field))?;
    number(field, Some(given.to_owned()))
}

fn judge(field: Field, value: &str, rule: Rule) -> Result<(), Refusal> {
    if (rule.holds)(value) { Ok(()) } else { Err(Refusal::wrong(field.header(), value, rule.allowed)) }
}

fn required(field: Field, value: Option<String>, version: u8) -> Result<String, Refusal> {
    value.ok_or(Refusal::Missing { name: field.header(), version })
}

fn number<N: std::str::FromStr>(field: Field, value: Option<String>) -> Result<N, Refusal> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| Refusal::wrong(field.header(), &value, Rule::for_field(field).allowed))
}

#[cfg(test)]
mod tests;
