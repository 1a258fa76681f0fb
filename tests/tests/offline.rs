//! The commands that read a node's logs without the node: each on a healthy directory, on a copy, and on
//! everything that a directory can be instead.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use aerodb_tests::{Cluster, Node, Output, aerodb, directory_digest};
use serde_json::{Value, json};
use tempfile::TempDir;

const KEYS: usize = 5;

/// A founder with something in each log, stopped cleanly: a refused command is recorded, `k0` to `k4` hold
/// values of 2,000 bytes, and `k4` is deleted again.
fn stopped() -> (Node, TempDir) {
    let (mut n1, root) = Cluster::founder(&[]);
    for number in 0..KEYS {
        let _ = n1.put(&format!("k{number}"), &"v".repeat(2000)).expect(200);
    }
    let _ = n1.try_send("DELETE", "/v1/kv/k4", &[], None).expect("an answer").expect(200);
    let release = json!({ "expected_epoch": 1, "reason": "none to release" });
    n1.post("/v1/authority/release", &release).refused(409, "COMMAND_REFUSED");
    // The stamp is taken at a start and at a clean stop.
    assert_eq!(n1.stop(), Some(0));
    (n1, root)
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp runs").success());
}

fn segment(dir: &Path, log: &str) -> PathBuf {
    dir.join(log).join("0000000000000001.seg")
}

/// The end of what is written in a file: after its last byte that is not zero, to the end of that block.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last / 4096 + 1) * 4096)
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>, usize)) {
    let mut bytes = fs::read(path).expect("a segment");
    let end = written(&bytes);
    change(&mut bytes, end);
    fs::write(path, bytes).expect("written");
}

fn flip(path: &Path, at: usize) {
    change(path, |bytes, _| bytes[at] ^= 0x20);
}

/// Zeros the last so many blocks, as if what lies in them had never been written.
fn cut(path: &Path, blocks: usize) {
    change(path, |bytes, end| bytes[end - blocks * 4096..end].fill(0));
}

/// A command that reads a directory.
const COMMANDS: [&[&str]; 7] = [
    &["ledger", "verify"],
    &["ledger", "show"],
    &["ledger", "show", "--log", "decision"],
    &["ledger", "replay"],
    &["wal", "verify"],
    &["wal", "show"],
    &["wal", "show", "--values", "--after", "2", "--limit", "1"],
];

fn table(command: &[&str], dir: &Path) -> Output {
    aerodb(&[command, &["--data-dir", dir.to_str().expect("a path")]].concat())
}

fn in_json(command: &[&str], dir: &Path) -> Output {
    table(&[command, &["--output", "json"]].concat(), dir)
}

