//! F-RS1: a read while the node is not read-safe is refused with the reason.

use aerodb_tests::{Answer, Cluster, Node, configured};
use serde_json::json;

use crate::golden;
use crate::pruning::overwrite;

/// Short enough for a test, long enough for a request that waits for nothing.
const SOON: [(&str, &str); 1] = [("aerodb-deadline-ms", "200")];

#[track_caller]
fn read(node: &Node, path: &str) -> Answer {
    node.try_send("GET", path, &SOON, None).expect("an answer")
}

/// Get and scan are refused alike, with this code and rule and no trace of a result.
#[track_caller]
fn refused(node: &Node, query: &str, (status, code, rule): (u16, &str, &str)) -> Answer {
    let scan = read(node, &format!("/v1/kv{query}"));
    let get = read(node, &format!("/v1/kv/k{query}"));
    for answer in [&scan, &get] {
        answer.refused(status, code);
        assert_eq!(answer.body["rule"], rule, "{}", answer.text);
        assert_eq!((answer.view, answer.etag.as_deref()), (None, None), "{}", answer.text);
        assert!(answer.body.get("data").is_none(), "{}", answer.text);
    }
    get
}

/// `/v1/explain/read` says refused too, by the same rule.
#[track_caller]
fn says_why(node: &Node, rule: &str) {
    let explanation = node.data("/v1/explain/read?key=k");
    assert_eq!(explanation["conclusion"]["status"], "refused");
    let rules = explanation["rules_applied"].as_array().expect("rules");
    let failed = rules.iter().find(|applied| applied["evaluation"] == "false").expect("a rule");
    assert_eq!(failed["rule_id"], rule);
}

/// Proves: M-R29, O5-7, RA-7.
#[test]
fn f_rs1_a_read_that_is_not_safe_is_refused_with_its_own_reason() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "1").expect(200);
    cluster.n2.wait_applied(1);

    let not_here = refused(&cluster.n2, "?consistency=linearizable", (421, "NOT_HOLDER", "RM-3"));
    golden::check("f_rs1_not_holder", &not_here.body["explanation"]);
    let future = refused(&cluster.n2, "?at=2", (409, "COMMIT_IN_FUTURE", "P5-I12"));
    golden::check("f_rs1_in_future", &future.body["explanation"]);
    let later = refused(&cluster.n2, "?min_commit=2", (503, "COMMIT_NOT_REACHED", "RD-2"));
    golden::check("f_rs1_not_reached", &later.body["explanation"]);

    cluster.n1.designate("n2");
    cluster.n2.freeze();
    let unconfirmed = refused(&cluster.n1, "", (503, "READ_UNSAFE", "AU-11"));
    golden::check("f_rs1_unconfirmed", &unconfirmed.body["explanation"]);
    assert_eq!(cluster.n1.get("/v1/kv/k?consistency=snapshot").expect(200).text, "1");

    // A commit that is durable on the holder alone, so that its history will not be the heir's.
    let caught = cluster.n1.try_send("PUT", "/v1/kv/k", &SOON, Some(b"2")).expect("an answer");
    caught.refused(503, "NOT_ACKNOWLEDGED");
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n1.start();
    let unknown = refused(&cluster.n1, "?consistency=snapshot", (503, "READ_UNSAFE", "AU-12"));
    golden::check("f_rs1_bound_unknown", &unknown.body["explanation"]);
    says_why(&cluster.n1, "AU-12");

    cluster.n1.kill();
    cluster.n2.start();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    cluster.n1.follow(&cluster.n2).refused(503, "HALTED");
    let halted = refused(&cluster.n1, "?consistency=snapshot", (503, "HALTED", "RM-5"));
    golden::check("f_rs1_halted", &halted.body["explanation"]);
    says_why(&cluster.n1, "RM-5");
    cluster.n1.restart();
    let still = refused(&cluster.n1, "?consistency=snapshot", (503, "HALTED", "RM-5"));
    assert_eq!(still.body["explanation"]["rules_applied"][0]["evaluation"], "false");

    let body = json!({ "successor": "n3", "expected_epoch": 2, "reason": "test" });
    let _ = cluster.n3.follow(&cluster.n2).expect(200);
    let _ = cluster.n2.post("/v1/authority/relinquish", &body).expect(200);
    let sealed = refused(&cluster.n2, "?consistency=linearizable", (503, "SEALED", "RM-3"));
    golden::check("f_rs1_sealed", &sealed.body["explanation"]);
    assert_eq!(cluster.n2.get("/v1/kv/k").expect(200).text, "1");
}

#[test]
fn f_rs1_a_commit_that_is_not_retained_is_refused_with_that_reason() {
    let (n1, _root) = configured(&[("retain_commits", 0)]);
    let _ = n1.put("k", "1").expect(200);
    for commit in 2..=4 {
        let _ = overwrite(&n1, commit).expect("an answer").expect(200);
    }
    // Its own bound is what it always shows.
    n1.wait("prunes", || {
        (n1.data("/v1/mvcc")["oldest_retained_commit_id"].as_u64() > Some(1)).then_some(())
    });
    let gone = refused(&n1, "?at=1", (410, "COMMIT_NOT_RETAINED", "MVG-2"));
    let rules = gone.body["explanation"]["rules_applied"].as_array().expect("rules");
    let failed = rules.iter().filter(|rule| rule["evaluation"] == "false").collect::<Vec<_>>();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["evidence"]["view"], 1);
    assert_eq!(n1.get("/v1/kv/k").expect(200).text, "1");
}
