//! Connections: what is cut short does nothing, and the end of a connection is noticed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use aerodb_core::hash::{Hash, PublicKey};
use aerodb_core::id::{Epoch, Seq};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_http_api::client::{Client, ClientError};
use aerodb_http_api::code::Code;
use aerodb_http_api::connection::ConnectionGuard;
use aerodb_http_api::stream::PullRequest;
use support::{Answered, CLUSTER, genesis, node, read_answer, serve, serve_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn pull(wait: bool) -> PullRequest {
    PullRequest {
        cluster: CLUSTER,
        node_id: node("n2"),
        public_key: PublicKey([2; 32]),
        session: [5; 16],
        starts: None,
        epoch: Epoch::FIRST,
        position: Some(Position::origin(&CLUSTER)),
        ledger: Some(LedgerHead { seq: Seq::FIRST, hash: Hash([6; 32]) }),
        signature: None,
        echo: None,
        known_acknowledged: None,
        wait,
    }
}

/// A guard that never closes must fail the test, not hang it; the bound is no part of what is tested.
async fn ends(guard: &ConnectionGuard) {
    tokio::time::timeout(Duration::from_secs(10), guard.closed())
        .await
        .expect("the guard stays open");
}

#[tokio::test]
async fn a_body_cut_short_does_nothing() {
    let served = serve().await;
    let mut stream = TcpStream::connect(served.at).await.unwrap();
    let head = b"PUT /v1/kv/a HTTP/1.1\r\nhost: n1\r\ncontent-length: 10\r\n\r\nhalf";
    stream.write_all(head).await.unwrap();
    stream.shutdown().await.unwrap();
    read_answer(&mut stream).await.is_problem(Code::InvalidRequest);
    assert!(served.node.writes.lock().unwrap().is_empty());
}

/// One answer over a connection that goes on.
async fn next_answer(stream: &mut TcpStream) -> Answered {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("no answer head"));
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answered { status, head: head.trim_end().to_owned(), body: Vec::new() };
    answer.body = vec![0; answer.header("content-length").unwrap().parse().unwrap()];
    stream.read_exact(&mut answer.body).await.unwrap();
    answer
}

