use super::*;
use crate::spool::batch::{BATCH_MARK, FRAME_MARK};
use proptest::prelude::*;
use telemetry_record::header::Header;

fn message(payload: &str, config: Option<&str>) -> Message {
    Message {
        config: config.map(PathBuf::from),
        headers: HeaderBlock::from_values(Header::ALL.map(Header::name)),
        payload: payload.to_owned(),
    }
}

fn id(n: u8) -> HexId {
    HexId::from_bytes([n; 16])
}

fn decode_as(name: &str, bytes: &[u8]) -> Decoded {
    decode(OsStr::new(name), bytes)
}

#[test]
fn the_single_form_is_that_of_the_contract() {
    let plain = message("hello\n", None);
    let lines = plain.headers.as_str().to_owned();
    assert_eq!(encode_single(&plain), format!("{lines}hello\n\n").into_bytes());
    let with_config = message("hello", Some("/etc/t.conf"));
    assert_eq!(encode_single(&with_config), format!("CFG:/etc/t.conf\n{lines}hello\n").into_bytes());
    for message in [plain, with_config, message("", None)] {
        let decoded = decode_as("aB3xY9", &encode_single(&message));
        assert_eq!((decoded.records[0].message.clone(), decoded.damage), (message, None));
    }
}

#[test]
fn ids_come_from_our_names_and_from_foreign_content() {
    let bytes = encode_single(&message("x", None));
    let id_of = |name, bytes: &[u8]| decode_as(name, bytes).records[0].id;
    assert_eq!(
        id_of("0de9de8d5f3c6a7d445d75ba01cc3322", &bytes).to_string(),
        "0de9de8d5f3c6a7d445d75ba01cc3322"
    );
    assert_eq!(
        id_of("0de9de8d5f3c6a7d445d75ba01cc3322.1000", &bytes).to_string(),
        "0de9de8d5f3c6a7d445d75ba01cc3322"
    );
    assert_eq!(id_of("aB3xY9", &bytes), id_of("aB3xY9", &bytes));
    assert_ne!(id_of("aB3xY9", &bytes), id_of("aB3xYA", &bytes));
    assert_ne!(id_of("aB3xY9", &bytes), id_of("aB3xY9", &encode_single(&message("y", None))));
}

#[test]
fn a_batch_gives_its_records_with_their_ids() {
    let (a, b) = (message("a", None), message("b\n#record x\n", Some("/c")));
    let bytes = encode_batch([(id(1), &a), (id(2), &b)]);
    let decoded = decode_as("any", &bytes);
    assert_eq!(decoded.damage, None);
    let expected = [(id(1), a), (id(2), b)].map(|(id, message)| StoredRecord { id, sender: None, message });
    assert_eq!(decoded.records, expected);
}

#[test]
fn damage_costs_only_what_it_hit() {
    let records = [message("first", None), message("second", None), message("third", None)];
    let bytes = encode_batch((1..).map(id).zip(&records));
    let at = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text).unwrap();

    let mut flipped = bytes.clone();
    flipped[at(b"second")] = b'S';
    let decoded = decode_as("x", &flipped);
    assert_eq!(decoded.damage, Some(Damage::Checksum { number: 2 }));
    assert_eq!(decoded.records.iter().map(|r| r.id).collect::<Vec<_>>(), [id(1), id(3)]);

    let decoded = decode_as("x", &bytes[..at(b"third")]);
    assert_eq!(decoded.damage, Some(Damage::Frame { number: 3 }));
    assert_eq!(decoded.records.len(), 2);

    let mut zeroed = bytes.clone();
    let from = at(b"second");
    zeroed[from..].fill(0);
    let decoded = decode_as("x", &zeroed);
    assert!(decoded.damage.is_some());
    assert_eq!(decoded.records.len(), 1);

    assert_eq!(decode_as("x", b"").damage, Some(Damage::Empty));
    assert_eq!(decode_as("x", BATCH_MARK).damage, Some(Damage::Empty));
    assert!(matches!(decode_as("x", &[0; 900]).damage, Some(Damage::Headers(_))));
    assert!(matches!(decode_as("x", b"CFG:/only").damage, Some(Damage::Headers(_))));
}

#[test]
fn a_batch_without_end_is_bounded() {
    let record = message("x", None);
    let bytes = encode_batch((0..100).map(|n| (id(n), &record)));
    let decoded = decode_as("x", &bytes);
    assert_eq!((decoded.records.len(), decoded.damage), (RECORDS_PER_FILE, Some(Damage::TooMany)));
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), batch in any::<bool>()) {
        if batch {
            bytes.splice(..0, [BATCH_MARK, FRAME_MARK.as_bytes()].concat());
        }
        let _ = decode(OsStr::new("x"), &bytes);
    }

    #[test]
    fn cutting_a_batch_anywhere_never_changes_a_record(cut in 0_usize..4000) {
        let records = [message("first", None), message("second\n\n", Some("/c")), message("", None)];
        let bytes = encode_batch((1..).map(id).zip(&records));
        let cut = cut.min(bytes.len());
        let decoded = decode(OsStr::new("x"), &bytes[..cut]);
        if cut >= BATCH_MARK.len() {
            for (found, expected) in decoded.records.iter().zip(&records) {
                prop_assert_eq!(&found.message, expected);
            }
            prop_assert!(cut == bytes.len() || decoded.records.len() < 3);
        }
    }
}
