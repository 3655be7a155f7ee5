//! Real debug files of real compilers, and what a stranger makes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// `boom` is called by `middle`, which is put into `outer`.
const SOURCE: &str = "volatile int *where;
static int boom(int n) __attribute__((noinline));
static int boom(int n) { where[n] = 1; return n; }
static inline __attribute__((always_inline)) int middle(int n) { return boom(n) + 1; }
int outer(int n) __attribute__((noinline));
int outer(int n) { return middle(n) + 2; }
int alias(int n) __attribute__((alias(\"outer\")));
int main(int argc, char **argv) { (void) argv; return outer(argc); }
";

/// Without a package.
fn read(
    own: &[u8],
    supplement: Option<&[u8]>,
    build_id: &str,
    addresses: &[u64],
    is_last: bool,
) -> Result<Answer, String> {
    super::read(DebugFiles { own, supplement, package: None, units: &[] }, build_id, addresses, is_last)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn compile(directory: &Path, source: &str, options: &[&str]) -> PathBuf {
    let (from, to) = (directory.join("a.c"), directory.join("a.out"));
    fs::write(&from, source).unwrap();
    run(Command::new("gcc").args(["-g", "-O1", "-Wl,--build-id"]).args(options).arg("-o").args([&to, &from]));
    to
}

fn debug_file(program: &Path, options: &[&str]) -> PathBuf {
    let to = program.with_extension("debug");
    run(Command::new("objcopy").arg("--only-keep-debug").args(options).args([program, &to]));
    to
}

fn build_id(bytes: &[u8]) -> String {
    hex(File::parse(bytes).unwrap().build_id().unwrap().unwrap())
}

/// The address of the call in `outer`, which objdump knows by its other name.
fn call_in(program: &Path) -> u64 {
    let output = Command::new("objdump").arg("-d").arg("--disassemble=alias").arg(program).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let line = text.lines().find(|line| line.contains("call")).unwrap();
    u64::from_str_radix(line.trim().split(':').next().unwrap(), 16).unwrap()
}

fn shown(answer: Result<Answer, String>) -> Vec<String> {
    let Ok(Answer::Names(names, _)) = answer else { panic!("{answer:?}") };
    let one = |at: &FunctionAt| format!("{} {}", at.function, at.location.as_deref().unwrap_or("-"));
    names.iter().map(|(_, functions)| functions.iter().map(one).collect::<Vec<_>>().join(" < ")).collect()
}

#[test]
fn functions_inlined_calls_and_lines() {
    let directory = tempfile::tempdir().unwrap();
    for (name, compiler, copier) in [
        ("plain", &[][..], &[][..]),
        ("dwarf4", &["-gdwarf-4"][..], &[][..]),
        ("zlib", &[][..], &["--compress-debug-sections=zlib"][..]),
        ("old zlib", &[][..], &["--compress-debug-sections=zlib-gnu"][..]),
    ] {
        let program = compile(directory.path(), SOURCE, compiler);
        let bytes = fs::read(debug_file(&program, copier)).unwrap();
        let id = build_id(&bytes);
        let address = call_in(&program);
        let found = shown(read(&bytes, None, &id, &[address, 1], false));
        assert_eq!(found, ["middle a.c:4 < outer a.c:6", ""], "{name}");
    }
}

#[test]
fn a_symbol_table_is_enough_for_names() {
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path(), SOURCE, &[]);
    let address = call_in(&program);
    let bare = directory.path().join("bare");
    run(Command::new("objcopy").arg("--strip-debug").args([&program, &bare]));
    let bytes = fs::read(bare).unwrap();
    let found = shown(read(&bytes, None, &build_id(&bytes), &[address], false));
    assert_eq!(found, ["alias -"], "of two names of one place the shorter");
}

#[test]
fn only_the_build_id_that_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path(), SOURCE, &[]);
    let bytes = fs::read(debug_file(&program, &[])).unwrap();
    let id = build_id(&bytes);
    let refused = |bytes: &[u8], id: &str| read(bytes, None, id, &[1], false).unwrap_err();
    assert!(refused(&bytes, "0011223344").contains(&id));
    assert!(refused(&bytes, &id[..16]).contains("its build-id is"));
    let without = fs::read(compile(directory.path(), SOURCE, &["-Wl,--build-id=none"])).unwrap();
    assert_eq!(refused(&without, &id), "it has no build-id");
    for text in ["", "<html>404</html>", "\u{7f}ELF"] {
        assert!(refused(text.as_bytes(), &id).contains("no ELF file"), "{text}");
    }
}

/// What two programs share is in a third file.
#[test]
fn what_files_share_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let text: String =
        (0..60).map(|n| format!("struct shared{n} {{ int a{n}; long b{n}; }} s{n};\n")).collect();
    for name in ["one", "two"] {
        let at = directory.path().join(name);
        fs::create_dir(&at).unwrap();
        let program = compile(&at, &format!("{text}{SOURCE}"), &["-gdwarf-4"]);
        files.push((debug_file(&program, &[]), call_in(&program)));
    }
    let shared = directory.path().join("shared.debug");
    run(Command::new("dwz").arg("-m").arg(&shared).args(files.iter().map(|(file, _)| file)));
    let shared = fs::read(shared).unwrap();
    for (file, address) in files {
        let bytes = fs::read(file).unwrap();
        let id = build_id(&bytes);
        let first = read(&bytes, None, &id, &[address], false);
        let Ok(Answer::Needs(needed)) = first else { panic!("{first:?}") };
        assert_eq!(needed.build_id, build_id(&shared));
        assert!(needed.path.ends_with("shared.debug"), "{needed:?}");
        let found = shown(read(&bytes, Some(&shared), &id, &[address], true));
        assert_eq!(found, ["middle a.c:64 < outer a.c:66"]);
        // Without it the symbol table has one name for the place.
        assert_eq!(shown(read(&bytes, None, &id, &[address], true)), ["alias -"]);
        assert!(read(&bytes, Some(&bytes), &id, &[address], true).unwrap_err().contains("its build-id is"));
    }
}