/// Its deadline is over long before a test that hangs is given up.
#[tokio::test]
async fn a_body_that_stalls_is_answered_at_the_deadline_and_does_nothing() {
    let served = serve().await;
    for (request, rest) in [
        ("PUT /v1/kv/a", "content-length: 10\r\n\r\nhalf"),
        ("PUT /v1/kv/a", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        ("POST /v1/txn", "content-type: application/json\r\ncontent-length: 10\r\n\r\n{"),
        ("POST /v1/promotions", "content-type: application/json\r\ncontent-length: 10\r\n\r\n{"),
    ] {
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: n1\r\naerodb-deadline-ms: 50\r\n{rest}");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        answer.is_problem(Code::InvalidRequest);
        assert_eq!(answer.header("connection"), Some("close"), "{request}");
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "{request}: it goes on");
    }
    assert!(served.node.writes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_answered_before_it_comes() {
    let served = serve().await;
    for (request, code) in [
        ("PUT /v1/kv/a", Code::TooLarge),
        ("POST /v1/txn", Code::TooLarge),
        ("POST /v1/authority/designate", Code::TooLarge),
        ("POST /nowhere", Code::NoSuchRoute),
        ("POST /v1/kv/a", Code::MethodNotAllowed),
    ] {
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        let head =
            format!("{request} HTTP/1.1\r\nhost: n1\r\ncontent-length: 99999999999\r\n\r\nabc");
        stream.write_all(head.as_bytes()).await.unwrap();
        next_answer(&mut stream).await.is_problem(code);
    }
    assert!(served.node.writes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_http_is_answered_with_a_code_and_the_connection_closed() {
    let served = serve().await;
    let many: String = (0..500).map(|n| format!("x{n}: 1\r\n")).collect();
    // Just over what is read of a head: what is left unread when a connection closes takes the answer with it.
    let long = "a".repeat(417_800);
    let long_uri = "a".repeat(70_000);
    for (bytes, status, code) in [
        ("\0\u{1}\r\n\r\n".to_owned(), 400, Code::InvalidRequest),
        ("GET /livez HTTP/9.9\r\n\r\n".to_owned(), 400, Code::InvalidRequest),
        ("GET /livez HTTP/1.1\r\nx: a\0b\r\n\r\n".to_owned(), 400, Code::InvalidRequest),
        (
            "PUT /v1/kv/a HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_owned(),
            400,
            Code::InvalidRequest,
        ),
        (format!("GET /livez HTTP/1.1\r\n{many}\r\n"), 431, Code::TooLarge),
        (format!("GET /livez HTTP/1.1\r\nx: {long}"), 431, Code::TooLarge),
        (format!("GET /{long_uri} HTTP/1.1\r\n\r\n"), 414, Code::TooLarge),
    ] {
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        // A server that has read enough may close before the rest is sent.
        let _ = stream.write_all(bytes.as_bytes()).await;
        let answer = next_answer(&mut stream).await;
        assert_eq!(answer.status, status, "{:.60}", bytes);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["status"], status);
        assert_eq!(answer.json()["code"], code.as_str());
    }
}

/// A peer that sends its whole request before it reads gets the answer, and may go on.
#[tokio::test]
async fn a_body_that_is_too_large_is_read_to_its_end_beside_the_answer() {
    let served = serve().await;
    let mut stream = TcpStream::connect(served.at).await.unwrap();
    let body = vec![b'v'; 6 << 20];
    let head =
        format!("PUT /v1/kv/a HTTP/1.1\r\nhost: n1\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    next_answer(&mut stream).await.is_problem(Code::TooLarge);
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: n1\r\n\r\n").await.unwrap();
    assert_eq!(next_answer(&mut stream).await.status, 200);
}

#[tokio::test]
async fn pulls_share_one_connection_and_its_end_is_seen_between_them() {
    let mut served = serve().await;
    let mut connection = Client::new(served.address()).connect_pull().await.unwrap();
    let answer = connection.pull(&pull(false)).await.unwrap();
    assert_eq!(answer.entries, [genesis().encode()]);
    assert_eq!(answer.batches, "batches");
    assert_eq!(answer.barrier, Some(9));
    connection.pull(&pull(false)).await.unwrap();

    let first = served.pulls.recv().await.unwrap();
    let second = served.pulls.recv().await.unwrap();
    assert!(first.same_connection(&second));
    assert!(first.is_open());
    drop(connection);
    ends(&first).await;
    assert!(!first.is_open() && !second.is_open());
}

#[tokio::test]
async fn the_end_of_a_connection_is_seen_during_a_pull() {
    let mut served = serve().await;
    let mut connection = Client::new(served.address()).connect_pull().await.unwrap();
    let waiting = tokio::spawn(async move { connection.pull(&pull(true)).await });
    let guard = served.pulls.recv().await.unwrap();
    assert!(guard.is_open());
    waiting.abort();
    ends(&guard).await;
    assert!(!guard.is_open());
}

#[tokio::test]
async fn a_pull_that_is_no_pull_is_refused() {
    let served = serve().await;
    let path = "POST /v1/replication/stream/pull";
    let typed = format!("{path}\ncontent-type: application/vnd.aerodb.pull");
    served.ask(&typed, b"garbage").await.is_problem(Code::InvalidRequest);
    let mut bytes = aerodb_http_api::stream::encode(&pull(false));
    served.ask(path, &bytes).await.is_problem(Code::UnsupportedMediaType);
    bytes.push(0);
    served.ask(&typed, &bytes).await.is_problem(Code::InvalidRequest);
    bytes.pop();
    let answer = served.ask(&typed, &bytes).await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.aerodb.pull"));
}

/// A peer that answers each connection with fixed bytes and closes.
async fn liar(answer: &'static [u8]) -> aerodb_core::id::Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await;
            let _written = stream.write_all(answer).await;
        }
    });
    aerodb_core::id::Address::new(format!("http://{at}")).unwrap()
}

#[tokio::test]
async fn an_answer_cut_short_says_so() {
    let address = liar(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    let client = Client::new(address);
    let mut connection = client.connect_pull().await.unwrap();
    let error = connection.pull(&pull(false)).await.unwrap_err();
    let ClientError::Interrupted { cause, .. } = &error else { panic!("{error:?}") };
    assert!(cause.contains("cut"), "{cause}");
    let error = client.authority().await.unwrap_err();
    assert!(matches!(error, ClientError::Interrupted { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_aerodb_node_is_named_so() {
    let ok = Client::new(liar(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await);
    assert!(matches!(ok.authority().await, Err(ClientError::Protocol { .. })));
    let bad = Client::new(liar(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\nhi").await);
    assert!(matches!(bad.authority().await, Err(ClientError::Protocol { .. })));
    let closes = Client::new(liar(b"").await);
    assert!(matches!(closes.authority().await, Err(ClientError::Interrupted { .. })));
}

#[tokio::test]
async fn a_node_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(aerodb_core::id::Address::new(address).unwrap());
    assert!(matches!(client.authority().await, Err(ClientError::Unreachable { .. })));
    assert!(matches!(client.connect_pull().await, Err(ClientError::Unreachable { .. })));
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_serve_returns() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(serve_until(listener, async move { stopped.await.unwrap() }));
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: n1\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    stop.send(()).unwrap();
    served.await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}
