//! Copies and moved directories: which of two has the node's identity is what an operator says, once, and never both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aerodb_tests::{Cluster, Node, Output, aerodb, directory_digest};

fn write(node: &Node, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        let answer = node.put(&format!("k{number}"), &format!("v{number}")).expect(200);
        assert_eq!(answer.body["data"]["commit_id"], number);
    }
}

fn copied(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success());
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn relocate(kept: &Path, left: &Path, more: &[&str]) -> Output {
    let line = ["relocate", "--data-dir", text(kept), "--from", text(left), "--output", "json"];
    aerodb(&[&line[..], more].concat())
}

fn failed(output: &Output) -> String {
    let body = output.json();
    let reason = body["explanation"]["conclusion"]["reason"].as_str();
    reason.unwrap_or_else(|| panic!("{output:?}")).to_owned()
}

/// Starts whatever lies in the directory; gives what the process said when it ended by itself.
fn refuses_to_start(dir: &Path) -> String {
    let output = aerodb(&["serve", "--data-dir", text(dir)]);
    assert_eq!(output.code, Some(1), "{output:?}");
    output.stderr
}

const WHY: [&str; 2] = ["--reason", "a larger disk"];

/// The directory of `node` beside the others, under another name.
fn beside(node: &Node, name: &str) -> PathBuf {
    node.dir.with_file_name(name)
}

