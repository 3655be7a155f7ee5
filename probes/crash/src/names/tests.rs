//! Programs that a compiler made, stripped and packed in the ways of distributions.

use super::*;
use crate::core::FileMapping;
use crate::elf::BuildId;
use crate::files::ModuleFile;
use object::{Object, ObjectSymbol};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
static inline __attribute__((always_inline)) int inlined(volatile int *place) {
    return *place + 1;
}
__attribute__((noinline)) int target(volatile int *place) {
    puts("here");
    return inlined(place) * 2;
}
int main(int count, char **words) { return target(&count); }
"#;

/// A folder with a program, and the address of `*place` in it.
struct Built {
    dir: tempfile::TempDir,
    address: u64,
}

struct NoFiles;

impl<'data> Files<'data> for NoFiles {
    fn mapped(&self, _: &FileMapping, _: &str) -> Option<ModuleFile<'data>> {
        None
    }
    fn debug_by_build_id(&self, _: &BuildId) -> Option<&'data [u8]> {
        None
    }
    fn debug_link(&self, _: &str, _: &str) -> Option<&'data [u8]> {
        None
    }
}

/// A debug file that is found in one of both ways.
struct DebugFile {
    bytes: &'static [u8],
    by_link: bool,
}

impl Files<'static> for DebugFile {
    fn mapped(&self, _: &FileMapping, _: &str) -> Option<ModuleFile<'static>> {
        None
    }
    fn debug_by_build_id(&self, _: &BuildId) -> Option<&'static [u8]> {
        (!self.by_link).then_some(self.bytes)
    }
    fn debug_link(&self, path: &str, name: &str) -> Option<&'static [u8]> {
        assert_eq!((path, name), ("/usr/bin/program", "program.debug"));
        self.by_link.then_some(self.bytes)
    }
}

fn run(command: &str, dir: &Path) {
    let status = Command::new("sh").args(["-ec", command]).current_dir(dir).status().unwrap();
    assert!(status.success(), "{command}");
}

impl Built {
    fn new(options: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("program.c"), SOURCE).unwrap();
        run(&format!("cc {options} -o program program.c"), dir.path());
        let mut built = Self { dir, address: 0 };
        let bytes = built.read("program");
        let elf = Elf::parse(&bytes).unwrap();
        let symbol = |name| elf.file.symbols().find(|symbol| symbol.name() == Ok(name)).unwrap();
        let target = symbol("target");
        built.address = target.address() + target.size() - 2;
        built
    }

    fn run(self, command: &str) -> Self {
        run(command, self.dir.path());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn names(&self, files: &dyn Files<'static>) -> Vec<Name> {
        let bytes: &'static [u8] = self.read("program").leak();
        let elf = Elf::parse(bytes).unwrap();
        names_of(files, &elf, self.address)
    }
}

/// What an address of a program at `/usr/bin/program` is.
fn names_of<'data>(files: &dyn Files<'data>, elf: &Elf<'data>, svma: u64) -> Vec<Name> {
    let path = "/usr/bin/program";
    let debug_file = debug_files::find(elf, path, files);
    let module = NamedModule { elf, debug_file: debug_file.as_ref(), go_table: None, path };
    resolve(module, files, &[Wanted { svma, needs_size: false }]).remove(0)
}

fn function(names: &[Name]) -> &str {
    names.last().and_then(|name| name.function.as_deref()).unwrap_or("???")
}

#[test]
fn lines_and_inlined_calls_come_from_dwarf_in_every_packing() {
    for options in ["-g -O2", "-gdwarf-4 -O2", "-g -O2 -gz=zlib"] {
        let built = Built::new(options);
        let bytes: &'static [u8] = built.read("program").leak();
        let elf = Elf::parse(bytes).unwrap();
        // Somewhere in the function is the inlined one.
        let target = elf.file.symbols().find(|symbol| symbol.name() == Ok("target")).unwrap();
        let inlined = (target.address()..built.address)
            .map(|svma| names_of(&NoFiles, &elf, svma))
            .find(|names| names.len() == 2)
            .unwrap_or_else(|| panic!("no inlined call with {options}"));
        assert_eq!(
            inlined,
            [
                Name {
                    function: Some("inlined()".to_owned()),
                    location: Some(("program.c".to_owned(), 5)),
                    inlined: true
                },
                Name {
                    function: Some("target()".to_owned()),
                    location: Some(("program.c".to_owned(), 9)),
                    inlined: false
                },
            ],
            "{options}"
        );
    }
}

