//! M-P01 to M-P16, M-P19 to M-P24: a promotion dies at every one of its steps, on either node.

use std::fs;
use std::thread;

use aerodb_tests::{Node, aerodb, directory_digest};
use serde_json::{Value, json};

use crate::rows::pair::{ORDERS, Pair, state};

/// Offsets within a frame of one block: nothing of it, the first sector, all but the last one. Sectors are
/// written whole, by devices and by the page cache alike.
pub(crate) const EDGES: [u64; 3] = [0, 512, 3584];

fn at_edges(point: &str, times: &str) -> Vec<String> {
    EDGES.iter().map(|byte| format!("{point}[{byte}]{times}")).collect()
}

/// The places of one append to a ledger, up to the write of the whole frame, and from there on.
pub(crate) fn before_the_frame(ledger: &str, times: &str) -> Vec<String> {
    let mut points = vec![format!("{ledger}.before_write{times}")];
    points.extend(at_edges(&format!("{ledger}.mid_write"), times));
    points
}

pub(crate) fn after_the_frame(ledger: &str, times: &str) -> Vec<String> {
    let frame = ["after_write", "mid_fsync", "after_fsync", "trailer.before_write"];
    let mut points: Vec<_> = frame.iter().map(|step| format!("{ledger}.{step}{times}")).collect();
    points.extend(at_edges(&format!("{ledger}.trailer.mid_write"), times));
    let trailer = ["after_write", "mid_fsync", "after_fsync"];
    points.extend(trailer.iter().map(|step| format!("{ledger}.trailer.{step}{times}")));
    points
}

/// What is there of a promotion that ends at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Nothing.
    AsBefore,
    /// The grant; nobody was answered.
    Granted,
    /// The grant; the answer left before the point was reached, and came or did not.
    Answered,
}

/// Both nodes die while the successor is promoted, it at each of these points; they start in either order.
#[track_caller]
fn each_dies(points: &[String], ends: Ends) {
    let mut pair = Pair::designated();
    for first in ORDERS {
        for point in points {
            let what = format!("{point}, {first:?} first");
            let epoch = pair.holder.epoch();
            pair.arm_heir(point);
            match ends {
                Ends::AsBefore | Ends::Granted => pair.dies_promoting(point),
                Ends::Answered => pair.dies_promoted(point),
            }
            pair.holder.kill();
            pair.start_both(first);
            if ends != Ends::AsBefore {
                pair.assert_granted(epoch, &what);
                pair.holder.designate(&pair.heir.id);
            } else {
                pair.assert_as_before(epoch, &what);
            }
        }
    }
    pair.audited();
}

fn points(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Every file but those of the decision ledger, which keeps what was refused, and the stamp.
fn authority_and_history(node: &Node) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = directory_digest(&node.dir).into_iter();
    files
        .filter(|(path, _)| {
            ["authority.ledger", "wal"].iter().any(|dir| path.starts_with(node.dir.join(dir)))
        })
        .collect()
}

#[test]
fn m_p01_a_request_that_is_cut_off_or_malformed_changes_nothing() {
    each_dies(&points(&["promo.before_request"]), Ends::AsBefore);
    let pair = Pair::designated();
    let before = directory_digest(&pair.heir.dir);
    for body in [
        json!({}),
        json!({ "expected_epoch": "1", "reason": "x" }),
        json!({ "expected_epoch": 1, "reason": "x", "force": true }),
    ] {
        pair.heir.post("/v1/promotions", &body).refused(400, "INVALID_REQUEST");
    }
    assert_eq!(before, directory_digest(&pair.heir.dir));
}

/// The request is recorded, or half recorded; no decision is. It is forgotten.
/// Proves: P6-AS1, P6-B0, P6-B1.
#[test]
fn m_p02_a_request_that_nothing_was_decided_on_is_forgotten() {
    let mut places = before_the_frame("record", "");
    places.extend(points(&[
        "record.after_write",
        "record.mid_fsync",
        "record.after_fsync",
        "promo.requested",
    ]));
    each_dies(&places, Ends::AsBefore);
}

/// Proves: P6-B0, P6-B2.
#[test]
fn m_p03_a_validation_that_is_cut_short_was_never_made() {
    let steps: Vec<_> = (1..=4).map(|step| format!("promo.validating[{step}]")).collect();
    each_dies(&steps, Ends::AsBefore);
}

