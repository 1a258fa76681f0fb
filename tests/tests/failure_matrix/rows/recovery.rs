//! M-C18 to M-C22 and M-R21: a start dies at each of its steps, again and again.

use std::fs;
use std::os::unix::fs::FileExt;

use aerodb_tests::{Cluster, Node, aerodb, directory_digest};
use serde_json::json;
use tempfile::TempDir;

use crate::stage::{Stage, recovery};

/// A node with a checkpoint at commit 20 and ten commits past it.
#[track_caller]
fn stopped() -> (Node, TempDir) {
    let (mut n1, root) = Cluster::founder(&[]);
    for number in 1..=30 {
        let _ = n1.put(&format!("k{}", number % 7), &number.to_string()).expect(200);
        if number == 20 {
            let _ = n1.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
        }
    }
    n1.kill();
    (n1, root)
}

fn steps() -> Vec<String> {
    (1..=9).map(|step| format!("rec.step[{step}]")).chain(["rec.mid_replay".to_owned()]).collect()
}

/// Three times at each step: the next recovery says the same, to the byte, as one that was never cut short.
#[test]
fn m_c18_a_recovery_that_dies_at_each_step_comes_to_the_same() {
    let (mut n1, _root) = stopped();
    n1.start();
    let (once, digest) = (recovery(&n1), n1.digest());
    assert_eq!(once["inputs"]["checkpoint"]["position"]["commit_id"], 20);
    n1.kill();
    for point in steps() {
        for _ in 0..3 {
            n1.spawn_to_die_at(&point);
            n1.died_at(&point);
        }
        n1.start();
        assert_eq!(recovery(&n1).to_string(), once.to_string(), "{point}");
        assert_eq!(n1.digest(), digest, "{point}");
        n1.kill();
    }
}

/// The same while a start writes what it writes: the marker, made durable again, and its own stamp.
#[test]
fn m_c18_m_r19_a_start_that_dies_while_it_writes_comes_to_the_same() {
    let (mut n1, _root) = stopped();
    n1.start();
    let (once, digest) = (recovery(&n1), n1.digest());
    n1.kill();
    for file in ["ckpt.record_", "meta."] {
        let write = if file == "meta." { "tmp_write" } else { "write" };
        let edges = [0, 1, 100, 999_999].map(|byte| format!("{file}{write}[{byte}]"));
        let steps = ["fsync", "rename", "dir_fsync"].map(|step| format!("{file}{step}"));
        for point in edges.into_iter().chain(steps) {
            n1.spawn_to_die_at(&point);
            n1.died_at(&point);
            n1.spawn_to_die_at(&point);
            n1.died_at(&point);
            n1.start();
            assert_eq!(recovery(&n1).to_string(), once.to_string(), "{point}");
            assert_eq!(n1.digest(), digest, "{point}");
            n1.kill();
        }
    }
}

/// A torn frame at the end: it is copied aside and zeroed, and the process dies at each step of that.
#[test]
fn m_c18_a_torn_tail_is_set_aside_whole_wherever_the_start_dies() {
    let (mut n1, _root) = Cluster::founder(&[]);
    for number in 1..=3 {
        let _ = n1.put(&format!("k{number}"), "v").expect(200);
    }
    let digest = n1.digest();
    let mut places: Vec<String> =
        ["tmp_write[0]", "tmp_write[100]", "tmp_write[999999]", "fsync", "rename", "dir_fsync"]
            .map(|step| format!("rec.tail.{step}"))
            .into();
    places
        .extend(["rec.overwrite[0]", "rec.overwrite[512]", "rec.overwrite[3584]"].map(Into::into));
    places.push("rec.overwrite_fsync".to_owned());
    for point in &places {
        assert_eq!(n1.stop(), Some(0));
        n1.start_to_die_at("wal.mid_write[1024]");
        assert!(n1.try_put("torn", "v").is_none(), "acknowledged");
        n1.died_at("wal.mid_write[1024]");
        // Once all of it is zeroed there is no tail for another start to die over.
        let zeroed = ["rec.overwrite[3584]", "rec.overwrite_fsync"].contains(&point.as_str());
        for _ in 0..if zeroed { 1 } else { 2 } {
            n1.spawn_to_die_at(point);
            n1.died_at(point);
        }
        n1.start();
        assert_eq!(n1.digest(), digest, "{point}");
        n1.get("/v1/kv/torn").refused(404, "KEY_NOT_FOUND");
        let kept = fs::read_dir(n1.dir.join("quarantine")).expect("the quarantine");
        let tails = kept.flatten().filter(|it| it.path().extension().is_some_and(|e| e == "tail"));
        // The same tail has the same name; one that is zeroed in part is another one, and the first is still there.
        let tails: Vec<_> = tails.map(|it| fs::read(it.path()).expect("a tail")).collect();
        assert!((1..=3).contains(&tails.len()), "{point}: {} tails", tails.len());
        let whole = |tail: &&Vec<u8>| tail[..1024].iter().filter(|byte| **byte != 0).count() > 100;
        assert!(tails.iter().any(|tail| whole(&tail)), "{point}: what was torn is kept");
    }
}

