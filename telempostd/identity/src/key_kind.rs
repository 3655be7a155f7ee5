//! Kinds of keys that an identity is made with.

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rcgen::KeyPair;
use rsa::PrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};

/// As long as peers of the last decade take, and as every one of them does.
const RSA_BITS: usize = 2048;

/// What a new key is (`identity_key`). One that is there is used whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeyKind {
    /// ECDSA on P-256
    #[default]
    Ecdsa,
    /// RSA of 2048 bits
    Rsa,
}

/// A new key of this kind.
///
/// # Errors
/// The library makes none.
pub(crate) fn generate(kind: KeyKind) -> Result<KeyPair, String> {
    match kind {
        KeyKind::Ecdsa => KeyPair::generate().map_err(|error| error.to_string()),
        // ring, which signs with RSA keys, makes none.
        KeyKind::Rsa => {
            let key = PrivateKey::new(&mut UnwrapErr(SysRng), RSA_BITS).map_err(|error| error.to_string())?;
            let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| error.to_string())?;
            KeyPair::from_pem(&pem).map_err(|error| error.to_string())
        }
    }
}
