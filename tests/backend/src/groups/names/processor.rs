//! Functions of the C library that exist once for each kind of processor: `__memcpy_avx_unaligned_erms`, `__strlen_evex`.

use crate::groups::text::{Pattern, group};
use regex::Regex;

/// What they are made for: x86, arm64, ppc64, s390, sparc, and the plain one.
static VARIANT: Pattern = Pattern::new(|| {
    Regex::new(concat!(
        r"^_{0,2}((?:mem|wmem|str|stp|wcs|wcp|rawmem)[a-z]*(?:_l)?(?:_chk)?|",
        r"(?:sin|cos|tan|atan|exp|log|pow|fma|ceil|floor|rint|nearbyint|trunc|sincos)[a-z0-9]{0,2}|time|gettimeofday)",
        r"(?:_(?:avx|avx2|avx512|evex|evex256|evex512|sse2|sse3|ssse3|sse4|sse41|sse42|sse4_1|sse4_2|fma|fma4|i386|i586|i686|ia32|",
        r"generic|c|asimd|advsimd|mte|sve|mops|a64fx|falkor|thunderx|thunderx2|kunpeng|kunpeng920|emag|nosve|nosimd|zva64|oryon1|",
        r"power[4-9]|power10|power11|ppc|cell|a2|niagara[1-7]|ultra3|z10|z13|z15|z196|zarch|vx|neon|arm|vfp|",
        r"unaligned|movbe|erms|rtm|back|no_bsf|slow|fast|no_vzeroupper|noalign|aligned|finite|impl|vdso))+$",
    ))
    .ok()
});

/// The name of the plain function; none if this is no such variant.
pub(super) fn plain(name: &str) -> Option<String> {
    let plain = group(name, &VARIANT, 1)?;
    // The checked ones begin with two underscores on every processor.
    Some(if plain.ends_with("_chk") { format!("__{plain}") } else { plain.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_have_the_plain_name() {
        for (variant, name) in [
            ("__memcpy_avx_unaligned_erms", "memcpy"),
            ("__memmove_avx512_no_vzeroupper", "memmove"),
            ("__memset_avx2_unaligned_erms_rtm", "memset"),
            ("__memcpy_chk_avx_unaligned", "__memcpy_chk"),
            ("__memcpy_ssse3_back", "memcpy"),
            ("__strlen_evex", "strlen"),
            ("__strlen_evex512", "strlen"),
            ("__strcmp_sse2_unaligned", "strcmp"),
            ("__strncasecmp_l_avx2", "strncasecmp_l"),
            ("__strchr_sse2_no_bsf", "strchr"),
            ("__rawmemchr_avx2", "rawmemchr"),
            ("__wmemset_avx2_unaligned", "wmemset"),
            ("__memcpy_thunderx2", "memcpy"),
            ("__strlen_asimd", "strlen"),
            ("__memset_zva64", "memset"),
            ("__memcpy_power7", "memcpy"),
            ("__strlen_z13", "strlen"),
            ("__sin_fma", "sin"),
            ("__log2_fma", "log2"),
            ("__memcpy_generic", "memcpy"),
        ] {
            assert_eq!(plain(variant).as_deref(), Some(name), "{variant}");
        }
    }

    #[test]
    fn others_are_none() {
        for name in
            ["memcpy", "strlen_", "my_strlen_avx2_test", "load_generic", "memory_pool_fast_path", "avx2", ""]
        {
            assert_eq!(plain(name), None, "{name}");
        }
    }
}
