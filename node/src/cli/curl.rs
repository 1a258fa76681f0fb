//! The `curl` line that does by hand what a command does.

use std::fmt;

use aerodb_core::id::Address;
use serde::Serialize;

/// One request, printed as a line that can be pasted into a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curl {
    method: &'static str,
    url: String,
    body: Option<Body>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Json(String),
    Raw(String),
}

impl Curl {
    /// `GET` of a path, which is already encoded.
    #[must_use]
    pub fn get(node: &Address, path: &str) -> Self {
        Self { method: "GET", url: format!("{node}{path}"), body: None }
    }

    /// `POST` of a JSON body.
    #[must_use]
    pub fn post(node: &Address, path: &str, body: &impl Serialize) -> Self {
        let body = Body::Json(aerodb_core::explain_value(body).to_string());
        Self { method: "POST", url: format!("{node}{path}"), body: Some(body) }
    }

    /// `PUT` of a value.
    #[must_use]
    pub fn put(node: &Address, path: &str, value: &str) -> Self {
        let body = Some(Body::Raw(value.to_owned()));
        Self { method: "PUT", url: format!("{node}{path}"), body }
    }
}

/// In single quotes, which keep everything but the single quote itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Bare where the shell gives no character of it a meaning.
fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:.-_%,=@".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { quoted(text) }
}

impl fmt::Display for Curl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, url, body } = self;
        let url = word(url);
        match body {
            None if *method == "GET" => write!(f, "curl -sS {url}"),
            None => write!(f, "curl -sS -X {method} {url}"),
            Some(Body::Raw(value)) => {
                write!(f, "curl -sS -X {method} --data-binary {} {url}", quoted(value))
            }
            Some(Body::Json(json)) => {
                let json = quoted(json);
                write!(
                    f,
                    "curl -sS -X {method} {url} -H 'content-type: application/json' -d {json}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node() -> Address {
        Address::new("http://127.0.0.1:7401").unwrap()
    }

    #[test]
    fn each_kind_of_request_is_one_line_for_a_shell() {
        let get = Curl::get(&node(), "/v1/status").to_string();
        assert_eq!(get, "curl -sS http://127.0.0.1:7401/v1/status");
        let query = Curl::get(&node(), "/v1/kv/k?at=3&consistency=snapshot").to_string();
        let expected = "curl -sS 'http://127.0.0.1:7401/v1/kv/k?at=3&consistency=snapshot'";
        assert_eq!(query, expected);
        let put = Curl::put(&node(), "/v1/kv/k", "v").to_string();
        assert_eq!(put, "curl -sS -X PUT --data-binary 'v' http://127.0.0.1:7401/v1/kv/k");
        let post = Curl::post(&node(), "/v1/replication/resume", &json!({ "reason": "again" }));
        let expected = "curl -sS -X POST http://127.0.0.1:7401/v1/replication/resume \
            -H 'content-type: application/json' -d '{\"reason\":\"again\"}'";
        assert_eq!(post.to_string(), expected);
    }

    #[test]
    fn a_quote_in_a_reason_does_not_end_the_argument() {
        let post =
            Curl::post(&node(), "/x", &json!({ "reason": "n1's disk; $(date)" })).to_string();
        assert!(post.ends_with(r#"-d '{"reason":"n1'\''s disk; $(date)"}'"#), "{post}");
    }
}
