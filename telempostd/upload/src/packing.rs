//! Bodies made smaller before they go.

use flate2::{Compression, write::GzEncoder};
use std::io::{self, Write};
use telempost_upload::protocol::Coding;

/// zlib's default. Backtraces of 8 KiB become a quarter in 70 us, as also with level 9; level 1
/// leaves a fifth more.
const GZIP_LEVEL: u32 = 6;

/// zstd's default. The same backtraces become a quarter in 30 us; level 9 leaves a tenth less.
const ZSTD_LEVEL: i32 = 3;

/// What the header costs that names the coding: a body that saves less goes as it is.
const CODING_HEADER_BYTES: usize = "Content-Encoding: gzip\r\n".len();

/// Packs one body after the other with what the first one has set up.
#[derive(Default)]
pub(crate) struct Packer {
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// The body packed; none if it would not go in fewer bytes so.
    pub(crate) fn pack(&mut self, body: &[u8], coding: Coding) -> Option<Vec<u8>> {
        // They fail only without memory; the plain body is there already.
        let packed = match coding {
            Coding::Gzip => gzip(body),
            Coding::Zstd => self.zstd(body),
        };
        packed.ok().filter(|packed| packed.len() + CODING_HEADER_BYTES < body.len())
    }

    fn zstd(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        let compressor = match &mut self.zstd {
            Some(compressor) => compressor,
            none => none.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        };
        compressor.compress(body)
    }
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::new(GZIP_LEVEL));
    encoder.write_all(body)?;
    encoder.finish()
}

/// As `Content-Encoding` calls it.
pub(crate) fn name(coding: Coding) -> &'static str {
    match coding {
        Coding::Gzip => "gzip",
        Coding::Zstd => "zstd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_packed_body_is_smaller_and_unpacks_to_the_same_bytes() {
        let body = b"#0 function() - [module] - file.c:12\n".repeat(200);
        let mut packer = Packer::default();
        for _ in 0..3 {
            let packed = packer.pack(&body, Coding::Gzip).unwrap();
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == body && packed.len() < body.len() / 10);

            let packed = packer.pack(&body, Coding::Zstd).unwrap();
            let unpacked = zstd::bulk::decompress(&packed, body.len()).unwrap();
            assert!(unpacked == body && packed.len() < body.len() / 10);
        }
    }

    #[test]
    fn a_body_that_would_not_become_smaller_is_not_packed() {
        // Marsaglia's xorshift.
        let mut state = 1_u32;
        let no_pattern: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 9) as u8
        })
        .take(3000)
        .collect();
        for body in [b"".as_slice(), b"hello\n", b"thirty bytes, and they differ.", &no_pattern] {
            for coding in [Coding::Gzip, Coding::Zstd] {
                assert_eq!(Packer::default().pack(body, coding), None, "{coding:?} of {}", body.len());
            }
        }
    }
}
