//! What is cut short is genuine, and known to be incomplete by what has seen more.

use std::fs;

use aerodb_tests::Cluster;
use serde_json::json;

use crate::stage::{change, copy, cut, in_json, segment, stopped, table};

#[test]
fn dis_16_a_cut_log_is_genuine_and_known_to_be_incomplete() {
    let (n1, root) = stopped();
    for (log, command, report) in [
        ("wal", &["wal", "verify"][..], "wal"),
        ("decision.ledger", &["ledger", "verify"], "decision_ledger"),
        ("decision.ledger", &["ledger", "replay"], "decision_ledger"),
    ] {
        let short = root.path().join(format!("{log}-{report}-{}", command[1]));
        copy(&n1.dir, &short);
        cut(&segment(&short, log), if log == "wal" { 1 } else { 2 });
        let (shown, found) = (table(command, &short), in_json(command, &short));
        assert_eq!((shown.code, found.code), (Some(1), Some(1)), "{command:?}: {shown:?}");
        let found = found.json();
        assert_eq!(found["ok"], false);
        assert_eq!(found[report]["integrity"], json!({ "status": "ok" }), "{found}");
        let missing = &found[report]["completeness"]["missing"][0];
        assert_eq!(
            (&missing["witness"], &missing["rule"]),
            (&json!("identity_stamp"), &json!("DIS-16"))
        );
        let lost = if log == "wal" { 1 } else { 2 };
        let last = missing["last"].as_u64().expect("a number");
        assert_eq!(missing["stamped"].as_u64(), Some(last + lost));
        assert!(shown.stdout.contains("INCOMPLETE"), "{shown:?}");
    }
}

#[test]
fn au_14_an_authority_ledger_shorter_than_its_wal_has_seen_is_incomplete_by_two_witnesses() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    assert_eq!(cluster.n1.stop(), Some(0));
    // The admission of n3, and its trailer.
    cut(&segment(&cluster.n1.dir, "authority.ledger"), 2);
    let found = in_json(&["ledger", "verify"], &cluster.n1.dir);
    assert_eq!(found.code, Some(1), "{found:?}");
    let found = found.json()["authority_ledger"].clone();
    assert_eq!(found["integrity"], json!({ "status": "ok" }));
    let missing = found["completeness"]["missing"].as_array().expect("a list").clone();
    let witnesses: Vec<_> = missing.iter().map(|missing| &missing["witness"]).collect();
    assert_eq!(witnesses, ["identity_stamp", "wal_stamp"]);
    assert_eq!((&missing[1]["seen"]["seq"], &missing[1]["head"]["seq"]), (&json!(3), &json!(2)));
}

#[test]
fn dis_16_a_torn_tail_is_no_damage_but_against_a_stamp_it_is_missing() {
    let (mut n1, _root) = Cluster::founder(&[]);
    for number in 0..3 {
        let _ = n1.put(&format!("k{number}"), "v").expect(200);
    }
    n1.kill();
    let tear = |bytes: &mut Vec<u8>, end: usize| bytes[end - 4096..end - 3584].fill(0);
    let path = segment(&n1.dir, "wal");
    let whole = fs::read(&path).expect("a segment");
    change(&path, tear);
    let found = in_json(&["wal", "verify"], &n1.dir);
    assert_eq!(found.code, Some(0), "{found:?}");
    let found = found.json();
    assert_eq!(found["wal"]["recovery"]["unproven_tail"]["frame_seq"], 3);
    assert_eq!(found["wal"]["completeness"]["status"], "ok");
    assert!(found["notes"][0].as_str().is_some_and(|note| note.contains("unproven tail")));
    let shown = in_json(&["wal", "show"], &n1.dir);
    assert_eq!(shown.json()["batches"].as_array().map(Vec::len), Some(2));

    // The same, after a clean stop has stamped the last append.
    fs::write(&path, whole).expect("restored");
    n1.start();
    let _ = n1.put("k3", "v").expect(200);
    assert_eq!(n1.stop(), Some(0));
    change(&path, tear);
    let found = in_json(&["wal", "verify"], &n1.dir);
    assert_eq!(found.code, Some(1), "{found:?}");
    let completeness = found.json()["wal"]["completeness"].clone();
    assert_eq!(completeness["missing"][0]["stamped"], 4);
}
