//! A wire to a node that can be cut, bytes and connections and all.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Node;

#[derive(Debug, Default)]
struct State {
    cut: bool,
    made: u64,
    open: BTreeMap<u64, [TcpStream; 2]>,
}

/// A wire. It carries what it is given until the test ends.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Wire {
    /// A wire to this node.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    pub fn to(node: &Node) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let (port, shared) = (node.port, Arc::clone(&state));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that cannot be made ends; whoever asked sees that.
                let _ = connect(client, port, &shared);
            }
        });
        Self { address, state }
    }

    /// Where it begins.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts it: every connection ends where it is, and none can be made.
    pub fn cut(&self) {
        let mut state = lock(&self.state);
        state.cut = true;
        for stream in std::mem::take(&mut state.open).into_values().flatten() {
            // One that has ended is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Makes it whole again.
    pub fn mend(&self) {
        lock(&self.state).cut = false;
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(client: TcpStream, port: u16, shared: &Arc<Mutex<State>>) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut state = lock(shared);
    if state.cut {
        return Ok(());
    }
    state.made += 1;
    let number = state.made;
    state.open.insert(number, [client.try_clone()?, server.try_clone()?]);
    drop(state);
    let back = Carrier { number, state: Arc::clone(shared) };
    let there = Carrier { number, state: Arc::clone(shared) };
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || there.carry(from_client, to_server));
    std::thread::spawn(move || back.carry(server, client));
    Ok(())
}

/// Carries one direction of a connection.
struct Carrier {
    number: u64,
    state: Arc<Mutex<State>>,
}

impl Carrier {
    /// Until it ends; then both sides are told, and nobody has the connection any more.
    fn carry(self, mut from: TcpStream, mut to: TcpStream) {
        let _ = io::copy(&mut from, &mut to);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
        lock(&self.state).open.remove(&self.number);
    }
}