#[test]
fn a_successor_moves_to_a_copy_of_its_directory_and_the_old_one_never_starts_again() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=3);
    cluster.n1.designate("n2");
    write(&cluster.n1, 4..=5);
    let old = cluster.n2.dir.clone();
    let new = beside(&cluster.n2, "moved");
    let running = relocate(&new, &old, &WHY);
    assert_eq!(running.code, Some(3), "there is nothing yet: {running:?}");
    assert_eq!(cluster.n2.stop(), Some(0));
    copied(&old, &new);

    // The copy starts halted: it receipts nothing, is granted nothing, and says what to do.
    cluster.n2.dir.clone_from(&new);
    cluster.n2.start();
    let status = cluster.n2.data("/v1/status");
    assert_eq!(
        (&status["halt"]["rule"], &status["role"]),
        (&"ST-2".into(), &"ReplicationHalted".into())
    );
    cluster.n2.get("/v1/kv/k1").refused(503, "HALTED");
    let denied = cluster.n2.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    let remedies = denied.body["remedies"].as_array().expect("remedies");
    assert!(
        remedies
            .iter()
            .any(|it| it["path"].as_str().is_some_and(|it| it.starts_with("aerodb relocate"))),
        "{}",
        denied.text
    );
    assert_eq!(cluster.n1.try_put("k6", "v6").map(|it| it.status), Some(503), "no receipt comes");
    let locked = relocate(&new, &old, &WHY);
    assert_eq!(locked.code, Some(1), "it runs: {locked:?}");
    assert_eq!(cluster.n2.stop(), Some(0));
    // What it recorded meanwhile, a denial, is more than the original has, and stands in nobody's way.

    // Only a look, which changes neither.
    let before = (directory_digest(&old), directory_digest(&new));
    let dry = relocate(&new, &old, &["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(before, (directory_digest(&old), directory_digest(&new)));

    let first = relocate(&new, &old, &WHY);
    assert_eq!(first.code, Some(0), "{first:?}");
    let again = relocate(&new, &old, &WHY);
    assert_eq!((again.code, &again.json()["data"]["seq"]), (Some(0), &first.json()["data"]["seq"]));
    assert!(refuses_to_start(&old).contains("DIR-4"));
    for line in [
        &["decline", "--expected-epoch", "1", "--reason", "x"][..],
        &["discard-suffix", "--reason", "x"],
        &["relinquish", "n1", "--expected-epoch", "1", "--reason", "x"],
        &["promote", "--dry-run", "--expected-epoch", "1"],
    ] {
        let refused = aerodb(&[line, &["--data-dir", text(&old)]].concat());
        assert_eq!(refused.code, Some(1), "{line:?} {refused:?}");
    }
    let back = relocate(&old, &new, &WHY);
    assert_eq!((back.code, failed(&back).as_str()), (Some(1), "DIR-2"));

    // The one that was kept is the node: it receipts, and is granted the epoch.
    cluster.n2.start();
    let answer = cluster
        .n1
        .wait("acknowledged", || cluster.n1.try_put("k7", "v7").filter(|it| it.status == 200));
    assert_eq!(answer.body["data"]["durability"], "paired");
    cluster.n1.kill();
    let _ = cluster.n2.promote(1).expect(200);
    assert_eq!(cluster.n2.get("/v1/kv/k7").expect(200).text, "v7");
    assert_eq!(cluster.n2.stop(), Some(0));
    for tool in [["ledger", "verify"], ["ledger", "replay"]] {
        let audited = aerodb(&[tool[0], tool[1], "--data-dir", text(&new)]);
        assert_eq!(audited.code, Some(0), "{tool:?} {audited:?}");
    }
}

#[test]
fn a_copy_that_lacks_something_or_whose_original_is_out_of_reach_gets_nothing() {
    let (mut n1, root) = Cluster::founder(&[]);
    write(&n1, 1..=3);
    assert_eq!(n1.stop(), Some(0));
    let stale = root.path().join("stale");
    copied(&n1.dir, &stale);
    n1.start();
    write(&n1, 4..=5);
    assert_eq!(n1.stop(), Some(0));
    let refused = relocate(&stale, &n1.dir, &WHY);
    assert_eq!((refused.code, failed(&refused).as_str()), (Some(1), "DIR-3"), "{refused:?}");

    // Without the original nothing shows that it does not run: no, and the ways on.
    let line = ["relocate", "--data-dir", text(&stale), "--reason", "x", "--output", "json"];
    let gone = root.path().join("gone");
    for refused in [aerodb(&line), relocate(&stale, &gone, &WHY)] {
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let body = refused.json();
        assert_eq!(body["explanation"]["conclusion"]["status"], "undetermined");
        let remedies = body["remedies"].as_array().expect("remedies");
        for way in ["aerodb join", "aerodb fork"] {
            let told =
                |it: &serde_json::Value| it["path"].as_str().is_some_and(|it| it.starts_with(way));
            assert!(remedies.iter().any(told), "{way}: {}", refused.stdout);
        }
    }
    let other = root.path().join("other");
    let made =
        aerodb(&["init", "--data-dir", text(&other), "--node-id", "n1", "--listen", "127.0.0.1:1"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let refused = relocate(&stale, &other, &WHY);
    assert!(failed(&refused).starts_with("DIR-1"), "{refused:?}");

    // The original keeps: the copy is given up, and never takes its place.
    let kept = relocate(&n1.dir, &stale, &WHY);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    assert!(refuses_to_start(&stale).contains("DIR-4"));
    let taken = relocate(&stale, &n1.dir, &WHY);
    assert_eq!((taken.code, failed(&taken).as_str()), (Some(1), "DIR-2, DIR-3"));
    n1.start();
    write(&n1, 6..=7);
}

/// The directory is emptied and filled again from an older copy: it is the same directory, and its node cannot
/// know. The holder does: what it receipted is gone.
#[test]
fn an_older_copy_in_the_place_of_a_replica_is_halted_by_the_holder_and_acknowledges_nothing() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=3);
    cluster.n1.designate("n2");
    write(&cluster.n1, 4..=4);
    assert_eq!(cluster.n2.stop(), Some(0));
    let older = beside(&cluster.n2, "older");
    copied(&cluster.n2.dir, &older);
    cluster.n2.start();
    let _ = cluster
        .n1
        .wait("acknowledged", || cluster.n1.try_put("k5", "v5").filter(|it| it.status == 200));
    assert_eq!(cluster.n2.stop(), Some(0));
    for entry in fs::read_dir(&cluster.n2.dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
            .expect("removed");
    }
    for entry in fs::read_dir(&older).expect("a directory") {
        copied(&entry.expect("an entry").path(), &cluster.n2.dir);
    }
    cluster.n2.start();
    let halt = cluster.n2.wait("halted", || {
        let halt = cluster.n2.try_get("/v1/status")?.body["data"]["halt"].clone();
        (!halt.is_null()).then_some(halt)
    });
    assert!(["AU-13", "ST-2"].contains(&halt["rule"].as_str().expect("a rule")), "{halt}");
    let denied = cluster.n2.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    assert!(!denied.body["remedies"].as_array().expect("remedies").is_empty());
    assert_eq!(cluster.n1.try_put("k6", "v6").map(|it| it.status), Some(503));
    // Asked to join anew under its old id, it is refused: an admitted id is never used again.
    let empty = Node::new(cluster.n3.dir.parent().expect("a parent"), "n2-empty");
    let listen = format!("127.0.0.1:{}", empty.port);
    let url = cluster.n1.url();
    let joined = aerodb(&[
        "join",
        "--data-dir",
        text(&empty.dir),
        "--node-id",
        "n2",
        "--listen",
        &listen,
        "--upstream",
        &url,
    ]);
    assert_eq!(joined.code, Some(1), "{joined:?}");
    assert!(joined.stdout.contains("AU-7"), "{joined:?}");
}
