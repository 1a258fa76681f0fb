use super::*;

/// What the text begins with, and what is left of it.
fn next(text: &str) -> (String, String) {
    let mut bytes = BytesMut::from(text);
    let shown = match take(&mut bytes) {
        Next::Request(on_key, request) => {
            let headers: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
            format!("{on_key:?} {} {}", request.uri(), headers.join(","))
        }
        Next::Incomplete => "incomplete".to_owned(),
        Next::Other => "other".to_owned(),
    };
    (shown, String::from_utf8(bytes.to_vec()).unwrap())
}

fn shown(text: &str) -> String {
    next(text).0
}

#[test]
fn whole_requests_on_keys_are_taken_off_one_by_one() {
    let put = "PUT /v1/kv/a HTTP/1.1\r\nHost: n\r\nContent-Length: 3\r\nIf-Match: *\r\n\r\nabc";
    let get = "GET /v1/kv/b?at=1 HTTP/1.1\r\nConnection: Keep-Alive\r\naccept: */*\r\n\r\n";
    assert_eq!(next(&format!("{put}{get}")), ("Put /v1/kv/a if-match".into(), get.into()));
    assert_eq!(next(get), ("Get /v1/kv/b?at=1 accept".into(), String::new()));
    assert_eq!(shown("DELETE /v1/kv/%2F HTTP/1.1\r\n\r\n"), "Delete /v1/kv/%2F ");
    assert_eq!(shown("PUT /v1/kv/a HTTP/1.1\r\n\r\n"), "Put /v1/kv/a ");
}

#[test]
fn every_beginning_of_a_request_stays_and_is_waited_for_here_as_far_as_the_head() {
    let put = "PUT /v1/kv/a HTTP/1.1\r\nhost: n\r\ncontent-length: 3\r\n\r\nabc";
    for length in 0..put.len() {
        let what = if length < put.len() - 3 { "incomplete" } else { "other" };
        assert_eq!(next(&put[..length]), (what.into(), put[..length].into()), "{length}");
    }
}

#[test]
fn what_asks_for_more_is_left_as_it_is() {
    for head in [
        "POST /v1/kv/a HTTP/1.1\r\n",
        "HEAD /v1/kv/a HTTP/1.1\r\n",
        "put /v1/kv/a HTTP/1.1\r\n",
        "GET /v1/kv HTTP/1.1\r\n",
        "GET /v1/status HTTP/1.1\r\n",
        "GET http://n/v1/kv/a HTTP/1.0\r\n",
        "PUT /v1/kv/a HTTP/1.0\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\nconnection: close\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\nconnection: keep-alive, upgrade\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\nexpect: 100-continue\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\nupgrade: h2c\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\ntransfer-encoding: chunked\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\ncontent-length: +1\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\ncontent-length:\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\ncontent-length: 16385\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n",
        "GET /v1/kv/a HTTP/1.1\r\ncontent-length: 1\r\n",
        "PUT /v1/kv/a\0 HTTP/1.1\r\n",
        "PUT /v1/kv/a HTTP/1.1\r\nno colon\r\n",
    ] {
        let text = format!("{head}\r\n1");
        assert_eq!(next(&text), ("other".to_owned(), text), "{head}");
    }
    let many: String = (0..=HEADERS_MAX).map(|number| format!("x-{number}: 1\r\n")).collect();
    assert_eq!(shown(&format!("GET /v1/kv/a HTTP/1.1\r\n{many}\r\n")), "other");
    let long = format!("GET /v1/kv/a HTTP/1.1\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
    assert_eq!(shown(&long), "other");
}
