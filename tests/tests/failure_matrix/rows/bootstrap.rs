//! M-R23 to M-R28: a replica that takes a snapshot over dies at each boundary of that.

use aerodb_tests::aerodb;
use aerodb_tests::proxy::{Change, Fault};

use crate::snapshot::{Cut, mismatch};
use crate::stage::offsets;

/// Before the snapshot is in force the replica is as it was, whatever it had received.
#[track_caller]
fn each_leaves_nothing(cut: &mut Cut, points: &[&str]) {
    for point in points {
        cut.dies_at(point);
        cut.wait_required();
        cut.assert_uninitialised();
    }
}

#[test]
fn m_r23_a_transfer_that_dies_is_discarded() {
    let mut cut = Cut::set();
    let points = [
        "boot.mid_chunk[0]",
        "boot.mid_chunk[1]",
        "boot.mid_chunk[4096]:5",
        "boot.mid_chunk[999999999]:9",
        "boot.transfer",
        "boot.transfer:9",
        "boot.install.fsync",
    ];
    each_leaves_nothing(&mut cut, &points);
    cut.proxy.chunk(2, Fault::Cut(77));
    let cut_off = aerodb(&["--node", &cut.n2.url(), "bootstrap", "--reason", "test"]);
    assert_eq!(cut_off.code, Some(1), "{cut_off:?}");
    cut.assert_uninitialised();
    cut.bootstraps();
}

#[test]
fn m_r24_a_snapshot_that_was_not_judged_is_received_again() {
    let mut cut = Cut::set();
    each_leaves_nothing(&mut cut, &["boot.before_validate", "boot.mid_validate"]);
    cut.bootstraps();
}

#[test]
fn m_r25_a_snapshot_that_is_not_what_it_says_is_rejected() {
    let cut = Cut::set();
    for (after, byte) in [(0, 9), (3, 500_000), (17, usize::MAX)] {
        cut.proxy.chunk(after, Fault::Damage(byte));
        let rejected = aerodb(&["--node", &cut.n2.url(), "bootstrap", "--reason", "test"]);
        assert_eq!(rejected.code, Some(1), "{rejected:?}");
        assert!(rejected.stderr.contains("SNP-4"), "{rejected:?}");
        cut.assert_uninitialised();
    }
    cut.bootstraps();
}

/// One rename of the marker decides: before it the old state, from it on the snapshot.
#[test]
fn m_r26_an_installation_that_dies_leaves_the_old_state_or_the_snapshot() {
    let mut cut = Cut::set();
    let before = [
        "boot.install.tmp",
        "boot.install.dir_fsync",
        "boot.install.rename",
        "ckpt.record_write[0]",
        "ckpt.record_write[100]",
        "ckpt.record_fsync",
        "ckpt.record_rename",
    ];
    each_leaves_nothing(&mut cut, &before);
    cut.dies_at("ckpt.record_dir_fsync");
    assert_eq!(cut.n2.data("/v1/replication")["snapshot_bootstrap_state"], "Complete");
    cut.assert_equal();
}

#[test]
fn m_r27_a_snapshot_that_is_in_force_stands_and_the_log_goes_on_after_it() {
    let mut cut = Cut::set();
    cut.dies_at("boot.installed");
    assert_eq!(cut.n2.data("/v1/replication")["snapshot_bootstrap_state"], "Complete");
    cut.assert_equal();
    let recovery = cut.n2.data("/v1/explain/recovery");
    assert_eq!(recovery["inputs"]["checkpoint"]["position"]["commit_id"], cut.at);
    let _ = cut.n1.put("after", "1").expect(200);
    cut.n2.wait_applied(cut.at + 3);
    assert_eq!(offsets(&cut.n2), [cut.at + 3; 3]);
}

#[test]
fn m_r28_a_log_that_does_not_continue_the_cut_is_latched() {
    mismatch("f_s3_late", |_| Change::with_a_gap());
}
