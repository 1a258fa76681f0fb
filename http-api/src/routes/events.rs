//! `GET /v1/events`: the journal as server-sent events. Each client has a task of its own, which reads the
//! journal and writes to this client alone: one that is slow or gone holds up nothing but itself.

use std::time::Duration;

use aerodb_core::id::Boundary;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::code::Code;
use crate::connection::ConnectionGuard;
use crate::extract::Params;
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::EventView;

/// So many events are read from the journal at once.
const BATCH: usize = 256;

/// A comment is sent after so long without an event, so that a client that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The query of the stream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventParams {
    after: Option<Boundary>,
}

/// Where to begin: after the last event that the client has, else after `after`, else with what comes next.
fn after(headers: &HeaderMap, params: &EventParams) -> Result<Option<u64>, Problem> {
    match headers.get("last-event-id") {
        None => Ok(params.after.map(Boundary::get)),
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.trim().parse().ok());
            let detail = "Last-Event-ID is the number of an event";
            id.map(Some).ok_or_else(|| Problem::new(Code::InvalidParameter, detail))
        }
    }
}

pub(crate) async fn events<N: NodePort>(
    State(api): State<Api<N>>,
    guard: Option<Extension<ConnectionGuard>>,
    headers: HeaderMap,
    Params(params): Params<EventParams>,
) -> Result<Response, Problem> {
    let after = after(&headers, &params)?;
    let Some(Extension(guard)) = guard else {
        let detail = "events need a connection whose end can be seen";
        return Err(Problem::new(Code::InvalidRequest, detail));
    };
    // Before the head is sent: whoever has the head misses nothing that happens from then on.
    let after = match after {
        Some(after) => after,
        None => api.port.last_event().await,
    };
    let (sender, body) = Channel::new(1);
    tokio::spawn(async move {
        tokio::select! {
            () = guard.closed() => {}
            () = follow(api, after, sender) => {}
        }
    });
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((head, Body::new(body)).into_response())
}

/// Sends what the journal has, and then what comes, until the client or the node is gone.
async fn follow<N: NodePort>(api: Api<N>, mut after: u64, mut sender: Sender<Bytes>) {
    // The head leaves with the first bytes.
    if sender.send_data(Bytes::from_static(b": AeroDB events\n\n")).await.is_err() {
        return;
    }
    loop {
        let events = tokio::time::timeout(KEEP_ALIVE, api.port.events(after, BATCH)).await;
        let text = match events {
            Err(_) => ": nothing new\n\n".to_owned(),
            // The node is stopping.
            Ok(events) if events.is_empty() => return,
            Ok(events) => {
                let text = written(after, &events);
                after = events.last().map_or(after, |event| event.seq);
                text
            }
        };
        if sender.send_data(Bytes::from(text)).await.is_err() {
            return;
        }
    }
}

/// The events as the stream has them. Events that the journal no longer has are told as a gap, never passed
/// over in silence; the gap has no id, so that it is not taken for a place to resume at.
fn written(mut after: u64, events: &[EventView]) -> String {
    let mut text = String::new();
    for event in events {
        if event.seq != after + 1 {
            let gap = json!({ "after": after, "next": event.seq });
            text += &format!("event: journal.gap\ndata: {gap}\n\n");
        }
        // A value of our own types with text keys always serialises, on one line.
        let data = serde_json::to_string(event).unwrap_or_default();
        text += &format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq, event.name);
        after = event.seq;
    }
    text
}
