//! Replica recovery failures.

use std::fs;

use aerodb_tests::{aerodb, directory_digest};

use crate::golden;
use crate::stage::{Stage, offsets, recovery};

/// F-RC1: a recovery that dies at any of its steps, again and again, comes to what one recovery comes to.
/// Proves: M-R21, M-C18, F-T2, CT-7.
#[test]
fn f_rc1_a_recovery_that_is_cut_short_comes_to_the_same_as_one_that_is_not() {
    let mut stage = Stage::set();
    stage.put_followed(1..=3);
    stage.n2.kill();
    stage.n2.start_to_die_at("recv.after_fsync");
    stage.put(4..=4);
    stage.n2.died_at("recv.after_fsync");

    let mut hold = stage.n2.start_to_stand_at("val.mid");
    hold.reached(&stage.n2);
    let once = recovery(&stage.n2);
    golden::check("f_rc1", &once);
    stage.n2.kill();
    let steps = (1..=9).map(|step| format!("rec.step[{step}]"));
    for point in steps.chain(["rec.mid_replay".to_owned()]) {
        for _ in 0..3 {
            stage.n2.spawn_to_die_at(&point);
            stage.n2.died_at(&point);
        }
        let mut hold = stage.n2.start_to_stand_at("val.mid");
        hold.reached(&stage.n2);
        assert_eq!(recovery(&stage.n2), once, "{point}");
        assert_eq!(offsets(&stage.n2), [4, 3, 3], "{point}");
        stage.n2.kill();
    }
    stage.n2.start();
    stage.assert_equal(4);
}

/// F-RC2: what the replica knows of itself is damaged. It does not start, says what and where, and leaves
/// every byte as it is.
/// Proves: M-R20, F-Z1.
#[test]
fn f_rc2_damaged_metadata_refuses_the_start_and_names_the_file() {
    let mut stage = Stage::set();
    stage.put_followed(1..=3);
    assert_eq!(stage.n2.stop(), Some(0));
    let segment = "0000000000000001.seg";
    let files = [
        "identity".to_owned(),
        format!("authority.ledger/{segment}"),
        format!("decision.ledger/{segment}"),
        format!("wal/{segment}"),
    ];
    for file in files {
        let path = stage.n2.dir.join(&file);
        let whole = fs::read(&path).expect("a file");
        // Within what is written: a log's second block is its first frame.
        let at = if file == "identity" { whole.len() / 2 } else { 4096 + 300 };
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(&path, &damaged).expect("written");
        let before = directory_digest(&stage.n2.dir);
        let started = aerodb(&["serve", "--data-dir", stage.n2.dir_arg()]);
        assert_eq!(started.code, Some(1), "{file}: {started:?}");
        assert!(started.stderr.contains(&file), "{file}: {}", started.stderr);
        assert_eq!(before, directory_digest(&stage.n2.dir), "{file}");
        fs::write(&path, &whole).expect("restored");
    }
    stage.n2.start();
    stage.assert_equal(3);
}
