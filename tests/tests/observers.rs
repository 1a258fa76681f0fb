//! Those who only look: the stream of events and the metrics on real nodes, and that nobody who looks,
//! however slowly, changes what a node does.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use aerodb_tests::{Cluster, Node};
use serde_json::{Value, json};

/// One client of the stream.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(node: &Node, query: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", node.port)).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let request = format!("GET /v1/events{query} HTTP/1.1\r\nhost: n\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).expect("sent");
        Self(BufReader::new(socket))
    }

    /// The next event: its id, its name and its data.
    fn next(&mut self) -> (u64, String, Value) {
        let (mut id, mut name) = (0, String::new());
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).expect("a line"), 0, "the stream has ended");
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.trim().parse().expect("a number");
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.trim().clone_into(&mut name);
            } else if let Some(text) = line.strip_prefix("data: ") {
                return (id, name, serde_json::from_str(text).expect("JSON"));
            }
        }
    }

    /// The events up to the first one of this name.
    fn until(&mut self, last: &str) -> Vec<(u64, String, Value)> {
        let mut events = Vec::new();
        loop {
            let event = self.next();
            let done = event.1 == last;
            events.push(event);
            if done {
                return events;
            }
        }
    }
}

const RETURNED: &str = "replication.promotion.returned_to_steady";

/// Proves: P6-RO1, P6-OB1, P6-RO4, P6-SM6.
#[test]
fn a_promotion_is_told_step_by_step_in_one_order_that_can_be_resumed() {
    let cluster = Cluster::start();
    let mut live = Stream::open(&cluster.n2, "", "");
    // Its head is there once it follows.
    let mut head = String::new();
    while head != "\r\n" {
        head.clear();
        live.0.read_line(&mut head).expect("a head");
    }
    cluster.n2.promote(1).refused(409, "PROMOTION_DENIED");
    let seen = live.until(RETURNED);
    let promotion: Vec<_> = seen.iter().filter(|event| event.2["machine"] == "promotion").collect();
    let names = promotion.iter().map(|event| event.1.as_str()).collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "replication.promotion.requested",
            "replication.promotion.validation_started",
            "replication.promotion.validation_failed",
            RETURNED,
        ]
    );
    let denied = &promotion[2].2;
    assert_eq!(denied["requested_replica_id"], "n2");
    assert!(denied["failed_invariant"].is_string(), "{denied}");
    assert!(denied["failure_reason"].is_string(), "{denied}");
    for event in &promotion {
        assert_eq!(event.2["current_primary_id"], "n1", "{event:?}");
        assert_eq!(event.2["reason"], "test", "{event:?}");
    }
    assert_eq!(promotion[3].2["outcome"], "denied");
    assert_eq!(
        (&denied["from"], &denied["to"]),
        (&json!("PromotionValidating"), &json!("PromotionDenied"))
    );

    let all = Stream::open(&cluster.n2, "?after=0", "").until(RETURNED);
    let ids: Vec<_> = all.iter().map(|event| event.0).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "one order without a gap");
    assert_eq!(all[all.len() - seen.len()..], seen, "what was told live is what the journal has");
    let middle = ids.len() / 2;
    let resume = format!("last-event-id: {}\r\n", ids[middle - 1]);
    assert_eq!(Stream::open(&cluster.n2, "", &resume).until(RETURNED), all[middle..]);
}

/// The sample lines of a metric.
fn metric(node: &Node, name: &str) -> Vec<String> {
    let text = node.get("/metrics").expect(200).text;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let of = |line: &&str| line.split([' ', '{']).next() == Some(name);
    text.lines().filter(of).map(str::to_owned).collect()
}

/// Proves: P6-OB2, P6-B2.4.
#[test]
fn metrics_count_attempts_and_show_where_the_node_is_and_a_dry_run_leaves_no_trace() {
    let cluster = Cluster::start();
    let n2 = &cluster.n2;
    let body = json!({ "expected_epoch": 1, "reason": "test" });
    n2.post("/v1/promotions?dry_run=true", &body).refused(409, "PROMOTION_DENIED");
    let requests = "replication_promotion_requests_total";
    assert_eq!(metric(n2, requests), [format!("{requests} 0")]);
    n2.promote(1).refused(409, "PROMOTION_DENIED");
    let denied = "replication_promotion_denied_total";
    assert_eq!(metric(n2, requests), [format!("{requests} 1")]);
    assert_eq!(metric(n2, denied), [format!("{denied} 1")]);
    for (part, count) in [("validation", 1), ("transition", 0)] {
        let name = format!("replication_promotion_{part}_duration_ms_count");
        assert_eq!(metric(n2, &name), [format!("{name} {count}")]);
    }
    assert_eq!(
        metric(n2, "replication_promotion_in_progress"),
        ["replication_promotion_in_progress 0"]
    );
    assert_eq!(
        metric(n2, "replication_current_primary"),
        ["replication_current_primary{replica_id=\"n1\"} 1"]
    );
    let _ = cluster.n1.put("k", "v").expect(200);
    n2.wait_applied(1);
    assert_eq!(metric(n2, "aerodb_applied_commit"), ["aerodb_applied_commit 1"]);
    assert_eq!(metric(&cluster.n1, "aerodb_writable"), ["aerodb_writable 1"]);
    assert_eq!(metric(n2, "aerodb_writable"), ["aerodb_writable 0"]);
}

/// Two hundred clients that take no event off their connections, on each node of a paired cluster.
/// Proves: P6-OB6, M-O03.
#[test]
fn observers_that_never_read_hold_up_no_write_no_replica_and_no_shutdown() {
    let mut cluster = Cluster::start();
    cluster.n1.designate("n2");
    let idle: Vec<_> = (0..200)
        .flat_map(|_| [&cluster.n1, &cluster.n2].map(|node| Stream::open(node, "?after=0", "")))
        .collect();
    // And a hundred that ask for the metrics, and read nothing of them.
    let metrics: Vec<_> = (0..100)
        .map(|_| {
            let mut socket =
                TcpStream::connect(("127.0.0.1", cluster.n1.port)).expect("a connection");
            let asked = b"GET /metrics HTTP/1.1\r\nhost: n\r\n\r\n".repeat(50);
            socket.write_all(&asked).expect("sent");
            socket
        })
        .collect();
    for number in 1..=300 {
        let put = cluster.n1.put(&format!("k{number}"), "v").expect(200);
        assert_eq!(put.body["data"]["commit_id"], number);
    }
    for replica in [&cluster.n2, &cluster.n3] {
        replica.wait_shown(300);
        assert_eq!(replica.digest(), cluster.n1.digest());
    }
    assert_eq!(cluster.n1.stop(), Some(0), "{}", cluster.n1.log());
    assert_eq!((idle.len(), metrics.len()), (400, 100));
}
