//! One flipped byte anywhere in what was written: the offline check names it, and the node does not start.

use std::fs;
use std::path::{Path, PathBuf};

use aerodb_core::rules::RuleId;
use aerodb_tests::{Cluster, Node, aerodb, directory_digest};
use serde_json::json;
use tempfile::TempDir;

/// A stopped holder with some history in each of its logs.
fn stopped() -> (Node, TempDir) {
    let (mut n1, root) = Cluster::founder(&[]);
    for number in 0..5 {
        let _ = n1.put(&format!("k{number}"), &"v".repeat(2000)).expect(200);
    }
    let refused = n1.post(
        "/v1/authority/release",
        &json!({ "expected_epoch": 1, "reason": "none to release" }),
    );
    refused.refused(409, "COMMAND_REFUSED");
    assert_eq!(n1.stop(), Some(0));
    (n1, root)
}

fn segments(dir: &Path, log: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir.join(log))
        .expect("a log")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    found.sort();
    found
}

/// The end of what is written in a file: after its last byte that is not zero, to the end of that block.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last / 4096 + 1) * 4096)
}

/// Proves: P3-D5, M-W17, F-X5.
#[test]
fn wal8_a_flipped_byte_is_named_and_refused_and_nothing_is_changed() {
    let (n1, _root) = stopped();
    let verify = |log: &str| {
        let tool = if log == "wal" { "wal" } else { "ledger" };
        aerodb(&[tool, "verify", "--output", "json", "--data-dir", n1.dir_arg()])
    };
    let rules: Vec<_> = RuleId::ALL.iter().map(|rule| rule.id()).collect();
    let mut tried = 0;
    for log in ["authority.ledger", "decision.ledger", "wal"] {
        assert_eq!(verify(log).code, Some(0), "{:?}", verify(log));
        let path = segments(&n1.dir, log)[0].clone();
        let whole = fs::read(&path).expect("a segment");
        let end = written(&whole);
        // Every region of a frame: tags, header, payload, padding, of several sectors; the ledger crate's
        // own tests flip every byte.
        for at in (0..end).step_by(601).chain([0, end - 1, end - 512, 4096, 4100]) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            fs::write(&path, &damaged).expect("written");
            let before = directory_digest(&n1.dir);
            let found = verify(log);
            assert_eq!(found.code, Some(1), "{log} at {at}: {found:?}");
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let fault = found.json()[log.replace('.', "_")]["integrity"]["fault"].clone();
            assert!(fault["file"].as_str().is_some_and(|file| file.ends_with(name)), "{found:?}");
            assert!(
                fault["offset"].as_u64().is_some_and(|offset| offset <= at as u64),
                "{found:?}"
            );
            assert!(fault["rule"].as_str().is_some_and(|rule| rules.contains(&rule)), "{found:?}");
            let started = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
            assert_eq!(started.code, Some(1), "{log} at {at}: {started:?}");
            assert!(
                started.stderr.contains(name) && started.stderr.contains("byte"),
                "{}",
                started.stderr
            );
            assert_eq!(before, directory_digest(&n1.dir), "{log} at {at}");
            tried += 1;
        }
        fs::write(&path, &whole).expect("restored");
    }
    println!("{tried} flips refused");
}

#[test]
fn dis16_a_torn_unsynced_tail_is_set_aside_and_named_and_the_node_starts() {
    let (mut n1, _root) = Cluster::founder(&[]);
    for number in 0..3 {
        let _ = n1.put(&format!("k{number}"), "v").expect(200);
    }
    n1.kill();
    let path = segments(&n1.dir, "wal")[0].clone();
    let mut bytes = fs::read(&path).expect("a segment");
    let end = written(&bytes);
    // The last frame's first sector never reached the disk.
    bytes[end - 4096..end - 4096 + 512].fill(0);
    fs::write(&path, &bytes).expect("written");

    n1.start();
    let recovery = n1.data("/v1/explain/recovery");
    assert_eq!(recovery["conclusion"]["status"], "recovered");
    assert_eq!(recovery["inputs"]["wal"]["residue"]["offset"], end - 4096);
    assert_eq!(n1.data("/v1/status")["tips"]["wal_tip"], 2);
    assert!(fs::read_dir(n1.dir.join("quarantine")).expect("a directory").next().is_some());
    let next = n1.put("k9", "v").expect(200);
    assert_eq!(next.body["data"]["commit_id"], 3);

    // A clean stop witnesses what is durable: the same damage is then corruption.
    assert_eq!(n1.stop(), Some(0), "{}", n1.log());
    let mut bytes = fs::read(&path).expect("a segment");
    let end = written(&bytes);
    bytes[end - 4096..end - 4096 + 512].fill(0);
    fs::write(&path, &bytes).expect("written");
    let refused = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
}

