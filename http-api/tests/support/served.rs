//! The fake node behind a real listener, and requests written byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;

use aerodb_core::id::Address;
use aerodb_http_api::Site;
use aerodb_http_api::code::Code;
use aerodb_http_api::connection::ConnectionGuard;
use aerodb_http_api::extract::Limits;
use aerodb_http_api::server::serve as serve_site;
use aerodb_http_api::threads::RequestThreads;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::fake::FakeNode;

/// A fake node behind a real listener on an ephemeral port. It stops when dropped with its runtime.
pub struct Served {
    pub node: Arc<FakeNode>,
    pub at: SocketAddr,
    pub pulls: mpsc::UnboundedReceiver<ConnectionGuard>,
}

pub async fn serve() -> Served {
    serve_with(true).await
}

pub async fn serve_with(covered: bool) -> Served {
    let (sender, pulls) = mpsc::unbounded_channel();
    let node = Arc::new(FakeNode::new(sender, covered));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let site = Site::new(Arc::clone(&node), Limits::default());
    tokio::spawn(async move {
        serve_site(listener, site, &RequestThreads::current(), std::future::pending()).await;
    });
    Served { node, at, pulls }
}

/// A site behind a listener until the shutdown.
pub async fn serve_until(listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let node = Arc::new(FakeNode::new(mpsc::unbounded_channel().0, true));
    serve_site(listener, Site::new(node, Limits::default()), &RequestThreads::current(), shutdown)
        .await;
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answered {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Asserts problem details with this code and the code's own status.
    #[track_caller]
    pub fn is_problem(&self, code: Code) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["code"], code.as_str(), "{problem}");
        assert_eq!(self.status, code.status().as_u16());
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["type"], format!("urn:aerodb:problem:{code}"));
        assert_eq!(problem["title"], code.title());
        assert!(problem["detail"].is_string());
        problem
    }
}

impl Served {
    pub fn address(&self) -> Address {
        Address::new(format!("http://{}", self.at)).unwrap()
    }

    /// Sends exactly these bytes and reads until the server closes.
    pub async fn raw(&self, bytes: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_answer(&mut stream).await
    }

    /// One request on a connection of its own. `head` is the request line's method and target, then
    /// header lines.
    pub async fn ask(&self, head: &str, body: &[u8]) -> Answered {
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let headers: String =
            headers.lines().map(|header| format!("{}\r\n", header.trim())).collect();
        let length = body.len();
        let mut bytes = format!(
            "{line} HTTP/1.1\r\nhost: n1\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.raw(&bytes).await
    }

    pub async fn get(&self, target: &str) -> Answered {
        self.ask(&format!("GET {target}"), b"").await
    }

    pub async fn post(&self, target: &str, json: &str) -> Answered {
        self.ask(&format!("POST {target}\ncontent-type: application/json"), json.as_bytes()).await
    }
}

pub async fn read_answer(stream: &mut TcpStream) -> Answered {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("no answer head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answered { status, head, body: bytes[end + 4..].to_vec() }
}