fn diff(a: &str, b: &str) -> Output {
    aerodb(&["ledger", "diff", a, b, "--output", "json"])
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

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

/// The first fault anywhere in a report.
fn fault_in(report: &Value) -> Value {
    let mut left = vec![report];
    while let Some(value) = left.pop() {
        if let Some(fault) = value.get("fault") {
            return fault.clone();
        }
        left.extend(value.as_object().into_iter().flat_map(|members| members.values()));
    }
    panic!("no fault in {report}")
}

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
fn diff_tells_a_prefix_a_fork_and_another_cluster_apart() {
    let mut cluster = Cluster::start();
    let behind = cluster.n2.dir.with_file_name("behind");
    cluster.n2.kill();
    copy(&cluster.n2.dir, &behind);
    cluster.n2.start();
    cluster.wait_pulling(&["n2", "n3"]);
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("k", "1").expect(200);
    cluster.n2.wait_applied(1);
    cluster.n1.kill();
    let _ = cluster.n2.promote(1).expect(200);

    // The copy lacks what was said since, and a node may stand on either side. The grant, with the whole
    // decision in it, passes the same gate as on a disk.
    let length = cluster.n2.data("/v1/ledger?log=authority").as_array().map_or(0, Vec::len);
    for (a, b, longer) in [
        (text(&behind).to_owned(), cluster.n2.url(), "b"),
        (cluster.n2.url(), text(&behind).to_owned(), "a"),
    ] {
        let found = diff(&a, &b);
        assert_eq!(found.code, Some(0), "{found:?}");
        let found = found.json();
        assert_eq!((&found["relation"], &found["longer"]), (&json!("prefix"), &json!(longer)));
        let common = found["common"]["seq"].as_u64().expect("a number");
        let more = found["entries"].as_array().expect("a list");
        assert_eq!(u64::try_from(length), Ok(common + more.len() as u64));
        assert_eq!(more.last().map(|entry| &entry["entry"]), Some(&json!("authority_granted")));
        assert_eq!(found[longer]["head"]["hash"], more.last().expect("one")["hash"]);
    }
    let shown = aerodb(&["ledger", "diff", text(&behind), &cluster.n2.url()]);
    assert!(shown.stdout.ends_with("prefix: b has more\n"), "{}", shown.stdout);

    // n1 is started alone, and releases the heir that it knows: too late, and nobody will ever cover it.
    cluster.n2.kill();
    cluster.n1.start();
    let release = json!({ "successor": "n2", "expected_epoch": 1, "reason": "on its own" });
    let released = cluster.n1.try_send(
        "POST",
        "/v1/authority/release",
        &[("content-type", "application/json"), ("aerodb-deadline-ms", "300")],
        Some(release.to_string().as_bytes()),
    );
    let _ = released.expect("an answer").expect(202);
    assert_eq!(cluster.n1.stop(), Some(0));
    let found = diff(text(&cluster.n1.dir), text(&cluster.n2.dir));
    assert_eq!(found.code, Some(1), "{found:?}");
    let found = found.json();
    assert_eq!(found["relation"], "forked");
    let entries = found["entries"].as_array().expect("a list");
    let parted: Vec<_> = entries
        .iter()
        .map(|entry| (&entry["ledger"], &entry["author"], &entry["entry"], &entry["seq"]))
        .collect();
    let at = &found["at"];
    assert_eq!(
        parted,
        [
            (&json!("a"), &json!("n1"), &json!("successor_released"), at),
            (&json!("b"), &json!("n2"), &json!("authority_granted"), at),
        ]
    );
    let shown = aerodb(&["ledger", "diff", text(&cluster.n1.dir), text(&cluster.n2.dir)]);
    assert_eq!(shown.code, Some(1));
    assert!(shown.stdout.contains(&format!("FORKED at entry {at}\n")), "{}", shown.stdout);

    let (other, _root) = stopped();
    let found = diff(text(&other.dir), text(&cluster.n2.dir));
    assert_eq!((found.code, &found.json()["relation"]), (Some(1), &json!("foreign")));
    assert_eq!(found.json()["common"], Value::Null);
    assert_ne!(found.json()["a"]["cluster_id"], found.json()["b"]["cluster_id"]);
}

#[test]
fn diff_compares_nothing_with_a_damaged_or_unreadable_ledger() {
    let (n1, root) = stopped();
    let damaged = root.path().join("damaged");
    copy(&n1.dir, &damaged);
    let path = segment(&damaged, "authority.ledger");
    flip(&path, 4096 + 140);
    let found = diff(text(&n1.dir), text(&damaged));
    assert_eq!(found.code, Some(1), "{found:?}");
    let found = found.json();
    assert_eq!(
        (&found["relation"], &found["a"]["integrity"]),
        (&Value::Null, &json!({ "status": "ok" }))
    );
    let fault = &found["b"]["integrity"]["fault"];
    assert_eq!((&fault["file"], &fault["offset"]), (&json!(text(&path)), &json!(4096 + 136)));
    assert_eq!(diff(text(&n1.dir), "http://127.0.0.1:1").code, Some(3));
    assert_eq!(diff(text(&n1.dir), "http://not an address").code, Some(2));
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("a directory in its place");
    let found = diff(text(&damaged), text(&n1.dir));
    assert_eq!(found.code, Some(3), "{found:?}");
    assert_eq!(found.json()["a"]["integrity"]["fault"]["kind"], "unreadable");
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

#[test]
fn what_is_no_directory_of_a_node_is_said_to_be_none() {
    let (n1, root) = stopped();
    let place = |name: &str| root.path().join(name);
    fs::create_dir(place("empty")).expect("a directory");
    fs::write(place("file"), "x").expect("a file");
    symlink(place("loop"), place("loop")).expect("a link");
    fs::create_dir(place("odd")).expect("a directory");
    fs::create_dir(place("odd").join("identity")).expect("a directory in place of a file");
    fs::create_dir(place("pipe")).expect("a directory");
    let pipe = Command::new("mkfifo").arg(place("pipe").join("identity")).status();
    assert!(pipe.expect("mkfifo runs").success());
    for (name, why) in [
        ("missing", "is not there"),
        ("empty", "is not there"),
        ("file", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("odd", "not a regular file"),
        ("pipe", "not a regular file"),
    ] {
        for command in COMMANDS {
            let (shown, found) = (table(command, &place(name)), in_json(command, &place(name)));
            assert_eq!(
                (shown.code, found.code),
                (Some(3), Some(3)),
                "{name} {command:?}: {shown:?}"
            );
            assert!(shown.stderr.contains(why), "{name}: {shown:?}");
            assert_eq!(found.json()["error"]["exit"], 3);
        }
        let found = diff(text(&n1.dir), text(&place(name)));
        assert_eq!(found.code, Some(3), "{name}: {found:?}");
    }
    assert!(!place("missing").exists());
    assert_eq!(fs::read_dir(place("empty")).expect("a directory").count(), 0);
}

#[test]
fn st_2_a_foreign_file_and_another_nodes_segment_are_named() {
    let (n1, root) = stopped();
    let (other, _other_root) = stopped();
    let foreign = root.path().join("foreign");
    copy(&n1.dir, &foreign);
    fs::write(foreign.join("wal").join("notes.txt"), "x").expect("a file");
    let exchanged = root.path().join("exchanged");
    copy(&n1.dir, &exchanged);
    fs::copy(segment(&other.dir, "wal"), segment(&exchanged, "wal")).expect("a copy");
    for (dir, file) in [(&foreign, "notes.txt"), (&exchanged, "0000000000000001.seg")] {
        for command in [&["wal", "verify"], &["wal", "show"]] {
            let found = in_json(command, dir);
            assert_eq!(found.code, Some(1), "{found:?}");
            let fault = fault_in(&found.json());
            assert_eq!((&fault["kind"], &fault["rule"]), (&json!("damage"), &json!("ST-2")));
            assert!(fault["file"].as_str().is_some_and(|path| path.ends_with(file)), "{fault}");
        }
    }
}

#[test]
fn p3_d9_what_the_disk_does_not_give_ends_with_3_and_is_not_called_damage() {
    let (n1, _root) = stopped();
    for (log, command) in [
        ("wal", &["wal", "verify"][..]),
        ("wal", &["wal", "show"]),
        ("wal", &["ledger", "verify"]),
        ("decision.ledger", &["ledger", "verify"]),
        ("decision.ledger", &["ledger", "show", "--log", "decision"]),
        ("decision.ledger", &["ledger", "replay"]),
    ] {
        let path = segment(&n1.dir, log);
        let whole = fs::read(&path).expect("a segment");
        fs::remove_file(&path).expect("removed");
        symlink(&path, &path).expect("a link to itself");
        let (shown, found) = (table(command, &n1.dir), in_json(command, &n1.dir));
        assert_eq!((shown.code, found.code), (Some(3), Some(3)), "{command:?}: {shown:?}");
        let fault = fault_in(&found.json());
        assert_eq!((&fault["kind"], &fault["rule"]), (&json!("unreadable"), &json!("P3-D9")));
        assert!(shown.stdout.contains("unreadable P3-D9"), "{shown:?}");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, whole).expect("restored");
    }
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

#[test]
fn an_answer_that_cannot_be_printed_is_a_failure_and_a_closed_pipe_is_none() {
    let (n1, _root) = stopped();
    let binary = aerodb_tests::binary_path();
    for command in COMMANDS {
        let run = |stdout: &str| {
            let line = format!(
                "{} {} --data-dir {} {stdout}",
                binary.display(),
                command.join(" "),
                n1.dir_arg()
            );
            let shell = Command::new("bash").args(["-o", "pipefail", "-c", &line]).output();
            let output = shell.expect("bash runs");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, said) = run("> /dev/full");
        assert_eq!(code, Some(3), "{command:?}: {said}");
        assert!(said.contains("cannot print the answer: No space left on device"), "{said}");
        assert_eq!(run("| true").0, Some(0), "{command:?}");
    }
}
