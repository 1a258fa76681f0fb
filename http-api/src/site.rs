//! The one place that every request passes on its way to a handler.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::connection::ConnectionGuard;
use crate::extract::{Limits, Payload, Principal};
use crate::port::NodePort;
use crate::router::{Api, router};
use crate::routes::kv;
use crate::threads::RequestThread;

/// What a node answers over HTTP: the routes of the table.
///
/// Keys are read and written past the router, whose matching, boxed layers and request extensions cost as
/// much as the rest of a write's way to the log. The handlers are the router's own, so that nothing but the
/// way to them differs.
#[derive(Debug)]
pub struct Site<N> {
    api: Api<N>,
    router: TowerToHyperService<Router>,
}

/// The operations on one key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnKey {
    Put,
    Get,
    Delete,
}

impl OnKey {
    /// `None` for everything that is the router's: other paths, other methods.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Self> {
        if !request.uri().path().starts_with("/v1/kv/") {
            return None;
        }
        match *request.method() {
            Method::PUT => Some(Self::Put),
            Method::GET => Some(Self::Get),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

impl<N: NodePort> Site<N> {
    /// The site of a node.
    #[must_use]
    pub fn new(port: Arc<N>, limits: Limits) -> Self {
        Self::with(port, limits, true)
    }

    /// The site of a node on which failover is disabled: the routes of promotion do not exist.
    #[must_use]
    pub fn without_failover(port: Arc<N>, limits: Limits) -> Self {
        Self::with(port, limits, false)
    }

    fn with(port: Arc<N>, limits: Limits, failover: bool) -> Self {
        let api = Api { port, limits, failover };
        Self { router: TowerToHyperService::new(router(api.clone())), api }
    }

    /// Answers a request that came over this connection.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        connection: &ConnectionGuard,
        thread: &RequestThread,
    ) -> Response {
        match OnKey::of(&request) {
            Some(on_key) => self.answer_on_key(on_key, request, thread).await,
            None => self.route(request.map(Body::new), connection, thread.clone()).await,
        }
    }

    /// Answers an operation on one key, however it came here.
    pub(crate) async fn answer_on_key<B: Payload>(
        &self,
        on_key: OnKey,
        request: Request<B>,
        thread: &RequestThread,
    ) -> Response {
        let (api, thread) = (State(self.api.clone()), thread.clone());
        let principal = Principal::of(&request);
        match on_key {
            OnKey::Put => kv::put(api, principal, thread, request).await.into_response(),
            OnKey::Get => kv::get(api, request).await.into_response(),
            OnKey::Delete => kv::delete(api, principal, thread, request).await.into_response(),
        }
    }

    async fn route(
        &self,
        mut request: Request,
        connection: &ConnectionGuard,
        thread: RequestThread,
    ) -> Response {
        let principal = Principal::of(&request);
        request.extensions_mut().insert(principal);
        request.extensions_mut().insert(connection.clone());
        request.extensions_mut().insert(thread);
        match self.router.call(request).await {
            Ok(response) => response,
            Err(never) => absurd(never),
        }
    }
}

const fn absurd(never: Infallible) -> Response {
    match never {}
}
