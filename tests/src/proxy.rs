//! What stands between a replica and the node that it pulls from, and does to an answer what networks do:
//! drops, cuts, delays, duplicates, reorders and corrupts it. It speaks enough HTTP to know where an answer
//! ends, and enough of a pull's answer to know its batches.
//!
//! Nothing here goes by time: an answer that is delayed stands at a [`Gate`] until the test opens it.

mod answer;
mod gate;
mod message;
mod wire;

pub use answer::Change;
pub use gate::Gate;
pub use wire::Wire;

use std::collections::VecDeque;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use aerodb_http_api::stream::{
    PULL_PATH, PullAnswer, SNAPSHOT_PATH, SnapshotChunk, decode, encode,
};

use crate::Node;
use message::Message;

/// What happens to the next answer that carries batches. One that carries none passes.
#[derive(Debug)]
pub enum Fault {
    /// None of it arrives; the connection ends.
    Drop,
    /// So many bytes of the body arrive, then the connection ends.
    Cut(usize),
    /// It waits at the gate, and passes once that is open.
    Delay(Gate),
    /// Its content is another one, whole as far as HTTP can tell.
    Change(Change),
    /// One byte of the body, counted from its start, arrives with a bit flipped.
    Flip(usize),
    /// A 403 with this problem arrives instead.
    Refuse(String),
    /// One byte of a snapshot's chunk is another one, and the body's checksum is right.
    Damage(usize),
}

#[derive(Debug, Default)]
struct Script {
    faults: VecDeque<Fault>,
    /// What happens to a chunk of a snapshot, and after how many others.
    chunk: Option<(usize, Fault)>,
    done: usize,
    connections: usize,
}

/// The proxy. It serves until the test ends.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Proxy {
    /// A proxy in front of this node.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    pub fn before(upstream: &Node) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let script = Arc::<Mutex<Script>>::default();
        let (port, shared) = (upstream.port, Arc::clone(&script));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let script = Arc::clone(&shared);
                lock(&script).connections += 1;
                std::thread::spawn(move || relay(client, port, &script));
            }
        });
        Self { address, script }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has this happen to the next answer with batches, after what was asked for before.
    pub fn next(&self, fault: Fault) {
        lock(&self.script).faults.push_back(fault);
    }

    /// How many connections were made through it.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.script).connections
    }

    /// Has this happen to the chunk of a snapshot that comes after so many others.
    pub fn chunk(&self, after: usize, fault: Fault) {
        lock(&self.script).chunk = Some((after, fault));
    }

    /// How many faults have happened.
    #[must_use]
    pub fn happened(&self) -> usize {
        lock(&self.script).done
    }
}

impl Script {
    /// What happens to the chunk that comes now.
    fn of_chunk(&mut self) -> Option<Fault> {
        match self.chunk.take() {
            Some((0, fault)) => Some(fault),
            later => {
                self.chunk = later.map(|(after, fault)| (after - 1, fault));
                None
            }
        }
    }
}

fn lock(script: &Mutex<Script>) -> std::sync::MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection: each request goes on as it came, each answer as the script says. When either side ends
/// it, so does the other.
fn relay(client: TcpStream, port: u16, script: &Mutex<Script>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let watched = (client.try_clone(), server.try_clone());
    let (Ok(mut from_client), Ok(mut to_server)) = watched else { return };
    let paths = Arc::new(Mutex::new(VecDeque::new()));
    let asked = Arc::clone(&paths);
    std::thread::spawn(move || {
        while let Some(request) = Message::read(&mut from_client) {
            asked.lock().unwrap_or_else(PoisonError::into_inner).push_back(request.target());
            if request.write(&mut to_server).is_err() {
                break;
            }
        }
        // The one that asked has gone: its upstream must see that too.
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (mut from_server, mut to_client) = (server, client);
    while let Some(answer) = Message::read(&mut from_server) {
        let path = paths.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let path = path.flatten().unwrap_or_default();
        if pass(answer, &path, script, &mut to_client).is_none() {
            break;
        }
    }
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = from_server.shutdown(Shutdown::Both);
}

/// Passes an answer on. `None` when the connection ends with it.
fn pass(answer: Message, path: &str, script: &Mutex<Script>, client: &mut TcpStream) -> Option<()> {
    let batches =
        |body: &[u8]| decode::<PullAnswer>(body).is_ok_and(|pull| !pull.batches.is_empty());
    let fault = match path {
        PULL_PATH if batches(&answer.body) => lock(script).faults.pop_front(),
        SNAPSHOT_PATH => lock(script).of_chunk(),
        _ => None,
    };
    let Some(fault) = fault else { return answer.write(client).ok() };
    lock(script).done += 1;
    match fault {
        Fault::Drop => None,
        Fault::Cut(bytes) => {
            let (head, body) = answer.bytes();
            let _ = client
                .write_all(&head)
                .and_then(|()| client.write_all(&body[..bytes.min(body.len())]));
            None
        }
        Fault::Delay(gate) => {
            gate.pass();
            answer.write(client).ok()
        }
        Fault::Change(change) => answer.with_body(change.applied(&answer.body)).write(client).ok(),
        Fault::Refuse(problem) => Message::refusal(&problem).write(client).ok(),
        Fault::Damage(at) => {
            let mut chunk = decode::<SnapshotChunk>(&answer.body).expect("a chunk");
            let mut bytes = chunk.bytes.to_vec();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 0x20;
            chunk.bytes = bytes.into();
            answer.with_body(encode(&chunk)).write(client).ok()
        }
        Fault::Flip(at) => {
            let mut body = answer.body.clone();
            let at = at.min(body.len() - 1);
            body[at] ^= 0x20;
            answer.with_body(body).write(client).ok()
        }
    }
}
