//! A boot id as text, for serde: 32 hex digits.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use telemetry_record::hex_id::HexId;

pub(super) fn serialize<S: Serializer>(id: &HexId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HexId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// The same where it may be missing.
pub(super) mod optional {
    use super::HexId;
    use serde::{Deserializer, Serializer};

    // serde passes a reference to the field.
    #[allow(clippy::ref_option)]
    pub(in super::super) fn serialize<S: Serializer>(
        id: &Option<HexId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => super::serialize(id, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<HexId>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
