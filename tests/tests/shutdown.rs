//! SIGTERM: what only waits for news gives up at once; the grace is for requests that do something.

use std::time::{Duration, Instant};

use aerodb_tests::Cluster;

/// Well below the 5 seconds that running requests are given to end.
const PROMPT: Duration = Duration::from_secs(4);

#[test]
fn a_holder_with_open_pulls_and_a_waiting_read_stops_promptly() {
    let mut cluster = Cluster::start();
    cluster.n1.designate("n2");
    let url = format!("{}/v1/kv/k?min_commit=99", cluster.n1.url());
    let waiting = std::thread::spawn(move || aerodb_tests::send("GET", &url, &[], None));
    let asked = Instant::now();
    assert_eq!(cluster.n1.stop(), Some(0), "{}", cluster.n1.log());
    assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
    // It is answered if it arrived before the stop, and then that its commit is not there.
    if let Some(answer) = waiting.join().expect("no panic") {
        answer.refused(503, "COMMIT_NOT_REACHED");
    }
    cluster.n2.wait("notices", || {
        let data = cluster.n2.try_get("/v1/replication")?.body["data"].clone();
        data["replica_state"].as_str()?.starts_with("Detached").then_some(())
    });
}
