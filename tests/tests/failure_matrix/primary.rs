//! Primary-side failures.

use aerodb_tests::Cluster;

use crate::golden;
use crate::stage::{Stage, offsets, recovery};

/// F-P1: a commit id is reserved, and its record is not fsynced when the primary dies.
/// Proves: P3-PL1, P3-PL2, CT-4.
#[test]
fn f_p1_a_write_that_was_not_fsynced_is_lost_and_its_commit_id_is_used_again() {
    for point in ["write.before_wal", "wal.before_write", "wal.mid_write"] {
        let mut stage = Stage::set();
        stage.put_followed(1..=2);
        stage.n1.kill();
        stage.n1.start_to_die_at(point);
        assert!(stage.n1.try_put("lost", "1").is_none(), "{point}: acknowledged");
        stage.n1.died_at(point);
        assert_eq!(offsets(&stage.n2), [2; 3], "{point}");

        stage.n1.start();
        stage.n1.get("/v1/kv/lost").refused(404, "KEY_NOT_FOUND");
        golden::check(&format!("f_p1_{}", point.replace('.', "_")), &recovery(&stage.n1));
        let next = stage.n1.put("k3", "3").expect(200);
        assert_eq!(
            next.body["data"]["commit_id"], 3,
            "{point}: the reserved number was never issued"
        );
        stage.n2.resume();
        stage.assert_equal(3);
        stage.n2.get("/v1/kv/lost?consistency=snapshot").refused(404, "KEY_NOT_FOUND");
    }
}

/// F-P1 at its edge: every byte is written and the fsync has not returned. The process dies, the machine
/// does not, so the record may be there: then it is made durable before anything is served of it.
#[test]
fn f_p1_a_write_that_is_written_and_not_fsynced_is_whole_or_absent_after_the_restart() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n1.kill();
    stage.n1.start_to_die_at("wal.after_write");
    assert!(stage.n1.try_put("k3", "3").is_none(), "acknowledged");
    stage.n1.died_at("wal.after_write");
    assert_eq!(offsets(&stage.n2), [2; 3], "nothing is shipped that no fsync covers");

    stage.n1.start();
    assert_eq!(stage.n1.get("/v1/kv/k3").expect(200).text, "3");
    golden::check("f_p1_wal_after_write", &recovery(&stage.n1));
    stage.n2.resume();
    stage.assert_equal(3);
}

/// F-P2: the record is durable; the primary dies before it is shipped.
/// Proves: P3-PL5, M-R01.
#[test]
fn f_p2_a_durable_write_is_replayed_and_reaches_the_replica_later() {
    for point in ["wal.after_fsync", "commit.before_visible", "ship.before_send"] {
        let mut stage = Stage::set();
        stage.put_followed(1..=2);
        stage.n1.kill();
        stage.n1.start_to_die_at(point);
        if point == "ship.before_send" {
            stage.n2.resume();
        }
        let _ = stage.n1.try_put("k3", "3");
        stage.n1.died_at(point);
        assert_eq!(offsets(&stage.n2), [2; 3], "{point}");

        stage.n1.start();
        assert_eq!(stage.n1.get("/v1/kv/k3").expect(200).text, "3", "{point}");
        golden::check("f_p2", &recovery(&stage.n1));
        let next = stage.n1.put("k4", "4").expect(200);
        assert_eq!(next.body["data"]["commit_id"], 4, "{point}");
        stage.n2.resume();
        stage.assert_equal(4);
    }
}

/// M-W13, M-W14: visible, and its caller never answered. It is there after the restart.
#[test]
fn f_p2_a_write_whose_caller_was_not_answered_is_there_after_the_restart() {
    for point in ["commit.after_visible", "ack.before_send"] {
        let mut stage = Stage::set();
        stage.n1.kill();
        stage.n1.start_to_die_at(point);
        assert!(stage.n1.try_put("k1", "1").is_none(), "{point}: answered");
        stage.n1.died_at(point);
        stage.n1.start();
        assert_eq!(stage.n1.get("/v1/kv/k1").expect(200).text, "1", "{point}");
        stage.n2.resume();
        stage.assert_equal(1);
    }
}

/// A disk that takes long keeps nobody waiting but who writes: a lone writer's append runs on the thread that
/// serves its connection, and nobody else is served there.
/// Proves: P3-FS2.
#[test]
fn m_w05_while_the_disk_hangs_everybody_else_is_answered() {
    let (mut node, _root) = Cluster::founder(&[]);
    let _ = node.put("k1", "1").expect(200);
    node.kill();
    let mut hold = node.start_to_stand_at("wal.after_write");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| node.put("k2", "2"));
        hold.reached(&node);
        for path in ["/livez", "/v1/kv/k1", "/v1/status", "/metrics", "/v1/wal", "/livez"] {
            let _ = node.get(path).expect(200);
        }
        node.get("/v1/kv/k2").refused(404, "KEY_NOT_FOUND");
        assert!(!writer.is_finished(), "answered before its fsync");
        hold.release();
        let _ = writer.join().expect("an answer").expect(200);
    });
    assert_eq!(node.get("/v1/kv/k2").expect(200).text, "2");
}