/// What the decision would read is damaged: the node does not start, and a decision offline is refused too.
#[test]
fn m_p04_a_damaged_input_grants_nothing() {
    let mut pair = Pair::designated();
    assert_eq!(pair.heir.stop(), Some(0));
    let segment = "0000000000000001.seg";
    for file in ["authority.ledger", "decision.ledger", "wal"] {
        let path = pair.heir.dir.join(file).join(segment);
        let whole = fs::read(&path).expect("a file");
        let mut damaged = whole.clone();
        damaged[4096 + 300] ^= 0x20;
        fs::write(&path, &damaged).expect("written");
        let before = directory_digest(&pair.heir.dir);
        let dir = pair.heir.dir_arg();
        let asked = ["promote", "--dry-run", "--expected-epoch", "1", "--reason", "x"];
        let dry = aerodb(&[&asked[..], &["--data-dir", dir]].concat());
        assert_ne!(dry.code, Some(0), "{file}: {dry:?}");
        let served = aerodb(&["serve", "--data-dir", dir]);
        assert_eq!(served.code, Some(1), "{file}: {served:?}");
        assert!(served.stderr.contains(file), "{file}: {}", served.stderr);
        assert_eq!(before, directory_digest(&pair.heir.dir), "{file}");
        fs::write(&path, &whole).expect("restored");
    }
    pair.heir.start();
    let _ = pair.heir.promote(1).expect(200);
}

#[track_caller]
fn denied(node: &Node, body: &Value, rule: &str) {
    let before = authority_and_history(node);
    let answer = node.post("/v1/promotions", body);
    answer.refused(409, "PROMOTION_DENIED");
    let rules = answer.body["explanation"]["rules_applied"].as_array().expect("rules").clone();
    let failed = |it: &Value| it["rule_id"] == rule && it["evaluation"] != "true";
    assert!(rules.iter().any(failed), "{rule} is not what fails: {}", answer.text);
    assert!(before == authority_and_history(node), "{rule}: something has changed");
}

#[test]
fn m_p05_who_may_not_hold_is_denied_and_nothing_changes() {
    let mut pair = Pair::designated();
    let ask = |epoch: u64| json!({ "expected_epoch": epoch, "reason": "test" });
    let (holder, heir) = (&pair.holder, &pair.heir);
    let other_epoch = heir.post("/v1/promotions", &ask(7));
    other_epoch.refused(409, "PROMOTION_DENIED");
    let other_node = json!({ "expected_epoch": 1, "replica_id": "n9", "reason": "test" });
    heir.post("/v1/promotions", &other_node).refused(409, "PROMOTION_DENIED");
    holder.post("/v1/promotions", &ask(1)).refused(409, "PROMOTION_DENIED");

    // A copy of the successor is halted, and a halted node is denied.
    assert_eq!(pair.heir.stop(), Some(0));
    let moved = pair.heir.dir.with_extension("copy");
    let copied = std::process::Command::new("cp").arg("-a").args([&pair.heir.dir, &moved]).status();
    assert!(copied.expect("cp runs").success());
    let original = std::mem::replace(&mut pair.heir.dir, moved);
    pair.heir.start();
    pair.heir.post("/v1/promotions", &ask(1)).refused(409, "PROMOTION_DENIED");
    pair.heir.kill();
    pair.heir.dir = original;
    pair.heir.start();
    let _ = pair.heir.promote(1).expect(200);
    // It holds already.
    pair.heir.post("/v1/promotions", &ask(2)).refused(409, "PROMOTION_DENIED");
}

#[test]
fn m_p06_without_a_basis_that_names_it_a_node_is_denied() {
    let pair = Pair::strangers();
    let ask = json!({ "expected_epoch": 1, "reason": "test" });
    denied(&pair.heir, &ask, "P6-A1");
    pair.holder.designate("n2");
    let epoch_of_nobody = json!({ "expected_epoch": 2, "reason": "test" });
    pair.heir.post("/v1/promotions", &epoch_of_nobody).refused(409, "PROMOTION_DENIED");
    let _ = pair.heir.promote(1).expect(200);
}

/// Proves: P6-B0, P6-B3.
#[test]
fn m_p07_an_approval_that_was_not_carried_out_is_none() {
    each_dies(&points(&["promo.approved"]), Ends::AsBefore);
}

/// Nothing of the grant is on the disk, or a part that no reader takes for it.
#[test]
fn m_p08_before_the_grants_frame_is_whole_the_old_authority_stands() {
    each_dies(&before_the_frame("ledger", ""), Ends::AsBefore);
}

/// The frame is whole, and the process is killed, not the machine: the next opening makes it durable.
/// Proves: P6-B4, P6-B5.1.
#[test]
fn m_p09_once_the_grants_frame_is_whole_the_new_authority_stands_and_no_other() {
    each_dies(&after_the_frame("ledger", ""), Ends::Granted);
}

