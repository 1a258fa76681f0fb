//! What is damaged, or has parted from the cluster, is named with its place.

use std::fs;

use aerodb_tests::Cluster;
use serde_json::json;

use crate::stage::{
    COMMANDS, KEYS, copy, fault_in, flip, in_json, segment, stopped, table, written,
};

#[test]
fn p3_d4_a_flipped_byte_is_named_by_each_command_and_what_lies_before_it_is_shown() {
    let (n1, root) = stopped();
    for (log, commands) in [
        ("wal", &[&["wal", "verify"][..], &["wal", "show"], &["ledger", "verify"]][..]),
        ("authority.ledger", &[&["ledger", "verify"], &["ledger", "show"], &["ledger", "replay"]]),
        (
            "decision.ledger",
            &[
                &["ledger", "verify"],
                &["ledger", "show", "--log", "decision"],
                &["ledger", "replay"],
            ],
        ),
    ] {
        let damaged = root.path().join(log);
        copy(&n1.dir, &damaged);
        let path = segment(&damaged, log);
        // In the last frame of records: the ledgers have a trailer after it.
        let back = if log == "wal" { 4096 } else { 8192 };
        let at = written(&fs::read(&path).expect("a segment")) - back + 140;
        flip(&path, at);
        for command in commands {
            let (shown, found) = (table(command, &damaged), in_json(command, &damaged));
            assert_eq!((shown.code, found.code), (Some(1), Some(1)), "{command:?}: {shown:?}");
            let offset = (at - 4).to_string();
            assert!(shown.stdout.contains(&format!("offset {offset}")), "{command:?}: {shown:?}");
            assert!(shown.stdout.contains("0000000000000001.seg"), "{shown:?}");
            let fault = fault_in(&found.json());
            assert_eq!((&fault["kind"], &fault["rule"]), (&json!("damage"), &json!("P3-D4")));
            assert_eq!(fault["offset"].to_string(), offset, "{command:?}: {fault}");
        }
        if log == "wal" {
            let shown = in_json(&["wal", "show"], &damaged).json();
            assert_eq!(shown["batches"].as_array().map(Vec::len), Some(KEYS));
            // What the WAL has seen of the authority ledger is then not known.
            let ledger =
                in_json(&["ledger", "verify"], &damaged).json()["authority_ledger"].clone();
            assert_eq!(ledger["integrity"], json!({ "status": "ok" }));
            assert_eq!(ledger["completeness"], json!({ "status": "unknown" }));
        }
    }
}

#[test]
fn p5_i4_a_diverged_suffix_is_named_with_its_place() {
    let mut cluster = Cluster::start();
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("both", "1").expect(200);
    cluster.n2.wait_applied(1);
    // What n1 appends now is acknowledged by nobody, and n2 goes on without it.
    cluster.n2.freeze();
    let (headers, body) = ([("aerodb-deadline-ms", "300")], Some(&b"2"[..]));
    let alone = cluster.n1.try_send("PUT", "/v1/kv/alone", &headers, body).expect("an answer");
    alone.refused(503, "NOT_ACKNOWLEDGED");
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n2.start();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    cluster.n1.follow(&cluster.n2).refused(503, "HALTED");
    cluster.n1.kill();
    let found = in_json(&["wal", "verify"], &cluster.n1.dir);
    assert_eq!(found.code, Some(1), "{found:?}");
    let fault = fault_in(&found.json());
    assert_eq!((&fault["kind"], &fault["rule"]), (&json!("damage"), &json!("P5-I4")), "{fault}");
    // It is shown all the same: how else should one know what it is.
    let shown = in_json(&["wal", "show", "--after", "1"], &cluster.n1.dir).json();
    let suffix = &shown["batches"][0];
    assert_eq!((&fault["file"], &fault["offset"]), (&suffix["file"], &suffix["offset"]));
    assert!(found.json()["notes"][0].as_str().is_some_and(|note| note.contains("discard-suffix")));
}

#[test]
fn f_rc2_an_identity_larger_than_any_can_be_is_damaged_and_not_read() {
    let root = tempfile::tempdir().expect("a directory");
    let huge = fs::File::create(root.path().join("identity")).expect("a file");
    huge.set_len(1 << 40).expect("a sparse file");
    for command in COMMANDS {
        let shown = table(command, root.path());
        assert_eq!(shown.code, Some(1), "{command:?}: {shown:?}");
        let said = shown.stdout + &shown.stderr;
        assert!(said.contains("F-RC2") && said.contains("1099511627776 bytes"), "{said}");
    }
}