#[test]
fn symbols_do_where_there_is_no_dwarf() {
    assert_eq!(function(&Built::new("-O2").names(&NoFiles)), "target()");
    let stripped = Built::new("-O2").run("strip program");
    assert_eq!(function(&stripped.names(&NoFiles)), "???");
    let exported = Built::new("-O2 -rdynamic").run("strip program");
    assert_eq!(function(&exported.names(&NoFiles)), "target()");
}

#[test]
fn a_symbol_without_a_size_ends_where_the_next_function_begins() {
    let source = ".text\nunsized: nop\nnop\n.type sized, @function\nsized: nop\nnop\n.size sized, . - sized\nnop\nnop\n";
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("code.S"), source).unwrap();
    run("cc -shared -nostdlib -o code.so code.S", dir.path());
    let bytes: &'static [u8] = fs::read(dir.path().join("code.so")).unwrap().leak();
    let elf = Elf::parse(bytes).unwrap();
    let start = elf.file.symbols().find(|symbol| symbol.name() == Ok("unsized")).unwrap().address();
    let found: Vec<_> =
        (start..start + 6).map(|svma| function(&names_of(&NoFiles, &elf, svma)).to_owned()).collect();
    assert_eq!(found, ["unsized()", "unsized()", "sized()", "sized()", "???", "???"]);
}

#[test]
fn separate_debug_files_are_taken_if_they_are_the_right_ones() {
    const SPLIT: &str = "objcopy --only-keep-debug program program.debug; \
                         strip program; objcopy --add-gnu-debuglink=program.debug program";
    for (options, by_link) in [("-g -O2 -Wl,--build-id", false), ("-g -O2 -Wl,--build-id=none", true)] {
        let built = Built::new(options).run(SPLIT);
        let bytes: &'static [u8] = built.read("program.debug").leak();
        let names = built.names(&DebugFile { bytes, by_link });
        assert_eq!(function(&names), "target()", "{options}");
        assert!(names.last().unwrap().location.is_some());
        // Another program's.
        let other = Built::new(&format!("{options} -DOTHER -fno-inline")).run(SPLIT);
        let mut bytes = other.read("program.debug");
        bytes.push(0);
        let names = built.names(&DebugFile { bytes: bytes.leak(), by_link });
        assert_eq!(function(&names), "???", "{options}");
    }
}

#[test]
fn mini_debug_information_is_unpacked() {
    let built = Built::new("-O2").run(
        "objcopy --only-keep-debug program mini; objcopy -S --remove-section .comment --keep-symbol=target mini mini2; \
         xz -k mini; strip program; objcopy --add-section .gnu_debugdata=mini.xz program",
    );
    assert_eq!(function(&built.names(&NoFiles)), "target()");
    // Noise instead of xz.
    let damaged = Built::new("-O2")
        .run("strip program; echo noise >noise; objcopy --add-section .gnu_debugdata=noise program");
    assert_eq!(function(&damaged.names(&NoFiles)), "???");
}

#[test]
fn stubs_of_the_plt_are_named() {
    for options in ["-O2 -fcf-protection=full -Wl,-z,ibtplt", "-O2 -fcf-protection=none", "-O2 -Wl,-z,now"] {
        let built = Built::new(options);
        let bytes: &'static [u8] = built.read("program").leak();
        let elf = Elf::parse(bytes).unwrap();
        let found = [".plt.sec", ".plt", ".plt.got"].into_iter().filter_map(|name| elf.section(name)).any(
            |(start, bytes)| {
                (start..start + bytes.len() as u64)
                    .any(|svma| function(&names_of(&NoFiles, &elf, svma)) == "puts@plt()")
            },
        );
        assert!(found, "{options}");
    }
}

#[test]
fn damage_gives_fewer_names_and_nothing_else() {
    let built = Built::new("-g -O2");
    let whole = built.read("program");
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            let place = next() % bytes.len();
            bytes[place] = next() as u8;
        }
        bytes.truncate(whole.len() - next() % 4000);
        let Ok(elf) = Elf::parse(&bytes) else { continue };
        assert!(!names_of(&NoFiles, &elf, built.address).is_empty());
    }
}
