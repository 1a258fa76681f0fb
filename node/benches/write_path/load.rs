//! The load generator: one thread, epoll, keep-alive connections that each have one put under way.

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::stream::{Arrived, Inbound};

/// Each connection writes so many keys, over and over.
const KEYS: u32 = 10_000;
/// Without any answer for so long a server counts as hung.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// One turn: how many clients, how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) clients: usize,
    pub(crate) value_bytes: usize,
    pub(crate) turn: Duration,
    /// Before the turn, not counted.
    pub(crate) warm_up: Duration,
}

/// What one turn gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) puts_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { puts_per_second, p50_us, p99_us } = self;
        write!(f, "{puts_per_second:>8.0} puts/s, p50 {p50_us:>6.0} us, p99 {p99_us:>6.0} us")
    }
}

impl Load {
    /// Puts as fast as the server answers.
    ///
    /// # Errors
    /// Of a connection, and an answer other than 200.
    pub(crate) fn run(&self, port: u16) -> io::Result<Figures> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut clients = (0..self.clients)
            .map(|number| Client::connect(port, number, self.value_bytes, &epoll))
            .collect::<io::Result<Vec<_>>>()?;
        let begin = Instant::now() + self.warm_up;
        let end = begin + self.turn;
        for client in &mut clients {
            client.put()?;
        }
        let (mut micros, mut under_way) = (Vec::new(), self.clients);
        let mut events = Vec::with_capacity(self.clients);
        while under_way > 0 {
            events.clear();
            epoll::wait(&epoll, spare_capacity(&mut events), Some(&PATIENCE))?;
            if events.is_empty() {
                return Err(io::Error::other("the server does not answer"));
            }
            for event in &events {
                #[allow(clippy::cast_possible_truncation)] // it came from a place in the list
                let client = &mut clients[event.data.u64() as usize];
                let Some(answered) = client.answered()? else { continue };
                if answered >= begin && answered < end {
                    micros.push((answered - client.sent).as_secs_f64() * 1e6);
                }
                if answered < end {
                    client.put()?;
                } else {
                    under_way -= 1;
                }
            }
        }
        Ok(self.figures(micros))
    }

    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn figures(&self, mut micros: Vec<f64>) -> Figures {
        micros.sort_by(f64::total_cmp);
        let percentile = |share: usize| micros.get(micros.len() * share / 100).copied();
        Figures {
            puts_per_second: micros.len() as f64 / self.turn.as_secs_f64(),
            p50_us: percentile(50).unwrap_or(f64::NAN),
            p99_us: percentile(99).unwrap_or(f64::NAN),
        }
    }
}

/// One keep-alive connection with at most one put under way.
struct Client {
    stream: TcpStream,
    inbound: Inbound,
    request: Vec<u8>,
    number: u32,
    sent: Instant,
}

/// Where the five digits of the key's number stand in the request.
const DIGITS: std::ops::Range<usize> = 16..21;

impl Client {
    fn connect(
        port: u16,
        number: usize,
        value_bytes: usize,
        epoll: &rustix::fd::OwnedFd,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let token = epoll::EventData::new_u64(number as u64);
        epoll::add(epoll, &stream, token, epoll::EventFlags::IN)?;
        let value = "v".repeat(value_bytes);
        let request = format!(
            "PUT /v1/kv/k{number:03}-00000 HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\
             content-length: {value_bytes}\r\n\r\n{value}"
        );
        let (request, inbound) = (request.into_bytes(), Inbound::new(0));
        Ok(Self { stream, inbound, request, number: 0, sent: Instant::now() })
    }

    fn put(&mut self) -> io::Result<()> {
        self.number = (self.number + 1) % KEYS;
        let mut rest = self.number;
        for digit in self.request[DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.sent = Instant::now();
        self.stream.write_all(&self.request)
    }

    /// When the answer was complete; `None` while it is not.
    fn answered(&mut self) -> io::Result<Option<Instant>> {
        if self.inbound.fill(&mut self.stream)? == Arrived::End {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let ok = self.inbound.take(|head, _| head.starts_with(b"HTTP/1.1 200 "))?;
        match ok {
            Some(true) => Ok(Some(Instant::now())),
            Some(false) => Err(io::Error::other("a put was refused")),
            None => Ok(None),
        }
    }
}
