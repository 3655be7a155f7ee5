//! A preview shows the record before anybody agrees to it, and leaves nothing behind.

use serde_json::Value;
use telemetry_record::header::Header;
use test_harness::Sandbox;

#[test]
fn all_headers_are_shown_before_opting_in() {
    let instance = Sandbox::bare("server=http://me:secret@example.org/\n");
    let said = instance.say(&["preview"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let (_, record) = said.out.split_once("\n\n").unwrap();
    let lines: Vec<_> = record.lines().take(16).collect();
    for (header, line) in Header::ALL.iter().zip(&lines) {
        assert!(line.starts_with(&format!("{}: ", header.name())), "{line}");
    }
    assert_eq!((lines[1], lines[15]), ("classification: org.clearlinux/hello/world", "hello"));
    for part in ["renewed every 3 days", "example.org/, with the header X-Telemetry-TID: ", "not opted in"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(!said.out.contains("secret"));
    assert_eq!(std::fs::read_dir(instance.path("")).unwrap().count(), 1);
}

#[test]
fn programs_get_an_object() {
    let instance = Sandbox::bare("record_server_delivery_enabled=false\n");
    instance.opt_in();
    instance.write("etc/opt-in-static-machine-id", "my-machine\n");
    let said = instance.say(&["preview", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let preview: Value = serde_json::from_str(&said.out).unwrap();
    let headers = preview["headers"].as_object().unwrap();
    assert_eq!(headers.len(), 15);
    assert_eq!(headers["severity"], "1");
    assert_eq!(
        (&headers["machine_id"], &preview["machine_id_kind"]),
        (&"my-machine".into(), &"static".into())
    );
    assert_eq!((&preview["payload"], &preview["opted_in"]), (&"hello\n".into(), &true.into()));
    assert_eq!(preview["delivery_enabled"], false);
    let text = instance.say(&["preview"]);
    assert!(text.out.contains("It goes nowhere: record_server_delivery_enabled=false."), "{}", text.out);
    assert!(text.out.contains("machine_id: my-machine\n"), "{}", text.out);
}
