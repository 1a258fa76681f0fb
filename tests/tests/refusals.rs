//! What is refused, each with its own code, and nothing is changed on disk by it.

use std::io::{Read, Write};
use std::net::TcpStream;

use aerodb_tests::{Cluster, Node, aerodb, directory_digest};
use serde_json::{Value, json};

fn post_raw(node: &Node, path: &str, body: &str) -> aerodb_tests::Answer {
    let headers = [("content-type", "application/json")];
    node.try_send("POST", path, &headers, Some(body.as_bytes())).expect("an answer")
}

/// Proves: P6-B1.1, P6-B1.2, P6-RI6, OAPI-9.
#[test]
fn foreign_stale_and_malformed_requests_leave_the_disk_as_it_was() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    cluster.n1.designate("n2");
    cluster.n2.wait_applied(1);
    let before = directory_digest(&cluster.n2.dir);

    cluster.n2.put("k", "w").refused(421, "NOT_HOLDER");
    assert_eq!(cluster.n2.put("k", "w").body["holder"], "n1");
    cluster.n2.get("/v1/kv/k?consistency=linearizable").refused(421, "NOT_HOLDER");
    for (body, code) in [
        (r#"{"expected_epoch":1,"reason":"r","force":true}"#, "INVALID_REQUEST"),
        (r#"{"expected_epoch":1,"reason":"r","speed":9}"#, "INVALID_REQUEST"),
        (r#"{"expected_epoch":"1","reason":"r"}"#, "INVALID_REQUEST"),
        (r#"{"expected_epoch":0,"reason":"r"}"#, "INVALID_REQUEST"),
        (r#"{"expected_epoch":1,"reason":""}"#, "INVALID_REQUEST"),
        (r#"{"expected_epoch":1}"#, "INVALID_REQUEST"),
        (r#"{"expected_epoch":1,"#, "INVALID_REQUEST"),
        ("", "INVALID_REQUEST"),
    ] {
        post_raw(&cluster.n2, "/v1/promotions", body).refused(400, code);
    }
    cluster.n2.get("/v1/promotions?verbose=1").refused(400, "INVALID_PARAMETER");
    cluster.n2.get("/v2/status").refused(404, "NO_SUCH_ROUTE");
    cluster.n2.get("/v1/replication/force").refused(404, "NO_SUCH_ROUTE");
    cluster.n2.get("/v1/replication/discard-suffix").refused(405, "METHOD_NOT_ALLOWED");
    let stray = cluster.n2.try_send("DELETE", "/v1/status", &[], None).expect("an answer");
    stray.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(before, directory_digest(&cluster.n2.dir));

    // A dry run with a stale epoch is denied without a trace; the request itself is recorded.
    let stale = json!({ "expected_epoch": 7, "reason": "stale" });
    let denied = cluster.n2.post("/v1/promotions?dry_run=true", &stale);
    denied.refused(409, "PROMOTION_DENIED");
    assert_eq!(denied.body["rule"], "P6-A3");
    assert_eq!(before, directory_digest(&cluster.n2.dir));
    let authority = cluster.n2.data("/v1/ledger");
    let denied = cluster.n2.post("/v1/promotions", &stale);
    denied.refused(409, "PROMOTION_DENIED");
    assert_eq!(authority, cluster.n2.data("/v1/ledger"));
    let id = denied.body["promotion_id"].as_str().expect("an id").to_owned();
    let explained = cluster.n2.data(&format!("/v1/explain/promotion/{id}"));
    assert_eq!(explained, denied.body["explanation"]);
    assert_eq!(cluster.n2.data(&format!("/v1/promotions/{id}"))["outcome"], "denied");
    // Writing goes on meanwhile: a denial does not touch the receiver.
    let _ = cluster.n1.put("k2", "v2").expect(200);
}

/// Proves: P6-DF5.
#[test]
fn a_request_id_gives_its_recorded_outcome_and_no_other_request() {
    let mut cluster = Cluster::start();
    let request = json!({ "expected_epoch": 1, "reason": "r", "request_id": "same" });
    let first = cluster.n3.post("/v1/promotions", &request);
    first.refused(409, "PROMOTION_DENIED");
    cluster.n3.restart();
    let again = cluster.n3.post("/v1/promotions", &request);
    assert_eq!((again.status, &again.body), (409, &first.body));
    let other = json!({ "expected_epoch": 2, "reason": "r", "request_id": "same" });
    let reused = cluster.n3.post("/v1/promotions", &other);
    reused.refused(422, "REQUEST_ID_REUSED");
    assert_eq!(reused.body["rule"], "P6-DF5");
    // What the id was used for can be seen where the remedy says.
    let path = reused.body["remedies"][0]["path"].as_str().expect("a path");
    let record = cluster.n3.get(path).expect(200).text;
    assert!(record.contains("\"request_id\":\"same\""), "{record}");
}

#[test]
fn a_release_asked_again_by_its_request_id_gives_its_recorded_outcome() {
    let cluster = Cluster::start();
    cluster.n1.designate("n2");
    let request = json!({ "expected_epoch": 1, "reason": "r", "request_id": "release" });
    let first = cluster.n1.post("/v1/authority/release", &request).expect(200);
    // Nobody is designated any more, and the request still means the release that it made.
    let again = cluster.n1.post("/v1/authority/release", &request).expect(200);
    let seq =
        |answer: &aerodb_tests::Answer| answer.body["data"]["seq"].as_u64().expect("a number");
    assert_eq!(seq(&first), seq(&again));
}

/// Proves: M-W16.
#[test]
fn wal2_a_second_process_on_one_directory_is_refused() {
    let (n1, _root) = Cluster::founder(&[]);
    let before = directory_digest(&n1.dir);
    let second = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(
        second.stderr.contains("DATA_DIR_LOCKED") && second.stderr.contains("WAL-2"),
        "{}",
        second.stderr
    );
    assert_eq!(before, directory_digest(&n1.dir));
    let _ = n1.put("k", "v").expect(200);
}

#[test]
fn a_peer_of_another_cluster_is_refused() {
    let (ours, _root) = Cluster::founder(&[]);
    let (theirs, _other_root) = Cluster::founder(&[]);
    let before = directory_digest(&theirs.dir);
    // A founder that is told to follow a node of another cluster asks it for its ledger.
    let refused = ours.follow(&theirs);
    refused.refused(403, "FOREIGN_CLUSTER");
    assert_eq!(before, directory_digest(&theirs.dir));
    let _ = ours.put("k", "v").expect(200);
}

#[test]
fn a_holder_that_is_told_to_follow_without_a_later_grant_stays_the_holder() {
    let cluster = Cluster::start();
    let refused = cluster.n1.follow(&cluster.n2);
    refused.refused(409, "COMMAND_REFUSED");
    assert_eq!(refused.body["rule"], "P6-A1");
    let _ = cluster.n1.put("k", "v").expect(200);
}

#[test]
fn au9_a_cluster_that_insists_on_a_successor_takes_no_write_without_one() {
    let (n1, _root) = Cluster::founder(&["--minimum-durability", "paired"]);
    let refused = n1.put("k", "v");
    refused.refused(503, "SUCCESSOR_REQUIRED");
    assert_eq!(refused.body["rule"], "AU-9");
    assert_eq!(n1.data("/v1/explain/write")["conclusion"]["reason"], "AU-9");
    assert_eq!(n1.get("/primary").status, 503);
    assert_eq!(n1.get("/read-only").status, 200);
}

/// Sends bytes and gives what comes back before the connection ends.
fn raw(node: &Node, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", node.port)).expect("a connection");
    stream.write_all(bytes).expect("sent");
    stream.shutdown(std::net::Shutdown::Write).expect("half closed");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn hostile_bytes_are_answered_and_the_node_goes_on() {
    let (n1, _root) = Cluster::founder(&[]);
    let before = n1.data("/v1/status")["tips"].clone();
    for bytes in [
        &b"\x00\x01\x02\x03\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n",
        b"PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nshort",
        b"PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PUT /v1/kv/%ff HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nv",
        b"PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\nif-match: \xff\xfe\r\ncontent-length: 1\r\n\r\nv",
        b"PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\naerodb-deadline-ms: never\r\ncontent-length: 1\r\n\r\nv",
        b"POST /v1/replication/stream/pull HTTP/1.1\r\nhost: x\r\ncontent-type: application/vnd.aerodb.pull\r\ncontent-length: 3\r\n\r\nabc",
    ] {
        let answer = raw(&n1, bytes);
        assert!(!answer.starts_with("HTTP/1.1 2"), "{:?} was taken: {answer}", String::from_utf8_lossy(bytes));
        assert!(!answer.starts_with("HTTP/1.1 5"), "{:?} failed: {answer}", String::from_utf8_lossy(bytes));
    }
    let long = "k".repeat(1025);
    n1.put(&long, "v").refused(400, "INVALID_PARAMETER");
    n1.put("k", &"v".repeat((1 << 20) + 1)).refused(413, "TOO_LARGE");
    assert_eq!(before, n1.data("/v1/status")["tips"]);
    let _ = n1.put("k", "v").expect(200);
    assert_eq!(n1.data("/v1/state"), n1.data("/v1/state"));
    let machines: Vec<Value> = n1.data("/v1/state").as_array().expect("a list").clone();
    assert!(
        machines
            .iter()
            .any(|machine| machine["machine"] == "role" && machine["state"] == "PrimaryActive")
    );
}

#[test]
fn serve_of_a_directory_that_is_not_there_could_not_read_it() {
    let nowhere = aerodb(&["serve", "--data-dir", "/nonexistent/aerodb"]);
    assert_eq!(nowhere.code, Some(3), "{nowhere:?}");
}
