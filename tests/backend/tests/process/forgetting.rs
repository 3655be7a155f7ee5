//! Requests to forget, as machines send them.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::collector::Collector;
use crate::sample::{TID, headers, owned};

const PREIMAGE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ID: &str = "630dcd2966c4336691125448bbb25b4f";

fn check(collector: &Collector) {
    let own = headers(&[("Machine-Id", ID)]);
    for _ in 0..3 {
        assert_eq!(collector.post("/", &own, "own").status, 201);
    }
    assert_eq!(collector.post("/", &headers(&[]), "other").status, 201);
    let ask = |body: &Value| collector.post("/v3/forget", &[owned(TID)], body.to_string());
    for (body, status) in [
        (json!({"preimages": []}), 400),
        (json!({"preimages": [ID]}), 400),
        (json!({"preimages": [PREIMAGE.to_uppercase().replace('0', "A")]}), 400),
        (json!({"ids": [ID]}), 400),
    ] {
        assert_eq!(ask(&body).status, status, "{body}");
    }
    assert_eq!(collector.post("/v3/forget", &[], json!({"preimages": [PREIMAGE]}).to_string()).status, 400);
    assert_eq!(collector.records("").len(), 4, "an id is no proof");
    let answer = ask(&json!({"preimages": [PREIMAGE]}));
    assert_eq!((answer.status, answer.json()["forgotten"].clone()), (200, json!(3)));
    assert!(answer.json()["note"].is_string());
    let left = collector.records("");
    assert_eq!(left.iter().map(|record| record["payload"].clone()).collect::<Vec<_>>(), [json!("other")]);
    let late = collector.post("/", &own, "late");
    assert_eq!((late.status, late.json()["code"].clone()), (410, json!("forgotten")));
    assert_eq!(collector.post("/", &headers(&[]), "other").status, 201);
    assert_eq!(ask(&json!({"preimages": [PREIMAGE]})).json()["forgotten"], 0, "a repetition is done");
    let statuses: Vec<u16> = (0..70).map(|_| ask(&json!({"preimages": []})).status).collect();
    assert_eq!(statuses.last(), Some(&429));
}

#[test]
fn what_is_proven_is_forgotten_on_either_engine() {
    check(&Collector::in_memory());
    let cluster = Cluster::shared();
    check(&Collector::start(&["--database", &cluster.url(&cluster.database())]));
}

#[test]
fn a_collector_may_take_no_such_requests() {
    let collector = Collector::start(&["--database", ":memory:", "--forget", "off"]);
    let answer = collector.post("/v3/forget", &[owned(TID)], json!({"preimages": [PREIMAGE]}).to_string());
    assert_eq!(answer.status, 404);
}
