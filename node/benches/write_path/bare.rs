//! The bare server: one thread, epoll, one positioned write and one fdatasync for all puts that are ready.
//!
//! Per wake-up: read every connection that is ready, copy each value with its key into one buffer, write
//! that buffer at the next multiple of 4096 of a file of zeros, sync it, answer everyone. At the end of
//! the file it goes on at the start, which costs it nothing: the blocks stay where they are.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::stream::{Arrived, Inbound};
use crate::support::{BLOCK_BYTES, zero_filled};

const FILE_BYTES: usize = 256 << 20;
const EVENTS_MAX: usize = 1024;
/// The listener's token; a connection's is its place in the list.
const LISTENER: u64 = u64::MAX;

/// The server as a child process; it ends with this value.
pub(crate) struct BareProcess {
    child: Child,
    pub(crate) port: u16,
}

impl BareProcess {
    /// Starts this very executable as the server, with its file in a new directory.
    pub(crate) fn start(dir: &Path, value_bytes: usize) -> io::Result<Self> {
        fs::create_dir(dir)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--bare")
            .arg(dir)
            .arg("--value-bytes")
            .arg(value_bytes.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let port =
            line.trim().parse().map_err(|_| io::Error::other("the bare server is silent"))?;
        Ok(Self { child, port })
    }
}

impl Drop for BareProcess {
    fn drop(&mut self) {
        // It holds nothing that would have to be closed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until killed, after printing the port.
pub(crate) fn serve(dir: &Path, value_bytes: usize) -> io::Result<()> {
    let log = Log { file: zero_filled(&dir.join("log"), FILE_BYTES)?, at: 0, batch: Vec::new() };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    println!("{port}");
    Bare { epoll, listener, connections: Vec::new(), log, value_bytes, commit: 0 }.run()
}

/// The file of zeros, and what is written to it next.
struct Log {
    file: File,
    at: usize,
    batch: Vec<u8>,
}

impl Log {
    /// Length of the record, head of the request (which holds the key), value.
    fn add(&mut self, head: &[u8], value: &[u8]) {
        let key = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        for part in [key, value] {
            self.batch.extend_from_slice(&(part.len() as u32).to_le_bytes());
            self.batch.extend_from_slice(part);
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.batch.resize(self.batch.len().next_multiple_of(BLOCK_BYTES), 0);
        if self.at + self.batch.len() > FILE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(&self.batch, self.at as u64)?;
        self.file.sync_data()?;
        self.at += self.batch.len();
        self.batch.clear();
        Ok(())
    }
}

struct Connection {
    stream: TcpStream,
    inbound: Inbound,
}

struct Bare {
    epoll: rustix::fd::OwnedFd,
    listener: TcpListener,
    /// Closed ones leave a hole: a run opens a few hundred.
    connections: Vec<Option<Connection>>,
    log: Log,
    value_bytes: usize,
    commit: u64,
}

impl Bare {
    fn run(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut ready = Vec::new();
        loop {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    #[allow(clippy::cast_possible_truncation)] // it came from a place in the list
                    place => self.read(place as usize, &mut ready)?,
                }
            }
            if !ready.is_empty() {
                self.log.write()?;
                self.answer(&mut ready);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let token = epoll::EventData::new_u64(self.connections.len() as u64);
        epoll::add(&self.epoll, &stream, token, epoll::EventFlags::IN)?;
        let inbound = Inbound::new(self.value_bytes);
        self.connections.push(Some(Connection { stream, inbound }));
        Ok(())
    }

    /// Reads one connection; each put in it goes to the log and is noted as ready.
    fn read(&mut self, place: usize, ready: &mut Vec<usize>) -> io::Result<()> {
        let Some(connection) = &mut self.connections[place] else { return Ok(()) };
        let Connection { stream, inbound } = connection;
        if inbound.fill(stream).unwrap_or(Arrived::End) == Arrived::End {
            // Closing it takes it out of the epoll set.
            self.connections[place] = None;
            return Ok(());
        }
        while inbound.take(|head, body| self.log.add(head, body))?.is_some() {
            ready.push(place);
        }
        Ok(())
    }

    /// The answer has the headers and the length of AeroDB's.
    fn answer(&mut self, ready: &mut Vec<usize>) {
        for place in ready.drain(..) {
            self.commit += 1;
            let Some(connection) = &mut self.connections[place] else { continue };
            let body = format!(
                r#"{{"data":{{"key":"k000-00000","commit_id":{:<9},"epoch":1,"durability":"local"}}}}"#,
                self.commit
            );
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n{body}",
                body.len()
            );
            // A client that has gone away needs no answer.
            let _ = connection.stream.write_all(answer.as_bytes());
        }
    }
}
