use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> (Vec<Definition>, Vec<String>) {
    let (definitions, faults) = parse(&[File { name: "a.conf".to_owned(), text: text.to_owned() }]);
    (definitions, faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_definition_has_its_keys_and_defaults() {
    let (definitions, faults) = parsed(
        "# comment\n[disk-root]\nkind = disk\npath=/\nwarning=10:\ncritical=5:\n\n[mail]\nkind=plugin\n\
         command=/bin/true -w \"a b\"\ntimeout=20\ninterval=30\nattempts=1\nreminder=0\noutput=false\ngroup=g\ndepends=disk-root\n",
    );
    assert_eq!(faults, [""; 0]);
    let [disk, mail] = <[_; 2]>::try_from(definitions).unwrap();
    assert_eq!(disk.kind, Kind::Disk("/".into(), DiskMeasure::Space));
    assert_eq!(
        (disk.interval.as_secs(), disk.retry.as_secs(), disk.timeout.as_secs(), disk.attempts),
        (300, 60, 10, 3)
    );
    assert_eq!((disk.reminder.map(|time| time.as_secs()), disk.has_output), (Some(86_400), true));
    assert_eq!(mail.kind, Kind::Plugin(vec!["/bin/true".to_owned(), "-w".to_owned(), "a b".to_owned()]));
    assert_eq!((mail.retry.as_secs(), mail.reminder, mail.has_output), (30, None, false));
    assert_eq!((mail.group.as_deref(), mail.depends.as_slice()), (Some("g"), &["disk-root".to_owned()][..]));
}

#[test]
fn what_is_wrong_is_named_by_file_and_line_and_the_others_run() {
    for (text, fault) in [
        ("x=1\n", "a.conf:1: stands before the first [name]"),
        ("[Bad]\nkind=load\n", "a.conf:1: [Bad]: a name is 1 to 40 of a-z, 0-9 and -"),
        ("[b\nkind=load\n", "a.conf:1: []: a name is 1 to 40 of a-z, 0-9 and -"),
        ("[b]\n", "a.conf:1: [b]: kind= is missing"),
        ("[b]\nkind=magic\n", "a.conf:2: [b]: kind=magic is unknown"),
        ("[b]\nkind=load\npath=/\n", "a.conf:3: [b]: path= is unknown, or not of this kind"),
        ("[b]\nkind=load\nkind=swap\n", "a.conf:3: [b]: kind= is there twice"),
        ("[b]\nkind=load\nodd\n", "a.conf:3: [b]: is not key=value"),
        ("[b]\nkind=load\ninterval=9\n", "a.conf:3: [b]: interval=9: must be 10 to 86400"),
        ("[b]\nkind=load\nwarning=20:10\n", "a.conf:3: [b]: warning=20:10: its start is above its end"),
        ("[b]\nkind=disk\npath=/\nmeasure=x\n", "a.conf:4: [b]: measure=x: must be one of space, inodes"),
        ("[b]\nkind=disk\npath=a\n", "a.conf:3: [b]: path=a: must be absolute"),
        ("[b]\nkind=tcp\naddress=host\n", "a.conf:3: [b]: address=host: must be HOST:PORT"),
        (
            "[b]\nkind=http\nurl=ftp://a\n",
            "a.conf:3: [b]: url=ftp://a: must be http://HOST or https://HOST, without a user",
        ),
        ("[b]\nkind=load\noutput=no\n", "a.conf:3: [b]: output=no: must be true, false, 1 or 0"),
        ("[good]\nkind=swap\n", "a.conf:1: [good] is there twice; the first counts"),
    ] {
        let files = [("0.conf", "[good]\nkind=load\n"), ("a.conf", text)]
            .map(|(name, text)| File { name: name.to_owned(), text: text.to_owned() });
        let (definitions, faults) = parse(&files);
        assert_eq!(definitions.len(), 1, "{text}");
        assert_eq!(faults[0].to_string(), fault, "{text}");
    }
}

#[test]
fn circles_do_not_run_and_what_depends_on_them_does() {
    let (definitions, faults) = parsed(
        "[a]\nkind=load\ndepends=b\n[b]\nkind=load\ndepends=c\n[c]\nkind=load\ndepends=a\n[d]\nkind=load\ndepends=a e\n[e]\nkind=load\ndepends=none\n",
    );
    let left: Vec<_> =
        definitions.iter().map(|definition| (definition.name.as_str(), definition.depends.len())).collect();
    assert_eq!(left, [("d", 1), ("e", 0)]);
    for (place, name, parent) in [(1, "a", "b"), (4, "b", "c"), (7, "c", "a")] {
        let fault = format!("a.conf:{place}: [{name}]: depends on itself, by way of {parent}");
        assert!(faults.contains(&fault), "{fault}: {faults:?}");
    }
    assert!(
        faults.iter().any(|fault| fault.starts_with("a.conf:13: [e]: depends=none: there is no such check")),
        "{faults:?}"
    );
    let (_, faults) = parsed("[a]\nkind=load\ndepends=b a\n[b]\nkind=load\n");
    assert_eq!(faults, ["a.conf:1: [a]: depends on itself"]);
}

proptest! {
    #[test]
    fn noise_is_faults_and_never_a_panic(text in "(\\[[a-c]{0,2}\\]?\n|kind=(load|disk|plugin|x)\n|depends=[a-c ]{0,5}\n|.{0,12}\n){0,30}") {
        let (definitions, _) = parsed(&text);
        prop_assert!(definitions.iter().all(|definition| is_name(&definition.name)));
    }
}
