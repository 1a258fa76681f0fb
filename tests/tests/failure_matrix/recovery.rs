//! Replica recovery failures.

use std::fs;

use aerodb_tests::{aerodb, directory_digest};
use serde_json::{Value, json};

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

/// Where a file is damaged: one byte, of which its checksum does not know.
struct Harm {
    file: &'static str,
    golden: &'static str,
    at: fn(&[u8]) -> usize,
}

const HARMS: [Harm; 5] = [
    Harm { file: "identity", golden: "f_rc2_identity", at: of_a_number },
    Harm { file: "checkpoint", golden: "f_rc2_checkpoint", at: of_a_number },
    // A log's second block is its first frame.
    Harm { file: AUTHORITY, golden: "f_rc2_authority_ledger", at: |_| 4096 + 300 },
    Harm { file: DECISIONS, golden: "f_rc2_decision_ledger", at: |_| 4096 + 20 },
    Harm { file: WAL, golden: "f_rc2_wal", at: |_| 4096 + 300 },
];

const AUTHORITY: &str = "authority.ledger/0000000000000001.seg";
const DECISIONS: &str = "decision.ledger/0000000000000001.seg";
const WAL: &str = "wal/0000000000000001.seg";

/// The last digit of the first number that is written out: what is there is read as another one.
fn of_a_number(bytes: &[u8]) -> usize {
    let is_value = |part: &[u8]| part[..2] == *b": " && part[2].is_ascii_digit();
    let first = bytes.windows(3).position(is_value).expect("a number") + 2;
    let digits = bytes[first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    first + digits - 1
}

/// F-RC2: what the replica knows of itself is damaged. It does not start, says what and where with both checksums,
/// and leaves every byte as it is.
/// Proves: F-RC2.E, M-R20, F-Z1.
#[test]
fn f_rc2_damaged_metadata_refuses_the_start_and_is_explained() {
    let mut stage = Stage::set();
    stage.put_followed(1..=3);
    let _ = stage.n2.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
    assert_eq!(stage.n2.stop(), Some(0));
    for Harm { file, golden, at } in HARMS {
        let path = stage.n2.dir.join(file);
        let whole = fs::read(&path).expect("a file");
        let mut damaged = whole.clone();
        damaged[at(&whole)] ^= 1;
        fs::write(&path, &damaged).expect("written");
        let before = directory_digest(&stage.n2.dir);
        let started = aerodb(&["serve", "--data-dir", stage.n2.dir_arg()]);
        assert_eq!(started.code, Some(1), "{file}: {started:?}");
        let mut lines = started.stderr.lines().rev();
        let explanation = lines.next().and_then(|line| serde_json::from_str(line).ok());
        let explanation: Value = explanation.expect("the last line explains");
        golden::check(golden, &explanation);
        let evidence = &explanation["rules_applied"][0]["evidence"];
        let (stored, computed) =
            (&evidence["checksum"]["stored"], &evidence["checksum"]["computed"]);
        let said = lines.next().expect("the line before says it in words");
        for part in [&evidence["file"], stored, computed] {
            assert!(said.contains(part.as_str().expect("a text")), "{file}: {part} in {said}");
        }
        assert!(stored != computed, "{file}: {stored}");
        assert_eq!(before, directory_digest(&stage.n2.dir), "{file}");
        fs::write(&path, &whole).expect("restored");
    }
    stage.n2.start();
    stage.assert_equal(3);
}