/// The last frame is whole and was never known to be durable: it is written again, and the start dies within.
#[test]
fn m_c18_the_last_frame_is_written_again_wherever_the_start_dies() {
    let (mut n1, _root) = Cluster::founder(&[]);
    for (number, point) in (1..).zip([
        "rec.overwrite[0]",
        "rec.overwrite[512]",
        "rec.overwrite[3584]",
        "rec.overwrite_fsync",
    ]) {
        assert_eq!(n1.stop(), Some(0));
        n1.start_to_die_at("wal.after_write");
        assert!(n1.try_put(&format!("k{number}"), "v").is_none(), "acknowledged");
        n1.died_at("wal.after_write");
        for _ in 0..3 {
            n1.spawn_to_die_at(point);
            n1.died_at(point);
        }
        n1.start();
        assert_eq!(n1.get(&format!("/v1/kv/k{number}")).expect(200).text, "v", "{point}");
        assert_eq!(n1.data("/v1/status")["tips"]["acknowledged"], number, "{point}");
    }
}

/// A log, or a part of one, that the rest of the directory speaks of: never a new database.
#[test]
fn m_c21_a_missing_log_is_missed_and_is_never_a_new_one() {
    let (mut n1, _root) = stopped();
    n1.start();
    assert_eq!(n1.stop(), Some(0));
    let wal = n1.dir.join("wal");
    let first = wal.join("0000000000000001.seg");
    let aside = n1.dir.with_extension("aside");
    for gone in [&first, &wal, &n1.dir.join("snapshots")] {
        fs::rename(gone, &aside).expect("renamed");
        let before = directory_digest(&n1.dir);
        let refused = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
        assert_eq!(refused.code, Some(1), "{}: {refused:?}", gone.display());
        assert_eq!(before, directory_digest(&n1.dir), "{}", gone.display());
        fs::rename(&aside, gone).expect("renamed");
    }
    n1.start();
    assert_eq!(n1.data("/v1/status")["tips"]["acknowledged"], 30);
}

#[test]
fn m_c22_the_clock_and_the_place_are_no_input_of_a_recovery() {
    let (mut n1, _root) = stopped();
    let mut explained = Vec::new();
    for variables in [
        &[][..],
        &[("TZ", "Pacific/Kiritimati"), ("LANG", "tr_TR.UTF-8")][..],
        &[("SOURCE_DATE_EPOCH", "0"), ("TZ", "America/Adak"), ("LC_ALL", "C")][..],
    ] {
        n1.start_in(variables);
        explained.push(recovery(&n1).to_string());
        n1.kill();
    }
    // What a clock that was set back would have changed: the times of every file.
    for path in directory_digest(&n1.dir).keys() {
        let file = fs::File::options().write(true).open(path).expect("a file");
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        file.set_modified(long_ago).expect("its time is set");
    }
    n1.start();
    explained.push(recovery(&n1).to_string());
    explained.dedup();
    assert_eq!(explained.len(), 1, "{explained:?}");
}

/// On a replica: three times at each step, and what it received and has not validated is still that.
#[test]
fn m_r21_a_replicas_recovery_that_dies_at_each_step_comes_to_the_same() {
    let mut stage = Stage::set();
    stage.put_followed(1..=3);
    stage.n2.kill();
    stage.n1.kill();
    stage.n2.start();
    let (once, digest) = (recovery(&stage.n2), stage.n2.digest());
    stage.n2.kill();
    for point in steps() {
        for _ in 0..3 {
            stage.n2.spawn_to_die_at(&point);
            stage.n2.died_at(&point);
        }
        stage.n2.start();
        assert_eq!(recovery(&stage.n2).to_string(), once.to_string(), "{point}");
        assert_eq!(stage.n2.digest(), digest, "{point}");
        stage.n2.kill();
    }
    stage.n1.start();
    stage.n2.start();
    stage.assert_equal(3);
}

/// Flips a bit of this byte of a file.
pub(crate) fn flip(path: &std::path::Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).expect("a file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("a byte");
    file.write_all_at(&[byte[0] ^ 0x10], at).expect("written");
}
