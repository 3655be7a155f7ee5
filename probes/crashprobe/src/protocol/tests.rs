use super::*;
use proptest::prelude::*;
use telemetry_crash::package::Package;

fn messages() -> Vec<Message> {
    let mapped = |path: &str| Message::OpenMapped { start: 0x1000, end: u64::MAX, path: path.to_owned() };
    let report = |executable: Option<&str>, text: String| {
        let program = executable.map(str::to_owned);
        let package = Package::new("x", "1:2.0-1");
        let subjects = [program.clone().map(|path| Subject { path, package }), None];
        Message::Report(Report { failed: true, is_third_party: false, program, subjects, text })
    };
    vec![
        mapped("/usr/lib/libc.so.6"),
        mapped(&format!("/{}", "x".repeat(PATH_BYTES - 1))),
        Message::OpenDebugBuildId(BuildId::new(&[7; 64]).unwrap()),
        Message::OpenDebugLink { module_path: "/bin/x".to_owned(), name: "x".repeat(NAME_BYTES) },
        report(None, String::new()),
        report(Some(&"/x".repeat(PATH_BYTES / 2)), "x".repeat(PAYLOAD_BYTES)),
        Message::OtherProcess,
        Message::Done,
        Message::OpenSupplement("/usr/lib/debug/.dwz/x".to_owned()),
        Message::OpenDwarfPackage("/bin/x".to_owned()),
        Message::ThreadNames(vec![1, u32::MAX]),
        object("/bin/x", "", "x.dwo"),
        object("/bin/x", "/src", "../build/x.dwo"),
    ]
}

fn object(module_path: &str, directory: &str, name: &str) -> Message {
    Message::OpenDwarfObject {
        module_path: module_path.to_owned(),
        directory: directory.to_owned(),
        name: name.to_owned(),
    }
}

#[test]
fn messages_arrive_as_they_were_sent() {
    for message in messages() {
        assert_eq!(decode(&encode(&message).unwrap()), Ok(message));
    }
}

#[test]
fn no_part_of_a_message_and_no_more_than_it_is_taken() {
    for message in messages() {
        let bytes = encode(&message).unwrap();
        // A list of ids has no end of its own.
        let step = if matches!(message, Message::ThreadNames(_)) { 3 } else { 1 };
        for end in (0..bytes.len()).step_by(step).filter(|end| step == 1 || end % 4 != 1) {
            assert_eq!(decode(&bytes[..end]), Err(BrokenProtocol), "{message:?} {end}");
        }
        assert_eq!(decode(&[&bytes[..], &[0]].concat()), Err(BrokenProtocol), "{message:?}");
    }
}

#[test]
fn what_ours_never_asks_is_neither_sent_nor_taken() {
    let mapped = |start, end, path: &str| Message::OpenMapped { start, end, path: path.to_owned() };
    let link = |module_path: &str, name: &str| Message::OpenDebugLink {
        module_path: module_path.to_owned(),
        name: name.to_owned(),
    };
    let report = |executable: &str, text: &str| {
        let program = Some(executable.to_owned());
        let (subjects, text) = ([None, None], text.to_owned());
        Message::Report(Report { failed: false, is_third_party: true, program, subjects, text })
    };
    let long_path = format!("/{}", "x".repeat(PATH_BYTES));
    for message in [
        mapped(1, 1, "/x"),
        mapped(2, 1, "/x"),
        mapped(1, 2, "x"),
        mapped(1, 2, ""),
        mapped(1, 2, "/x\0"),
        mapped(1, 2, &long_path),
        mapped(1, 2, &"/".repeat(70_000)),
        link("/x", ""),
        link("/x", "."),
        link("/x", ".."),
        link("/x", "../y"),
        link("/x", "a\0"),
        link("/x", &"n".repeat(NAME_BYTES + 1)),
        link("x", "y"),
        report(&long_path, ""),
        report("/x", &"x".repeat(PAYLOAD_BYTES + 1)),
        report("/x", "a\0"),
        Message::ThreadNames(Vec::new()),
        Message::ThreadNames(vec![1; THREAD_NAMES + 1]),
        Message::OpenSupplement("x".to_owned()),
        Message::OpenDwarfPackage(String::new()),
        object("x", "/src", "y"),
        object("/x", "/src", ""),
        object("/x", &long_path, "y"),
        object("/x", "/src", "y\0"),
    ] {
        assert_eq!(encode(&message), None, "{message:?}");
    }
}

#[test]
fn answers_arrive() {
    assert_eq!(decode_answer(&encode_answer(None)), None);
    for found in [Found::Mapped, Found::ByPath, Found::ByPathYounger] {
        let file = Some((u64::MAX, found));
        assert_eq!(decode_answer(&encode_answer(file)), file);
    }
    for wrong in
        [&[][..], &[1], &[1; 8], &[1; 9], &[1; 11], &[2; 10], &[0; 10], &[1, 0, 0, 0, 0, 0, 0, 0, 0, 3]]
    {
        assert_eq!(decode_answer(wrong), None, "{wrong:?}");
    }
}

#[test]
fn names_arrive() {
    let names = ["", "main", "größer als Namen sind"].map(str::to_owned);
    let arrived = decode_names(&encode_names(&names));
    assert_eq!(arrived[..2], names[..2]);
    assert!(names[2].starts_with(&arrived[2]) && arrived[2].len() == THREAD_NAME_BYTES, "{arrived:?}");
    assert!(decode_names(&[9, b'x']).is_empty() && decode_names(&[]).is_empty());
}

proptest! {
    #[test]
    fn whatever_is_taken_could_have_been_sent(tag in 0_u8..12, rest in prop::collection::vec(any::<u8>(), 0..80)) {
        let datagram = [&[tag][..], &rest].concat();
        if let Ok(message) = decode(&datagram) {
            prop_assert_eq!(encode(&message), Some(datagram));
        }
    }
}
