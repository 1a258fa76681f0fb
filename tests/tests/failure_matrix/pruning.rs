//! M-W21, M-W22: the process dies while it prunes.

use aerodb_tests::{Answer, Node, configured};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A transaction that gives this many keys its own commit id as their value hides as many versions; pruning
/// begins when 1,024 are hidden.
const KEYS: u64 = 512;

/// One commit; `None` when no answer comes.
pub(crate) fn overwrite(node: &Node, commit: u64) -> Option<Answer> {
    let put = |key| json!({ "put": { "key": format!("k{key}"), "value": commit.to_string(), "encoding": "utf8" } });
    let ops = (0..KEYS).map(put).collect::<Vec<_>>();
    let body = json!({ "conditions": [], "ops": ops }).to_string();
    let headers = [("content-type", "application/json")];
    node.try_send("POST", "/v1/txn", &headers, Some(body.as_bytes()))
}

/// A node that died there, and the last commit that it acknowledged.
fn dead_at(point: &str) -> (Node, TempDir, u64) {
    let (mut n1, root) = configured(&[("retain_commits", 1)]);
    n1.kill();
    n1.start_to_die_at(point);
    let mut acknowledged = 0;
    while overwrite(&n1, acknowledged + 1).is_some_and(|answer| answer.status == 200) {
        acknowledged += 1;
        assert!(acknowledged < 100, "{point} is never reached");
    }
    n1.died_at(point);
    (n1, root, acknowledged)
}

fn recorded(node: &Node) -> Option<u64> {
    let file = std::fs::read(node.dir.join("retention")).ok()?;
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    file["content"]["oldest_retained"].as_u64()
}

fn tip(node: &Node) -> u64 {
    node.data("/v1/status")["tips"]["acknowledged"].as_u64().expect("a tip")
}

fn floor(node: &Node) -> u64 {
    node.data("/v1/mvcc")["oldest_retained_commit_id"].as_u64().expect("a floor")
}

#[track_caller]
fn shows(node: &Node, at: u64) {
    let answer = node.get(&format!("/v1/kv/k7?at={at}")).expect(200);
    assert_eq!(answer.text, at.to_string());
}

#[test]
fn m_w21_mvf_7_a_crash_before_the_record_of_pruning_leaves_every_version() {
    let point = "gc.before_record";
    let (mut n1, _root, acknowledged) = dead_at(point);
    assert_eq!(recorded(&n1), None);
    // It would prune anew at once: it stands before that.
    let mut hold = n1.start_to_stand_at(point);
    hold.reached(&n1);
    assert_eq!(floor(&n1), 0);
    assert!(tip(&n1) >= acknowledged);
    (1..=tip(&n1)).for_each(|at| shows(&n1, at));
    hold.release();
    n1.wait("prunes anew", || (floor(&n1) == tip(&n1) - 1).then_some(()));
}

#[test]
fn m_w22_mvg_3_what_pruning_recorded_is_not_readable_after_a_crash_however_far_it_came() {
    for point in ["gc.after_record", "gc.mid_remove", "gc.mid_remove:300"] {
        let (mut n1, _root, acknowledged) = dead_at(point);
        let kept = recorded(&n1).expect("it was recorded");
        assert!(kept > 0 && kept <= acknowledged, "{point}: {kept} of {acknowledged}");
        for _ in 0..2 {
            // Pruning goes on once the node runs.
            let found = recorded(&n1);
            n1.start();
            assert!(floor(&n1) >= kept, "{point}");
            for at in 0..kept {
                let refused = n1.get(&format!("/v1/kv/k7?at={at}"));
                refused.refused(410, "COMMIT_NOT_RETAINED");
                assert_eq!(refused.body["rule"], "MVG-2", "{point}");
            }
            shows(&n1, tip(&n1));
            assert!(tip(&n1) >= acknowledged, "{point}");
            let recovery = n1.data("/v1/explain/recovery");
            assert_eq!(recovery["conclusion"]["status"], "recovered", "{point}");
            let expected = json!({ "recorded": found, "oldest_retained": found });
            assert_eq!(recovery["inputs"]["retention"], expected, "{point}");
            // The removal is completed: of each key what the floor shows, and what came after.
            n1.wait("prunes what is left", || {
                let versions = n1.data("/v1/status")["store"]["versions"].as_u64()?;
                (versions == KEYS * (1 + tip(&n1) - floor(&n1))).then_some(())
            });
            n1.kill();
        }
    }
}