/// A section that says that it is large, and one that is.
#[test]
fn compressed_sections_are_bounded_before_they_are_unpacked() {
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path(), SOURCE, &[]);
    let address = call_in(&program);
    let zeros = directory.path().join("zeros");
    fs::File::create(&zeros).unwrap().set_len(UNPACKED_BYTES + 1).unwrap();
    let file = directory.path().join("bomb.debug");
    let add = format!(".debug_macro={}", zeros.display());
    run(Command::new("objcopy")
        .arg("--only-keep-debug")
        .args(["--add-section", &add])
        .args([&program, &file]));
    run(Command::new("objcopy").arg("--compress-debug-sections=zlib").arg(&file));
    let bytes = fs::read(file).unwrap();
    assert!(bytes.len() < 2 * 1024 * 1024, "{}", bytes.len());
    assert_eq!(shown(read(&bytes, None, &build_id(&bytes), &[address], false)), ["alias -"]);
}

/// Files of which anything was changed: whatever comes of them, it comes. An overflow, which a debug build finds in what reads
/// DWARF, ends the process that this runs in, and is one of the ends.
#[test]
fn damaged_files_come_to_an_end() {
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path(), SOURCE, &["-nostdlib", "-ffreestanding", "-Wl,-e,main"]);
    let address = call_in(&program);
    let bytes = fs::read(debug_file(&program, &[])).unwrap();
    let id = build_id(&bytes);
    let addresses = [address, 0, u64::MAX];
    let (mut state, mut answered) = (1_u64, 0);
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for round in 0..3000 {
        let mut bytes = bytes.clone();
        for _ in 0..=random(3) {
            let (at, value) = (random(bytes.len()), [0, 0xff, 0x7f, 0x80, random(256)][random(5)]);
            bytes[at] = u8::try_from(value).unwrap();
        }
        if round % 7 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        let answer = std::panic::catch_unwind(|| read(&bytes, None, &id, &addresses, false));
        answered += u32::from(matches!(answer, Ok(Ok(_))));
    }
    assert!(answered > 1000, "{answered}");
}

