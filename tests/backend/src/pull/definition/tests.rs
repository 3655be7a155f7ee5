use super::*;

const FINGERPRINT: &str = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";

fn one(keys: &str) -> Result<Definition, String> {
    let all = definitions(&format!("[pull m]\n{keys}\n")).map_err(|fault| fault.to_string())?;
    assert_eq!(all.len(), 1);
    Ok(all.into_iter().next().unwrap())
}

#[test]
fn a_section_is_a_machine() {
    let text = format!(
        "[settings]\nlisten=x\n[pull db]\nurl=https://db:9\nfingerprint={FINGERPRINT}\n\
         [pull web{{01..03}}]\nurl = https://web{{}}.example.org:9899\nca = /etc/{{}}.pem\ninterval = 60\ngroup = web\nid = abc{{}}\n"
    );
    let all = definitions(&text).unwrap();
    let names: Vec<_> = all.iter().map(|definition| definition.name.as_str()).collect();
    assert_eq!(names, ["db", "web01", "web02", "web03"]);
    let [db, .., last] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((db.interval_secs, &db.question, db.line), (300, &Question::Json(None), 3));
    assert_eq!(db.known_by, KnownBy::Fingerprint(FINGERPRINT.parse().unwrap()));
    assert_eq!(last.url.to_string(), "https://web03.example.org:9899");
    assert_eq!(last.known_by, KnownBy::Authorities("/etc/03.pem".into()));
    assert_eq!((last.interval_secs, last.group.as_deref()), (60, Some("web")));
    assert_eq!(
        (db.machine(), last.machine()),
        (MachineKey::Pulled("db".into()), MachineKey::Id("abc03".into()))
    );
    assert_eq!(definitions("[pullover]\nx=1\n"), Ok(vec![]));
}

#[test]
fn soap_is_asked_by_somebody_of_somebody() {
    let soap =
        |keys: &str| one(&format!("kind=soap\nurl=http://127.0.0.1:9\n{keys}")).map(|one| one.question);
    let Ok(Question::Soap(node)) = soap("client=L/O/1\nserver=L/O/2/node-1") else { panic!() };
    assert_eq!((node.client.to_string(), node.owner.to_string()), ("MEMBER:L/O/1".into(), "L/O/2".into()));
    assert_eq!(node.server.unwrap().to_string(), "SERVER:L/O/2/node-1");
    for service in ["L/O/2", "L/O/2/getSecurityServerMetrics"] {
        let Ok(Question::Soap(one)) = soap(&format!("client=L/O/1/MON\nservice={service}")) else { panic!() };
        assert_eq!(
            (one.client.to_string(), one.owner.to_string(), one.server),
            ("SUBSYSTEM:L/O/1/MON".into(), "L/O/2".into(), None)
        );
    }
    assert!(soap("server=L/O/2/x").unwrap_err().contains("client=INSTANCE/CLASS/CODE is missing"));
    assert!(soap("client=L/O/1").unwrap_err().contains("server=INSTANCE/CLASS/CODE/SERVER is missing"));
    assert!(soap("client=L/O/1\nservice=L/O/3\nserver=L/O/2/x").unwrap_err().contains("different owners"));
    assert!(one_error("server=L/O\nkind=soap").contains("line 4: server=\"L/O\": must be"));
    assert!(one_error("client=L/O/1").contains("kind=soap"));
    let Ok(Question::Json(Some(server))) =
        one(&format!("url=https://x\nfingerprint={FINGERPRINT}\nserver=L/O/2/x")).map(|one| one.question)
    else {
        panic!()
    };
    assert_eq!(server.code, "x");
}

fn one_error(keys: &str) -> String {
    one(&format!("url=https://x\nfingerprint={FINGERPRINT}\n{keys}")).unwrap_err()
}

