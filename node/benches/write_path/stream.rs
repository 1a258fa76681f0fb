//! What both ends of the measured HTTP have in common: whole messages out of bytes that arrive in pieces.

use std::io::{self, Read};
use std::net::TcpStream;

/// Room for a few messages of either end, but for the value.
const BUFFER_BYTES: usize = 4096;

/// Bytes that have arrived and are not taken yet.
pub(crate) struct Inbound {
    bytes: Box<[u8]>,
    filled: usize,
}

/// What reading a stream came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// Some bytes, or none yet.
    Bytes,
    /// The other end has closed.
    End,
}

impl Inbound {
    /// With room for messages with values of so many bytes.
    pub(crate) fn new(value_bytes: usize) -> Self {
        Self { bytes: vec![0; BUFFER_BYTES + value_bytes].into_boxed_slice(), filled: 0 }
    }

    /// Takes what is there, with one read.
    pub(crate) fn fill(&mut self, stream: &mut TcpStream) -> io::Result<Arrived> {
        match stream.read(&mut self.bytes[self.filled..]) {
            Ok(0) => Ok(Arrived::End),
            Ok(read) => {
                self.filled += read;
                Ok(Arrived::Bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Arrived::Bytes),
            Err(error) => Err(error),
        }
    }

    /// Takes the first whole message, if there is one: shows its head and body, gives what `look` makes
    /// of them.
    ///
    /// # Errors
    /// When the head is no HTTP/1.1 with a content length that fits the buffer.
    pub(crate) fn take<T>(
        &mut self,
        look: impl FnOnce(&[u8], &[u8]) -> T,
    ) -> io::Result<Option<T>> {
        let arrived = &self.bytes[..self.filled];
        let Some(head) = arrived.windows(4).position(|four| four == b"\r\n\r\n") else {
            return self.unless_full(None);
        };
        let (start, head) = (head + 4, &arrived[..head]);
        let length = content_length(head).ok_or(io::ErrorKind::InvalidData)?;
        let end = start.checked_add(length).ok_or(io::ErrorKind::InvalidData)?;
        let Some(body) = arrived.get(start..end) else { return self.unless_full(None) };
        let made = look(head, body);
        self.bytes.copy_within(end..self.filled, 0);
        self.filled -= end;
        Ok(Some(made))
    }

    fn unless_full<T>(&self, value: T) -> io::Result<T> {
        if self.filled < self.bytes.len() {
            Ok(value)
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}

/// The value of the `content-length` header, whatever the case of its name.
fn content_length(head: &[u8]) -> Option<usize> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        let named = name.eq_ignore_ascii_case(b"content-length:");
        named.then(|| str::from_utf8(value).ok()?.trim().parse().ok())?
    })
}
