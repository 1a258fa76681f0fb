//! `docs/audit/verify.py`, the verifier that shares no code with AeroDB, on the directories of a real cluster: it
//! finds nothing wrong with them, and it finds each of 100 bytes that were changed, and tails that were cut.
//!
//! Needs Python with `blake3` and `cryptography`; `AERODB_PYTHON` names the interpreter, `python3` by default:
//! `cargo test -p aerodb-tests --features python --test auditor`

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aerodb_tests::{Cluster, Node};
use serde_json::json;

const TAMPERS: usize = 100;
const BLOCK: usize = 4096;

/// Runs the verifier; gives its exit code and what it said.
fn verify(dir: &Path) -> (Option<i32>, String) {
    let python = std::env::var_os("AERODB_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit/verify.py");
    let output = Command::new(python).arg(script).arg(dir).output().expect("Python runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn segment(dir: &Path, log: &str) -> PathBuf {
    dir.join(log).join("0000000000000001.seg")
}

/// The end of what is written in a file: after its last byte that is not zero, to the end of that block.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last / BLOCK + 1) * BLOCK)
}

/// A cluster that has seen every kind of entry that authority moves by, stopped.
fn audited() -> Cluster {
    let mut cluster = Cluster::start();
    for number in 0..20 {
        let _ = cluster.n1.put(&format!("k{number}"), "v").expect(200);
    }
    cluster.n1.designate("n3");
    let body = json!({ "successor": "n3", "expected_epoch": 1, "reason": "another one" });
    let _ = cluster.n1.post("/v1/authority/release", &body).expect(200);
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("paired", "v").expect(200);
    cluster.n3.promote(1).refused(409, "PROMOTION_DENIED");
    cluster.n1.kill();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    for node in [&cluster.n1, &cluster.n3] {
        assert_eq!(node.come_back(&cluster.n2), 0);
    }
    let body = json!({ "successor": "n1", "expected_epoch": 2, "reason": "back" });
    let _ = cluster.n2.post("/v1/authority/relinquish", &body).expect(200);
    cluster.n1.wait("is granted the epoch", || (cluster.n1.promote(2).status == 200).then_some(()));
    let _ = cluster.n1.put("last", "v").expect(200);
    for node in [&cluster.n2, &cluster.n3] {
        assert_eq!(node.come_back(&cluster.n1), 0);
        node.wait_shown(22);
    }
    for node in [&mut cluster.n1, &mut cluster.n2, &mut cluster.n3] {
        assert_eq!(node.stop(), Some(0), "{}", node.log());
    }
    cluster
}

/// Puts the file back as it was when it is done with.
fn with_changed(path: &Path, change: impl FnOnce(&mut [u8]), looked: impl FnOnce()) {
    let whole = fs::read(path).expect("a segment");
    let mut changed = whole.clone();
    change(&mut changed);
    assert_ne!(whole, changed);
    fs::write(path, changed).expect("written");
    looked();
    fs::write(path, whole).expect("restored");
}

fn found_wrong(node: &Node, what: &str) {
    let (code, said) = verify(&node.dir);
    assert_eq!(code, Some(1), "{what}: {said}");
}

#[test]
fn the_auditors_script_finds_each_of_100_tampers_and_every_cut_tail() {
    let cluster = audited();
    for node in [&cluster.n1, &cluster.n2, &cluster.n3] {
        let (code, said) = verify(&node.dir);
        assert_eq!(code, Some(0), "{}: {said}", node.id);
    }
    // Each from a node for which the log in question says something of its own.
    let logs =
        [(&cluster.n2, "authority.ledger"), (&cluster.n3, "decision.ledger"), (&cluster.n1, "wal")];
    for tamper in 0..TAMPERS {
        let (node, log) = logs[tamper % logs.len()];
        let path = segment(&node.dir, log);
        let end = written(&fs::read(&path).expect("a segment"));
        // Spread over all that is written, and over the places within a sector.
        let at = (tamper * (end / TAMPERS) + tamper * 37) % end;
        let bit = 1 << (tamper % 8);
        let what = format!("{log} of {}, bit {bit:#x} of byte {at}", node.id);
        with_changed(&path, |bytes| bytes[at] ^= bit, || found_wrong(node, &what));
    }
    // A ledger's last frame has a trailer in a block of its own after it.
    for ((node, log), blocks) in logs.into_iter().zip([2, 2, 1]) {
        let path = segment(&node.dir, log);
        let cut = |bytes: &mut [u8]| {
            let end = written(bytes);
            bytes[end - blocks * BLOCK..end].fill(0);
        };
        with_changed(&path, cut, || found_wrong(node, &format!("the tail of {log} is cut")));
    }
}
