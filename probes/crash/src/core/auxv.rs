//! The auxiliary vector: what the kernel passed to the program at its start.

/// Pairs of eight bytes, a type and a value (getauxval(3)), as they stand in the note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auxv(pub Vec<u8>);

const AT_PHDR: u64 = 3;
const AT_PHENT: u64 = 4;
const AT_PHNUM: u64 = 5;
const AT_ENTRY: u64 = 9;
const AT_EXECFN: u64 = 31;
const AT_SYSINFO_EHDR: u64 = 33;

impl Auxv {
    fn get(&self, kind: u64) -> Option<u64> {
        let (words, _) = self.0.as_chunks::<8>();
        let mut pairs = words.as_chunks::<2>().0.iter();
        let [_, value] = pairs.find(|[found, _]| u64::from_le_bytes(*found) == kind)?;
        Some(u64::from_le_bytes(*value))
    }

    /// Where the program begins.
    pub fn entry(&self) -> Option<u64> {
        self.get(AT_ENTRY)
    }

    /// Where the program headers of the executable are.
    pub fn program_headers(&self) -> Option<u64> {
        self.get(AT_PHDR)
    }

    /// How many program headers there are, if they have the size that they should.
    pub fn program_header_count(&self) -> Option<u64> {
        self.get(AT_PHNUM).filter(|_| self.get(AT_PHENT) == Some(56))
    }

    /// Where the name is by which the program was executed.
    pub fn executed_name(&self) -> Option<u64> {
        self.get(AT_EXECFN)
    }

    /// Where the vdso is.
    pub fn vdso(&self) -> Option<u64> {
        self.get(AT_SYSINFO_EHDR)
    }
}
