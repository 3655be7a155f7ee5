//! Names of buffers, fetchers and leases: 32 lower-case hexadecimal digits.

use rand::TryRng;
use rand::rngs::SysRng;

use crate::storage::StorageError;

const DIGITS: usize = 32;

/// Whether a text is one.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A new one.
pub(super) fn random() -> Result<String, StorageError> {
    let mut bytes = [0_u8; DIGITS / 2];
    let filled = SysRng.try_fill_bytes(&mut bytes);
    filled.map_err(|error| StorageError::Failed(format!("there are no random numbers: {error}")))?;
    Ok(hex(&bytes))
}

/// Bytes as lower-case digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