#[test]
fn what_is_wrong_has_its_line_and_a_remedy() {
    for (keys, expected) in [
        ("", "line 1: [pull m]: url=https://HOST:PORT is missing"),
        ("url=https://x", "line 1: [pull m]: fingerprint= is missing"),
        ("url=http://web", "line 2: url=\"http://web\": http:// is for this machine alone"),
        ("url=web", "line 2: url=\"web\": must be https://HOST:PORT"),
        ("url=http://127.0.0.1\nca=/x", "line 1: [pull m]: fingerprint= and ca= are for https://"),
        (
            "url=https://x\nfingerprint=12",
            "line 3: fingerprint=\"12\": a fingerprint is 64 hexadecimal digits",
        ),
        ("url=https://x\nca=x.pem", "line 3: ca=\"x.pem\": must be an absolute path"),
        (
            "url=https://x\nfingerprnt=",
            "line 3: fingerprnt: [pull] has no such key; did you mean fingerprint?",
        ),
        ("url=https://x\nurl=https://y", "line 3: url: it is there already, in line 2"),
        ("url=https://x{}", "line 2: url: {} stands for a range in the name"),
    ] {
        let error = one(keys).unwrap_err();
        assert!(error.contains(expected), "{keys}: {error}");
    }
    for (keys, expected) in [
        ("interval=5", "interval=\"5\": must be a number of seconds from 10 to 86400"),
        ("interval=1m", "interval=\"1m\": must be"),
        ("kind=xml", "kind=\"xml\": must be json or soap"),
        ("id=a b", "id=\"a b\": must be the static machine id"),
        ("group=\u{7}", "must be at most 64 bytes of text"),
        ("ca=/x", "not both"),
    ] {
        let error = one_error(keys);
        assert!(error.contains(expected), "{keys}: {error}");
    }
    for (text, expected) in [
        ("[pull a b]", "line 1: [pull a b]: a name is 1 to 64"),
        ("[pull]", "line 1: [pull ]: a name is"),
        ("[pull a{1..2]", "a name has one range at most"),
        ("[pull a]\nurl", "line 2: must be KEY=VALUE"),
    ] {
        let error = definitions(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn two_machines_with_one_id_are_an_error() {
    let section = |name: &str, id: &str| {
        format!("[pull {name}]\nurl=https://host\nfingerprint={FINGERPRINT}\nid={id}\n")
    };
    let fault = definitions(&(section("a", "same") + &section("b", "same"))).unwrap_err().to_string();
    assert_eq!(fault, "line 5: [pull b]: another [pull], in line 1, has id=same too; two machines have two");
    let fault = definitions(&section("x{1..2}", "same")).unwrap_err().to_string();
    assert_eq!(fault, "line 1: [pull x2]: another [pull], in line 1, has id=same too; two machines have two");
    assert_eq!(definitions(&(section("x{1..2}", "id{}") + &section("b", "other"))).unwrap().len(), 3);
}

#[test]
fn of_ten_thousand_machines_the_one_wrong_line_is_named() {
    let mut text = String::new();
    for number in 0..10_000 {
        let key = if number == 7_777 { "intervall" } else { "interval" };
        text += &format!("[pull m{number}]\nurl=https://m{number}:9\nfingerprint={FINGERPRINT}\n{key}=60\n");
    }
    let fault = definitions(&text).unwrap_err();
    assert_eq!(fault.line, 7_777 * 4 + 4);
    assert!(fault.what.contains("did you mean interval?"), "{fault}");
    let right = text.replace("intervall", "interval");
    assert_eq!(definitions(&right).unwrap().len(), 10_000);
    let twice = format!("{right}[pull m5]\nurl=https://m5:9\nfingerprint={FINGERPRINT}\n");
    let fault = definitions(&twice).unwrap_err();
    assert_eq!(fault.to_string(), "line 40001: [pull m5] is there already, in line 21; give it another name");
    let range = format!("[pull x{{0..9999}}]\nurl=https://x{{}}\nfingerprint={FINGERPRINT}\n");
    let more = format!("{right}{range}[pull y]\nurl=https://y\nfingerprint={FINGERPRINT}\n");
    let fault = definitions(&more).unwrap_err().to_string();
    assert!(fault.contains("line 40004: more than 20000 machines; let another collector ask"), "{fault}");
}
