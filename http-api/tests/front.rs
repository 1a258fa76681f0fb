//! Requests on keys are served without hyper, and nobody can tell: every answer is that of a connection that
//! asked for something else first and was given to hyper with it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use support::{Served, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIVE: &str = "GET /livez HTTP/1.1\r\nhost: n1\r\n\r\n";
const LAST: &str = "GET /livez HTTP/1.1\r\nhost: n1\r\nconnection: close\r\n\r\n";

/// The answers, with the date left out.
fn undated(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("date: "));
    lines.collect()
}

/// Sends these pieces, each when the one before has been read, of which the last is to end the connection.
async fn answers(served: &Served, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(served.at).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
        // The server is a task of this thread: it has read everything when it has had its turns.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
    let mut all = Vec::new();
    // A server that closes over what it has not read resets the connection, after its answers.
    let _reset = stream.read_to_end(&mut all).await;
    all
}

/// A server that serves without hyper what it can, and one that is made to use it.
struct Pair {
    front: Served,
    hyper: Served,
    live: String,
}

impl Pair {
    async fn new() -> Self {
        let (front, hyper) = (serve().await, serve().await);
        let both = undated(&answers(&front, &[LIVE.as_bytes(), LAST.as_bytes()]).await);
        let second = both[1..].find("HTTP/1.1 ").unwrap() + 1;
        Self { front, hyper, live: both[..second].to_owned() }
    }

    /// The answers to these bytes, the same from both.
    async fn ask(&self, requests: &[u8]) -> String {
        let front = undated(&answers(&self.front, &[&[requests, LAST.as_bytes()].concat()]).await);
        let first = [LIVE.as_bytes(), requests, LAST.as_bytes()].concat();
        let hyper = undated(&answers(&self.hyper, &[&first]).await);
        let hyper = hyper.strip_prefix(&self.live).unwrap_or_else(|| panic!("{hyper}"));
        assert_eq!(front, hyper, "{:?}", String::from_utf8_lossy(requests));
        front
    }
}

fn put(key: &str, headers: &str, value: &str) -> String {
    let length = value.len();
    format!(
        "PUT /v1/kv/{key} HTTP/1.1\r\nhost: n1\r\ncontent-length: {length}\r\n{headers}\r\n{value}"
    )
}

fn bare(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: n1\r\n{headers}\r\n")
}

/// Answered and refused, by the handler, by the parser, by hyper.
fn requests() -> Vec<String> {
    let long = "v".repeat(16 << 10);
    let longer = "v".repeat((16 << 10) + 1);
    vec![
        put("a", "", "1"),
        put("a%2Fb/c", "user-agent: x\r\naccept: */*\r\nconnection: keep-alive\r\n", "\0\u{e4}"),
        put("a", "if-match: \"1\"\r\n", "2"),
        put("a", "if-match: \"1\"\r\n", "3"),
        put("a", "if-match: 1\r\n", "3"),
        put("a", "if-none-match: *\r\nif-none-match: *\r\n", "3"),
        put("a", "aerodb-deadline-ms: 100\r\n", "3"),
        put("a", "aerodb-deadline-ms: 0\r\n", "3"),
        put("a", "Expect: 100-continue\r\n", "4"),
        put("a", "Content-Type: text/plain\r\n", ""),
        put("", "", "1"),
        put("%zz", "", "1"),
        put("%ff", "", "1"),
        put("a?x=1", "", "1"),
        put(&"k".repeat(1025), "", "1"),
        put("long", "", &long),
        put("longer", "", &longer),
        put("huge", "", &"v".repeat((1 << 20) + 1)),
        bare("PUT /v1/kv/empty", ""),
        bare("PUT /v1/kv/a", "transfer-encoding: chunked\r\n") + "1\r\n5\r\n0\r\n\r\n",
        bare("PUT /v1/kv/a", "content-length: 1\r\ncontent-length: 2\r\n") + "12",
        bare("PUT /v1/kv/a", "content-length: x\r\n") + "1",
        bare("GET /v1/kv/a", ""),
        bare("GET /v1/kv/a?at=1", "x: \u{e4}\r\n"),
        bare("GET /v1/kv/a?at=9", ""),
        bare("GET /v1/kv/a?at=x", ""),
        bare("GET /v1/kv/none?consistency=snapshot", ""),
        bare("GET /v1/kv/a", "content-length: 1\r\n") + "1",
        bare("HEAD /v1/kv/a", ""),
        bare("GET /v1/kv?limit=2", ""),
        bare("DELETE /v1/kv/a", ""),
        bare("DELETE /v1/kv/a", "if-match: *\r\n"),
        bare("POST /v1/kv/a", ""),
        bare("GET /v1/status", ""),
        bare("GET /nowhere", ""),
        bare("GET * ", ""),
        "GET /v1/kv/a HTTP/1.0\r\n\r\n".to_owned(),
        "GET /v1/kv/a HTTP/2.0\r\n\r\n".to_owned(),
        "garbage\r\n\r\n".to_owned(),
    ]
}

#[tokio::test]
async fn every_answer_is_the_one_that_hyper_gives() {
    let pair = Pair::new().await;
    for request in requests() {
        let answer = pair.ask(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1."), "{request:?}: {answer:?}");
    }
    assert_eq!(
        pair.front.node.writes.lock().unwrap().len(),
        pair.hyper.node.writes.lock().unwrap().len()
    );
}

#[tokio::test]
async fn requests_that_lie_in_one_buffer_are_answered_in_order() {
    let pair = Pair::new().await;
    let kept: Vec<_> = requests().into_iter().filter(|it| !it.contains("garbage")).collect();
    for pipelined in kept.windows(3) {
        pair.ask(pipelined.concat().as_bytes()).await;
    }
}

#[tokio::test]
async fn a_request_that_arrives_in_pieces_is_answered_as_one() {
    let (whole, cut) = (serve().await, serve().await);
    let request = put("a", "if-match: *\r\n", "12345");
    let last = LAST.as_bytes();
    for at in 1..request.len() {
        let (one, two) = request.as_bytes().split_at(at);
        let expected = undated(&answers(&whole, &[request.as_bytes(), last]).await);
        assert_eq!(undated(&answers(&cut, &[one, two, last]).await), expected, "cut at {at}");
    }
}

/// Any byte replaced, removed or put in: whatever becomes of it, both do the same.
#[tokio::test]
async fn damaged_requests_are_answered_as_hyper_answers_them() {
    let pair = Pair::new().await;
    let sound = [put("a", "connection: keep-alive\r\n", "123"), bare("GET /v1/kv/a", "")].concat();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..500 {
        let mut bytes = sound.clone().into_bytes();
        let at = random.usize(..bytes.len());
        let byte = *random.choice(b"\r\n\0 :/%?#0aZ\x7f\xff").unwrap();
        match random.u8(..3) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        // Whatever length is asked for, more requests come than that.
        bytes.extend_from_slice(LAST.repeat(4).as_bytes());
        pair.ask(&bytes).await;
    }
}

/// Without hyper and with it.
#[tokio::test]
async fn a_client_that_goes_away_is_waited_for_no_more() {
    for first in ["", LIVE] {
        let served = serve().await;
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        stream.write_all(format!("{first}{}", put("waits", "", "1")).as_bytes()).await.unwrap();
        while served.node.waiting.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        drop(stream);
        let given_up = served.node.waiting.closed();
        tokio::time::timeout(Duration::from_secs(10), given_up).await.expect("it is waited for");
    }
}
