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
use support::{CLUSTER, genesis, node, read_answer, serve, serve_until};
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