#[test]
fn st2_a_copied_directory_starts_halted_and_says_what_it_is() {
    let (mut n1, root) = Cluster::founder(&[]);
    let _ = n1.put("k", "v").expect(200);
    n1.kill();
    let moved = root.path().join("elsewhere");
    let copied = std::process::Command::new("cp").arg("-a").arg(&n1.dir).arg(&moved).status();
    assert!(copied.expect("cp runs").success());
    n1.dir = moved;
    n1.start();
    let status = n1.data("/v1/status");
    assert_eq!(
        (&status["role"], &status["halt"]["rule"]),
        (&json!("ReplicationHalted"), &json!("ST-2"))
    );
    n1.put("k", "w").refused(503, "HALTED");
    n1.get("/v1/kv/k?consistency=snapshot").refused(503, "HALTED");
    assert_eq!(n1.get("/readyz").status, 503);
}

/// Proves: RM-2.
#[test]
fn a_holder_that_lost_what_its_heir_has_takes_no_write_and_leaves_the_heir_unharmed() {
    let mut cluster = Cluster::start();
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("first", "1").expect(200);
    let _ = cluster.n1.put("last", "2").expect(200);
    cluster.n2.kill();
    cluster.n1.kill();
    let path = segments(&cluster.n1.dir, "wal")[0].clone();
    let mut bytes = fs::read(&path).expect("a segment");
    let end = written(&bytes);
    bytes[end - 4096..end - 4096 + 512].fill(0);
    fs::write(&path, &bytes).expect("written");

    cluster.n1.start();
    cluster.n2.start();
    cluster.n2.wait("is sent away", || {
        let data = cluster.n2.try_get("/v1/replication")?.body["data"].clone();
        let why = data["blocking_reason"].as_str()?.to_owned();
        why.contains("the holder").then_some(())
    });
    cluster.n1.put("other", "3").refused(503, "SUCCESSOR_DETACHED");
    assert_eq!(cluster.n2.data("/v1/status")["role"], "ReplicaActive");
    let _ = cluster.n2.promote(1).expect(200);
    assert_eq!(cluster.n2.get("/v1/kv/last").expect(200).text, "2");
}

#[test]
fn au13_a_replica_set_back_to_before_its_receipts_is_halted() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "1").expect(200);
    cluster.n2.wait_applied(1);
    cluster.n2.kill();
    let kept = directory_digest(&cluster.n2.dir);
    cluster.n2.start();
    cluster.wait_pulling(&["n2"]);
    let _ = cluster.n1.put("k", "2").expect(200);
    cluster.n2.wait_applied(2);
    let receipt = |cluster: &Cluster| {
        let peers = cluster.n1.data("/v1/replication")["peers"].clone();
        let of_n2 = peers.as_array()?.iter().find(|peer| peer["node_id"] == "n2")?.clone();
        of_n2["receipt_commit_id"].as_u64()
    };
    cluster.n1.wait("hears of commit 2 there", || (receipt(&cluster)? == 2).then_some(()));
    cluster.n2.kill();
    // The directory itself stays, and so does the count of its starts: nothing but the receipts can tell.
    for (path, bytes) in kept.into_iter().filter(|(path, _)| !path.ends_with("identity")) {
        fs::write(path, bytes).expect("set back");
    }
    cluster.n2.start();
    cluster.n2.wait("is halted", || {
        let data = cluster.n2.try_get("/v1/status")?.body["data"].clone();
        (data["halt"]["rule"] == "AU-13").then_some(())
    });
    cluster.n2.promote(1).refused(409, "PROMOTION_DENIED");
}
