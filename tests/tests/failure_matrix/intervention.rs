//! The operator's way back from a halt, cut short at every step.

use aerodb_tests::aerodb;
use aerodb_tests::proxy::{Change, Fault};
use serde_json::json;

use crate::stage::{Stage, wait_halted};
use crate::validation::discard;

fn halted() -> Stage {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.put_behind_its_back(3..=5);
    stage.proxy.next(Fault::Change(Change::corrupted(140)));
    stage.n2.start();
    wait_halted(&stage.n2, "F-V1");
    stage
}

/// A halt is on the disk before anyone is told of it; before that the next start finds the same.
#[test]
fn m_r32_a_node_that_dies_while_it_halts_is_halted_after_the_restart() {
    for point in ["halt.before_record", "halt.after_record"] {
        let mut stage = Stage::set();
        stage.put_followed(1..=2);
        stage.put_behind_its_back(3..=5);
        stage.proxy.next(Fault::Change(Change::corrupted(140)));
        stage.n2.spawn_to_die_at(point);
        stage.n2.died_at(point);
        stage.n2.start();
        wait_halted(&stage.n2, "F-V1");
        let failures = stage.n2.data("/v1/wal")["failures"].clone();
        assert_eq!(failures.as_array().map(Vec::len), Some(1), "{point}: {failures}");
    }
}

/// However far it came, the node is halted or does not start, nothing is lost, and doing it again ends it.
#[test]
fn a_discarding_that_is_cut_short_is_finished_by_doing_it_again() {
    for point in ["discard.kept", "discard.recorded", "discard.stamped", "discard.aside"] {
        let mut stage = halted();
        stage.n2.kill();
        stage.n2.start_to_die_at(point);
        let cut = stage.n2.try_send(
            "POST",
            "/v1/replication/discard-suffix",
            &[("content-type", "application/json")],
            Some(json!({ "reason": "cut short" }).to_string().as_bytes()),
        );
        assert!(cut.is_none(), "{point}: {cut:?}");
        stage.n2.died_at(point);
        if point == "discard.aside" {
            // No log is in its place: the command knows how far it was.
            let refused = aerodb(&["serve", "--data-dir", stage.n2.dir_arg()]);
            assert_eq!(refused.code, Some(1), "{refused:?}");
            let args = ["discard-suffix", "--data-dir", stage.n2.dir_arg(), "--reason", "again"];
            let finished = aerodb(&args);
            assert_eq!(finished.code, Some(0), "{finished:?}");
            stage.n2.start();
        } else {
            stage.n2.start();
            wait_halted(&stage.n2, "F-V1");
            let _ = discard(&stage.n2, "").expect(200);
        }
        stage.assert_equal(5);
    }
}

/// The command line does both: it asks a node that runs, or works on a stopped one's directory.
#[test]
fn the_command_line_sets_aside_and_resumes_on_a_running_node() {
    let stage = halted();
    let url = stage.n2.url();
    let run = |args: &[&str]| aerodb(&[args, &["--node", &url, "--output", "json"]].concat());
    let refused = run(&["resume", "--failure", "F-V1", "--reason", "test"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let looked = run(&["discard-suffix", "--dry-run"]);
    assert_eq!(looked.json()["data"]["kept"]["commit_id"], 2, "{looked:?}");
    let named = ["discard-suffix", "--reason", "by hand", "--request-id", "d"];
    let done = run(&named);
    assert_eq!(done.code, Some(0), "{done:?}");
    stage.assert_equal(5);
    let again = run(&named);
    assert_eq!(again.json()["data"]["seq"], done.json()["data"]["seq"], "{again:?}");
    let seq = done.json()["data"]["seq"].as_u64().expect("a number");
    let entry = stage.n2.data(&format!("/v1/ledger/decision/{seq}")).to_string();
    assert!(entry.contains("suffix_discarded") && entry.contains("by hand"), "{entry}");
}