#[test]
fn names_are_bounded_and_on_one_line() {
    assert_eq!(bounded("a\nb\u{1b}[31m", 100), "a\u{fffd}b\u{fffd}[31m");
    assert_eq!(bounded("ää", 3), "ä");
    let directory = tempfile::tempdir().unwrap();
    let name = "f".repeat(FUNCTION_BYTES * 2);
    let source = format!(
        "int {name}(int n) __attribute__((noinline)); int g(int n); int {name}(int n) {{ return g(n) + 1; }} int g(int n) {{ return n; }} int main(int c, char **v) {{ (void) v; return {name}(c); }}"
    );
    let program = compile(directory.path(), &source, &["-O0"]);
    let bytes = fs::read(debug_file(&program, &[])).unwrap();
    let file = File::parse(bytes.as_slice()).unwrap();
    let start = object::Object::symbols(&file).find(|symbol| object::ObjectSymbol::name(symbol) == Ok(&name));
    let start = object::ObjectSymbol::address(&start.unwrap());
    let addresses: Vec<u64> = (0..16).map(|n| start + n).collect();
    let Ok(Answer::Names(found, _)) = read(&bytes, None, &build_id(&bytes), &addresses, false) else {
        panic!()
    };
    assert!(found.iter().all(|(_, functions)| functions[0].function.len() == FUNCTION_BYTES));
    // Many addresses of long names are answered in parts.
    let many: Vec<u64> = std::iter::repeat_n(start, 4096).collect();
    let Ok(Answer::Names(found, _)) = read(&bytes, None, &build_id(&bytes), &many, false) else { panic!() };
    assert!((100..4096).contains(&found.len()), "{}", found.len());
}

/// With its package split DWARF says what plain DWARF does; without one, and with another program's, the symbol table is left.
#[test]
fn split_dwarf_is_in_a_package() {
    let directory = tempfile::tempdir().unwrap();
    // What binutils packs.
    let program = compile(directory.path(), SOURCE, &["-gsplit-dwarf", "-gdwarf-4"]);
    let packed = directory.path().join("a.dwp");
    run(Command::new("dwp").arg("-e").arg(&program).arg("-o").arg(&packed).current_dir(directory.path()));
    let package = fs::read(packed).unwrap();
    let bytes = fs::read(debug_file(&program, &[])).unwrap();
    let (id, address) = (build_id(&bytes), call_in(&program));
    let with = |package: Option<&[u8]>| {
        let files = DebugFiles { own: &bytes, supplement: None, package, units: &[] };
        shown(super::read(files, &id, &[address], false))
    };
    assert_eq!(with(Some(&package)), ["middle a.c:4 < outer a.c:6"]);
    let bare = with(None);
    assert!(bare[0].starts_with("alias") || bare[0].starts_with("outer"), "{bare:?}");
    assert_eq!(with(Some(&bytes)), bare, "no package at all");
    // What a stranger makes of it comes to an end.
    for at in (0..package.len()).step_by(package.len() / 100 + 1) {
        let mut damaged = package.clone();
        damaged[at] ^= 0xff;
        with(Some(&damaged));
        with(Some(&package[..at]));
    }
}

/// Without a package its single files are asked for, and each is used for the unit of its id alone.
#[test]
fn split_dwarf_is_in_single_files() {
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let directory = tempfile::tempdir().unwrap();
        let unit = |name: &str, source: &str| {
            let at = directory.path().join(name);
            fs::create_dir(&at).unwrap();
            let program = compile(&at, source, &["-gsplit-dwarf", version]);
            let bytes = fs::read(debug_file(&program, &[])).unwrap();
            let (id, address) = (build_id(&bytes), call_in(&program));
            let files = DebugFiles { own: &bytes, supplement: None, package: None, units: &[] };
            let Ok(Answer::Names(_, missed)) = super::read(files, &id, &[address, address], false) else {
                panic!("{version}")
            };
            let [missed] = &missed[..] else { panic!("{version}: {missed:?}") };
            let file = fs::read(Path::new(&missed.directory).join(&missed.path)).unwrap();
            (bytes, id, address, file)
        };
        let (bytes, id, address, own) = unit("own", SOURCE);
        // The same lines, another program.
        let (.., other) = unit("other", &SOURCE.replace("= 1;", "= 2;").replace("+ 2", "+ n"));
        let with = |units: &[&[u8]]| {
            let files = DebugFiles { own: &bytes, supplement: None, package: None, units };
            shown(super::read(files, &id, &[address], false))
        };
        let bare = with(&[]);
        let named = ["middle a.c:4 < outer a.c:6"];
        assert_ne!(bare, named, "{version}");
        assert_eq!(with(&[&own]), named, "{version}");
        assert_eq!(with(&[&other, &own]), named, "{version}");
        for units in [&[other.as_slice()][..], &[&bytes], &[b"", b"\x7fELF"]] {
            assert_eq!(with(units), bare, "{version}: another unit, no unit");
        }
        for at in (0..own.len()).step_by(own.len() / 100 + 1) {
            let mut damaged = own.clone();
            damaged[at] ^= 0xff;
            with(&[&damaged]);
            with(&[&own[..at]]);
        }
    }
}
