//! Real names of all languages with their normal forms, in `golden.txt`: a name and its form a line, parted by a tab.

use super::function;
use crate::groups::limits::TOKEN_BYTES;
use proptest::prelude::*;

fn table() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("golden.txt").lines().filter(|line| !line.starts_with("# "));
    lines.map(|line| line.split_once('\t').unwrap()).collect()
}

#[test]
fn every_name_has_its_normal_form() {
    let wrong: Vec<_> = table()
        .into_iter()
        .filter(|(name, form)| function(name) != *form)
        .map(|(name, form)| format!("{name}\n  is  {}\n  not {form}", function(name)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table().len() >= 200, "{} names", table().len());
}

#[test]
fn a_normal_form_is_its_own() {
    for (name, form) in table() {
        assert_eq!(function(form), form, "{name}");
    }
}

proptest! {
    #[test]
    fn any_name_has_a_form(name in any::<String>()) {
        let form = function(&name);
        prop_assert!(form.len() <= TOKEN_BYTES);
        prop_assert_eq!(form.is_empty(), name.trim().is_empty());
        prop_assert!(!form.contains('\n'));
    }

    #[test]
    fn any_brackets_have_a_form(name in r"([a-z:<>(){}\[\]' $_&*.0-9-]|operator| as |impl |<T>|::|\(anonymous namespace\)){0,80}") {
        prop_assert!(function(&name).len() <= TOKEN_BYTES);
    }

    #[test]
    fn suffixes_and_arguments_make_no_difference(name in "[a-z_]{1,12}(::[a-z_]{1,12}){0,3}", number in 0_u32..99) {
        let form = function(&name);
        for changed in [
            format!("{name}(int, A<b>)"),
            format!("{name}.isra.{number}"),
            format!("{name}.part.{number}.cold"),
            format!("{name}@@GLIBC_2.{number}"),
            format!("{name}() const"),
            format!("void {name}(char (*)[{number}])"),
        ] {
            prop_assert_eq!(function(&changed), form.clone(), "{}", changed);
        }
    }
}

#[test]
fn no_name_takes_time_by_the_square() {
    use crate::groups::limits::FUNCTION_BYTES;
    // Each of these was, or could be, read again for each of its characters: a billion steps a payload.
    for unit in [
        "[",
        "<",
        "(",
        "{",
        "'",
        " ",
        "operator<",
        "<a as ",
        "[a",
        "::<",
        "]",
        "$_",
        "f<(",
        "{lambda(",
        "operator ",
        "a b",
    ] {
        let name = unit.repeat(FUNCTION_BYTES / unit.len());
        let closed = format!("{name}{}", ">)}]".repeat(100));
        let begin = std::time::Instant::now();
        for _ in 0..4 {
            assert!(function(&name).len() <= TOKEN_BYTES && function(&closed).len() <= TOKEN_BYTES);
        }
        // For whoever reads the output: a test asserts on no time.
        println!("{unit:?}: {:?}", begin.elapsed() / 8);
    }
}