/// The ledger's next segment is made anew at every start: the process dies within, and the authority is as it was.
#[test]
fn m_p08_m_p09_a_segment_of_the_ledger_that_is_not_whole_is_none() {
    let mut pair = Pair::designated();
    pair.holder.kill();
    let _ = pair.heir.promote(1).expect(200);
    for step in ["tmp_write[0]", "tmp_write[1]", "tmp_write[4095]", "fsync", "rename", "dir_fsync"]
    {
        let point = format!("ledger.create.{step}");
        pair.heir.kill();
        for _ in 0..2 {
            pair.heir.spawn_to_die_at(&point);
            pair.heir.died_at(&point);
        }
        pair.heir.start();
        assert_eq!(pair.heir.epoch(), 2, "{point}");
        let _ = pair.heir.put("k", "v").expect(200);
    }
    pair.assert_readable(&pair.heir);
}

#[test]
fn m_p10_a_grant_that_is_durable_stands_before_the_role_has_followed() {
    each_dies(&points(&["promo.role_rebind"]), Ends::Granted);
}

/// The node's own record of it may be missing; the grant is in the ledger.
#[test]
fn m_p11_a_grant_stands_whatever_became_of_the_record_and_the_answer() {
    each_dies(&points(&["promo.succeeded"]), Ends::Granted);
    // From here on the answer has left. First the trailer that the request's entry is owed, then the outcome.
    let mut places: Vec<_> = after_the_frame("record", "")
        .into_iter()
        .filter(|point| point.starts_with("record.trailer."))
        .collect();
    places.extend(before_the_frame("record", ":2"));
    places.extend(points(&[
        "record.after_write:2",
        "record.trailer.after_fsync:2",
        "promo.recorded",
    ]));
    each_dies(&places, Ends::Answered);
}

#[test]
fn m_p12_a_new_primary_is_still_it_after_many_restarts_and_its_ids_go_on() {
    let mut pair = Pair::designated();
    pair.holder.kill();
    let _ = pair.heir.promote(1).expect(200);
    for round in 1..=6 {
        if round % 2 == 0 {
            assert_eq!(pair.heir.stop(), Some(0));
            pair.heir.start();
        } else {
            pair.heir.restart();
        }
        assert_eq!(pair.heir.epoch(), 2, "round {round}");
        let put = pair.heir.put("k", &round.to_string()).expect(200);
        assert_eq!(put.body["data"]["commit_id"], pair.acknowledged + round);
        assert_eq!(put.body["data"]["epoch"], 2);
    }
    pair.assert_readable(&pair.heir);
}

/// The first write of a new epoch is a write like any other.
#[test]
fn m_p13_the_first_write_of_a_new_epoch_is_whole_or_absent_at_each_of_its_boundaries() {
    for (point, there) in [
        ("write.before_wal", false),
        ("wal.before_write", false),
        ("wal.mid_write[512]", false),
        ("wal.after_write", true),
        ("wal.mid_fsync", true),
        ("wal.after_fsync", true),
        ("commit.before_visible", true),
        ("ack.before_send", true),
    ] {
        let mut pair = Pair::designated();
        pair.holder.kill();
        let _ = pair.heir.stop();
        pair.heir.start_to_die_at(point);
        let _ = pair.heir.promote(1).expect(200);
        assert!(pair.heir.try_put("first", "1").is_none(), "{point}: acknowledged");
        pair.heir.died_at(point);
        pair.heir.start();
        assert_eq!(pair.heir.epoch(), 2, "{point}");
        let found = pair.heir.get("/v1/kv/first").status;
        assert_eq!(found, if there { 200 } else { 404 }, "{point}");
        let next = pair.heir.put("next", "1").expect(200);
        let commit = pair.acknowledged + 1 + u64::from(there);
        assert_eq!(next.body["data"]["commit_id"], commit, "{point}");
        pair.assert_readable(&pair.heir);
    }
}

#[test]
fn m_p14_without_its_holder_a_cluster_takes_no_write_and_reads_what_is_safe() {
    let mut pair = Pair::designated();
    pair.holder.kill();
    pair.heir.put("k", "1").refused(421, "NOT_HOLDER");
    let read = pair.heir.get("/v1/kv/a1?consistency=snapshot").expect(200);
    assert_eq!(read.text, "1");
    pair.heir.get("/v1/kv/a1?consistency=linearizable").refused(421, "NOT_HOLDER");
    assert_eq!(pair.heir.data("/v1/status")["role"], "ReplicaActive");
    pair.holder.start();
    pair.heir.resume();
    pair.wait_attached();
    pair.put();
}

