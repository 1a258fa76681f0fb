//! One HTTP/1.1 message with a body of a stated length, or none.

use std::io::{self, Read, Write};

/// A message: the head as it came, the body.
#[derive(Debug, Clone)]
pub(super) struct Message {
    head: String,
    pub(super) body: Vec<u8>,
}

const LENGTH: &str = "content-length:";

fn length_of(head: &str) -> usize {
    let lines = head.lines().map(str::to_ascii_lowercase);
    let length = lines.filter_map(|line| line.strip_prefix(LENGTH)?.trim().parse().ok()).next();
    length.unwrap_or(0)
}

impl Message {
    /// The next one; `None` when the connection ends before it is whole.
    pub(super) fn read(stream: &mut impl Read) -> Option<Self> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).ok()?;
        let mut body = vec![0; length_of(&head)];
        stream.read_exact(&mut body).ok()?;
        Some(Self { head, body })
    }

    /// What a request asks for.
    pub(super) fn target(&self) -> Option<String> {
        self.head.split_whitespace().nth(1).map(str::to_owned)
    }

    /// A 403 with this problem.
    pub(super) fn refusal(problem: &str) -> Self {
        let head = format!(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\n{LENGTH} {}\r\n\r\n",
            problem.len()
        );
        Self { head, body: problem.as_bytes().to_vec() }
    }

    /// The same with another body; the head says its length.
    pub(super) fn with_body(&self, body: Vec<u8>) -> Self {
        let lines = self.head.split("\r\n").map(|line| {
            let length = line.to_ascii_lowercase().starts_with(LENGTH);
            if length { format!("{LENGTH} {}", body.len()) } else { line.to_owned() }
        });
        Self { head: lines.collect::<Vec<_>>().join("\r\n"), body }
    }

    /// Head and body as they are sent.
    pub(super) fn bytes(self) -> (Vec<u8>, Vec<u8>) {
        (self.head.into_bytes(), self.body)
    }

    pub(super) fn write(self, stream: &mut impl Write) -> io::Result<()> {
        let (head, body) = self.bytes();
        stream.write_all(&[head, body].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_it_says_and_another_body_comes_with_its_length() {
        let mut stream = &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\n\r\nabcHTTP"[..];
        let message = Message::read(&mut stream).unwrap();
        assert_eq!((&message.body[..], stream), (&b"abc"[..], &b"HTTP"[..]));
        let (head, body) = message.with_body(b"12".to_vec()).bytes();
        assert_eq!(head, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nA: b\r\n\r\n");
        assert_eq!(body, b"12");
        assert!(
            Message::read(&mut &b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"[..]).is_none()
        );
    }
}
