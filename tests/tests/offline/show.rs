//! What is in order is shown whole, and left as it is.

use std::fs;

use aerodb_tests::{Cluster, aerodb, directory_digest};
use serde_json::json;

use crate::stage::{COMMANDS, KEYS, copy, diff, in_json, segment, stopped, table, text};

#[test]
fn a_healthy_directory_and_its_copy_read_the_same_and_stay_as_they_are() {
    let (n1, root) = stopped();
    let elsewhere = root.path().join("copy");
    copy(&n1.dir, &elsewhere);
    for dir in [&n1.dir, &elsewhere] {
        let before = directory_digest(dir);
        for command in COMMANDS {
            let (shown, json) = (table(command, dir), in_json(command, dir));
            assert_eq!(
                (shown.code, json.code),
                (Some(0), Some(0)),
                "{command:?}: {shown:?} {json:?}"
            );
            assert_eq!((&shown.stderr[..], &json.stderr[..]), ("", ""), "{command:?}");
            assert_eq!(json.json()["node_id"], "n1");
            assert_eq!(json.json()["notes"], json!([]));
            assert_eq!(json.stdout.lines().count(), 1);
        }
        assert_eq!(before, directory_digest(dir));
    }
    let same = diff(text(&n1.dir), text(&elsewhere));
    assert_eq!(same.code, Some(0), "{same:?}");
    assert_eq!(
        (&same.json()["relation"], &same.json()["entries"]),
        (&json!("identical"), &json!([]))
    );
}

#[test]
fn verification_reports_integrity_and_completeness_of_each_log_apart() {
    let (n1, _root) = stopped();
    let report = in_json(&["ledger", "verify"], &n1.dir).json();
    for log in ["authority_ledger", "decision_ledger"] {
        assert_eq!(report[log]["integrity"], json!({ "status": "ok" }), "{report}");
        assert_eq!(report[log]["completeness"], json!({ "status": "ok" }), "{report}");
    }
    let report = in_json(&["wal", "verify"], &n1.dir).json();
    assert_eq!(report["wal"]["integrity"], json!({ "status": "ok" }));
    assert_eq!(report["wal"]["completeness"], json!({ "status": "ok" }));
    let shown = table(&["ledger", "verify"], &n1.dir).stdout;
    let heading = "PART              INTEGRITY  COMPLETENESS  FOUND";
    assert_eq!(shown.lines().next(), Some(heading));
    assert!(
        shown.contains("decision ledger   ok         ok            through entry 1"),
        "{shown}"
    );
}

#[test]
fn wal_show_lists_every_batch_commit_and_operation() {
    let (n1, _root) = stopped();
    let report = in_json(&["wal", "show", "--values"], &n1.dir).json();
    assert_eq!(report["more"], false);
    let batches = report["batches"].as_array().expect("a list");
    let bytes = fs::read(segment(&n1.dir, "wal")).expect("a segment");
    let mut chain = batches[0]["chain_before"].clone();
    let mut ops = Vec::new();
    for (number, batch) in (1..).zip(batches) {
        assert_eq!(batch["append_seq"], number);
        assert_eq!((&batch["epoch"], &batch["ledger_stamp"]["seq"]), (&json!(1), &json!(1)));
        assert_eq!(batch["chain_before"], chain);
        chain = batch["chain"].clone();
        assert!(batch["file"].as_str().expect("a path").ends_with("wal/0000000000000001.seg"));
        // Its own length stands at the offset that it is said to have.
        let at = usize::try_from(batch["offset"].as_u64().expect("an offset")).expect("fits");
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(batch["bytes"].as_u64(), Some(u64::from(length) + 8));
        for commit in batch["commits"].as_array().expect("a list") {
            ops.push((commit["commit_id"].clone(), commit["ops"][0].clone()));
        }
    }
    assert_eq!(ops.len(), KEYS + 1);
    let expected = json!({
        "op": "put", "key": "k0", "key_encoding": "utf8",
        "value_bytes": 2000, "value": "v".repeat(2000), "value_encoding": "utf8",
    });
    assert_eq!(ops[0], (json!(1), expected));
    let deleted = json!({ "op": "delete", "key": "k4", "key_encoding": "utf8" });
    assert_eq!(ops[KEYS], (json!(KEYS + 1), deleted));

    let some = in_json(&["wal", "show", "--after", "2", "--limit", "2"], &n1.dir).json();
    let shown: Vec<_> = some["batches"].as_array().expect("a list").iter().collect();
    assert_eq!((&shown[0]["first_commit"], shown.len()), (&json!(3), 2));
    assert_eq!(
        (&some["more"], shown[0]["commits"][0]["ops"][0].get("value")),
        (&json!(true), None)
    );
    let lines = table(&["wal", "show", "--after", "5"], &n1.dir).stdout;
    assert!(lines.contains("\n  6  delete \"k4\"\n1 batches\n"), "{lines}");
    let rest = in_json(&["wal", "show", "--after", "6"], &n1.dir).json();
    assert_eq!((&rest["batches"], &rest["more"]), (&json!([]), &json!(false)));
}

#[test]
fn a_directory_in_use_is_read_with_a_note() {
    let (n1, _root) = Cluster::founder(&[]);
    let _ = n1.put("k", "v").expect(200);
    for command in COMMANDS {
        let found = in_json(command, &n1.dir);
        assert_eq!(found.code, Some(0), "{command:?}: {found:?}");
        let note = found.json()["notes"][0].clone();
        assert!(
            note.as_str().is_some_and(|note| note.contains("has the directory open")),
            "{note}"
        );
    }
}

/// Proves: P6-RC7.
#[test]
fn ledger_show_reads_a_part_of_a_directory_as_of_a_node() {
    let cluster = Cluster::start();
    cluster.n1.designate("n2");
    let url = cluster.n1.url();
    let node = ["ledger", "show", "--node", &url, "--output", "json"];
    let dir = ["ledger", "show", "--data-dir", cluster.n1.dir_arg(), "--output", "json"];
    for (part, seqs, more) in [
        (&[][..], &[1, 2, 3, 4][..], false),
        (&["--after", "1", "--limit", "2"], &[2, 3], true),
        (&["--after", "2", "--limit", "2"], &[3, 4], false),
        (&["--after", "9"], &[], false),
        (&["--limit", "0"], &[], true),
    ] {
        let [of_node, of_dir] = [&node, &dir].map(|source| aerodb(&[&source[..], part].concat()));
        assert_eq!((of_node.code, of_dir.code), (Some(0), Some(0)), "{of_node:?} {of_dir:?}");
        let (of_node, of_dir) = (of_node.json(), of_dir.json());
        assert_eq!(of_node["data"], of_dir["data"], "{part:?}");
        assert_eq!((&of_node["more"], &of_dir["more"]), (&json!(more), &json!(more)), "{part:?}");
        let shown: Vec<_> = of_dir["data"].as_array().expect("a list").iter().collect();
        assert!(shown.iter().map(|entry| &entry["seq"]).eq(seqs), "{part:?}: {of_dir}");
        assert_eq!(of_node["observed_at"]["node_id"], "n1");
    }
}