/// The old holder dies while the successor stands at a step of its promotion: it makes no difference.
/// Proves: P6-PF2.1.
#[test]
fn m_p15_when_the_old_holder_dies_makes_no_difference_to_a_promotion() {
    let mut explained = Vec::new();
    for point in ["promo.requested", "promo.approved", "ledger.after_write", "promo.role_rebind"] {
        let mut pair = Pair::designated();
        let _ = pair.heir.stop();
        let mut hold = pair.heir.start_to_stand_at(point);
        pair.wait_attached();
        thread::scope(|scope| {
            let heir = &pair.heir;
            let asked = scope.spawn(|| heir.promote(1));
            hold.reached(heir);
            pair.holder.kill();
            hold.release();
            let granted = asked.join().expect("no panic").expect(200);
            let data = &granted.body["data"];
            explained.push(json!([data["start_commit"], data["epoch"], data["holder"]]));
        });
        pair.holder.start();
        pair.assert_granted(1, point);
        pair.audited();
    }
    explained.dedup();
    assert_eq!(explained.len(), 1, "{explained:?}");
}

/// The old holder hears of the later grant, and dies while it takes it into its ledger or just after.
#[test]
fn m_p16_a_deposed_holder_never_acknowledges_wherever_it_dies_on_its_way_back() {
    let mut places = before_the_frame("ledger", "");
    places.extend(after_the_frame("ledger", ""));
    places.push("adopt.durable".to_owned());
    let mut pair = Pair::designated();
    for point in &places {
        let epoch = pair.holder.epoch();
        pair.holder.kill();
        let _ = pair.heir.promote(epoch).expect(200);
        // With no contact to the new holder it knows nothing, and owes a receipt that never comes.
        pair.holder.start_to_die_at(point);
        pair.holder.put("stolen", "1").refused(503, "SUCCESSOR_DETACHED");
        let body = json!({ "upstream": pair.heir.url(), "reason": "test" });
        let followed = pair.holder.try_post("/v1/replication/follow", &body);
        assert!(followed.is_none(), "{point}: {followed:?}");
        pair.holder.died_at(point);
        pair.holder.start();
        let stolen = pair.holder.put("stolen", "1");
        assert_ne!(stolen.status, 200, "{point}: acknowledged by a deposed holder");
        let _ = pair.holder.follow(&pair.heir).expect(200);
        std::mem::swap(&mut pair.holder, &mut pair.heir);
        pair.wait_attached();
        pair.put();
        pair.assert_equal();
        pair.holder.designate(&pair.heir.id);
    }
    pair.audited();
}

/// The replica is dead before it is asked, or dies while it is: see also M-P02 to M-P11.
/// Proves: P6-RF1.1.
#[test]
fn m_p19_a_replica_that_is_dead_is_not_promoted() {
    let mut pair = Pair::designated();
    pair.heir.kill();
    let body = json!({ "expected_epoch": 1, "reason": "test" });
    assert!(pair.heir.try_post("/v1/promotions", &body).is_none());
    pair.heir.start();
    pair.assert_as_before(1, "asked while dead");
}

#[test]
fn m_p20_a_request_asked_many_times_at_once_has_one_outcome() {
    let mut pair = Pair::designated();
    let _ = pair.heir.stop();
    let mut hold = pair.heir.start_to_stand_at("promo.approved");
    pair.wait_attached();
    let same = json!({ "expected_epoch": 1, "reason": "test", "request_id": "r1" });
    let other = json!({ "expected_epoch": 1, "reason": "test", "request_id": "r2" });
    let heir = &pair.heir;
    thread::scope(|scope| {
        let asked: Vec<_> =
            (0..8).map(|_| scope.spawn(|| heir.post("/v1/promotions", &same))).collect();
        hold.reached(heir);
        let second = scope.spawn(|| heir.post("/v1/promotions", &other));
        hold.release();
        let mut ids: Vec<_> = asked
            .into_iter()
            .map(|it| it.join().expect("no panic").expect(200))
            .map(|answer| answer.body["data"]["promotion_id"].clone())
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let second = second.join().expect("no panic");
        assert_eq!(second.status, 409, "{}", second.text);
    });
    assert_eq!(pair.heir.epoch(), 2);
    let grants = pair.heir.data("/v1/ledger?log=authority&limit=1000").to_string();
    assert_eq!(grants.matches("\"authority_granted\"").count(), 1, "{grants}");
}

