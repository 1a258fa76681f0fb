//! The stream of events: its order, where it begins, and what it says when the journal has moved on.

mod support;

use aerodb_http_api::code::Code;
use support::serve;

/// The ids of the events, `gap` for a gap.
fn ids(stream: &str) -> Vec<&str> {
    let lines = stream.lines();
    lines
        .filter_map(|line| match line {
            "event: journal.gap" => Some("gap"),
            line => line.strip_prefix("id: "),
        })
        .collect()
}

#[tokio::test]
async fn events_come_in_order_from_where_the_client_was() {
    let served = serve().await;
    let all = served.get("/v1/events?after=2").await;
    assert_eq!(all.header("content-type"), Some("text/event-stream"));
    assert_eq!(ids(all.text()), ["3", "4", "5"]);
    let resumed = served.ask("GET /v1/events\nLast-Event-ID: 3", b"").await;
    assert_eq!(ids(resumed.text()), ["4", "5"]);
    let both = served.ask("GET /v1/events?after=2\nLast-Event-ID: 4", b"").await;
    assert_eq!(ids(both.text()), ["5"], "the client knows best where it was");
    let live = served.get("/v1/events").await;
    assert_eq!(ids(live.text()), [""; 0], "only what is new");
}

#[tokio::test]
async fn events_that_the_journal_no_longer_has_are_told_as_a_gap() {
    let served = serve().await;
    let answer = served.get("/v1/events?after=0").await;
    let stream = answer.text();
    assert_eq!(ids(stream), ["gap", "3", "4", "5"]);
    assert!(stream.contains("data: {\"after\":0,\"next\":3}\n"), "{stream}");
}

#[tokio::test]
async fn an_id_that_is_no_number_is_refused() {
    let served = serve().await;
    let refused = served.ask("GET /v1/events\nLast-Event-ID: x", b"").await;
    refused.is_problem(Code::InvalidParameter);
    served.get("/v1/events?after=-1").await.is_problem(Code::InvalidParameter);
}