/// A write that arrives while the successor decides is not acknowledged, and not part of the decision.
#[test]
fn m_p21_writes_and_reads_that_meet_a_promotion_see_one_epoch_or_the_other() {
    let mut pair = Pair::designated();
    let _ = pair.heir.stop();
    let mut hold = pair.heir.start_to_stand_at("promo.validating");
    pair.wait_attached();
    let tip = pair.acknowledged;
    let (holder, heir) = (&pair.holder, &pair.heir);
    thread::scope(|scope| {
        let asked = scope.spawn(|| heir.promote(1));
        hold.reached(heir);
        let soon = [("aerodb-deadline-ms", "300")];
        let caught = holder.try_send("PUT", "/v1/kv/caught", &soon, Some(b"1")).expect("an answer");
        assert_eq!(caught.status, 503, "{}", caught.text);
        let read = heir.get("/v1/kv/a1?consistency=snapshot").expect(200);
        assert_eq!((read.view, read.epoch), (Some(tip), Some(1)));
        hold.release();
        let granted = asked.join().expect("no panic").expect(200);
        assert_eq!(granted.body["data"]["start_commit"], tip);
    });
    heir.get("/v1/kv/caught").refused(404, "KEY_NOT_FOUND");
    let read = heir.get("/v1/kv/a1").expect(200);
    assert_eq!((read.view, read.epoch), (Some(tip), Some(2)));
    pair.assert_readable(heir);
}

/// A ledger that lost a byte or itself: the identity says that there was one.
#[test]
fn m_p22_a_damaged_or_missing_ledger_refuses_the_start_and_is_never_a_new_one() {
    let mut pair = Pair::designated();
    let _ = pair.heir.promote(1).expect(200);
    assert_eq!(pair.heir.stop(), Some(0));
    let dir = pair.heir.dir.join("authority.ledger");
    let path = dir.join("0000000000000001.seg");
    let whole = fs::read(&path).expect("a file");
    let used = whole.len() - whole.iter().rev().take_while(|byte| **byte == 0).count();
    let serve = || aerodb(&["serve", "--data-dir", pair.heir.dir_arg()]);
    for at in (0..used).step_by(used / 16) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).expect("written");
        let before = directory_digest(&pair.heir.dir);
        let refused = serve();
        assert_eq!(refused.code, Some(1), "byte {at}: {refused:?}");
        assert!(refused.stderr.contains("authority.ledger"), "byte {at}: {}", refused.stderr);
        assert_eq!(before, directory_digest(&pair.heir.dir), "byte {at}");
    }
    fs::remove_file(&path).expect("removed");
    assert_eq!(serve().code, Some(1), "without its segment");
    fs::write(&path, &whole).expect("restored");
    let aside = dir.with_extension("aside");
    fs::rename(&dir, &aside).expect("renamed");
    assert_eq!(serve().code, Some(1), "without its directory");
    fs::rename(&aside, &dir).expect("renamed");
    pair.heir.start();
    assert_eq!(pair.heir.epoch(), 2);
}

/// The same question has the same bytes for an answer, whatever the process runs in.
#[test]
fn m_p23_the_environment_is_no_input() {
    let mut pair = Pair::designated();
    let ask = json!({ "expected_epoch": 1, "reason": "test" });
    let mut answers = Vec::new();
    for variables in [
        &[][..],
        &[("TZ", "Pacific/Kiritimati"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "C")][..],
        &[("RUST_LOG", "trace"), ("TOKIO_WORKER_THREADS", "1"), ("HOME", "/nowhere")][..],
    ] {
        let _ = pair.heir.stop();
        pair.heir.start_in(variables);
        pair.wait_attached();
        let dry = pair.heir.post("/v1/promotions?dry_run=true", &ask).expect(200);
        answers.push(dry.body["data"]["explanation"].to_string());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[test]
fn m_p24_with_failover_disabled_a_promotion_is_unknown_and_nothing_else_differs() {
    let mut pair = Pair::designated();
    let _ = pair.heir.stop();
    let path = pair.heir.dir.join("aerodb.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    let others: Vec<_> = text.lines().filter(|line| !line.starts_with("failover")).collect();
    let disabled = format!("failover = \"disabled\"\n{}\n", others.join("\n"));
    fs::write(&path, disabled).expect("written");
    pair.heir.start();
    pair.wait_attached();
    pair.heir.promote(1).refused(404, "NO_SUCH_ROUTE");
    pair.put();
    assert_eq!(state(&pair.heir, "role"), "ReplicaActive");
    pair.assert_equal();
}
