//! `GET /v1/kv`: a range of keys, page by page, in one read view.

use aerodb_core::id::Boundary;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kv::check_view;
use super::view_headers::view_headers;
use crate::code::Code;
use crate::envelope::View;
use crate::extract::{Deadline, Params, check_key};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{Consistency, PageToken, ScanAnswer, ScanData, ScanItemView, ScanRequest};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// The query of a scan. An empty bound is no bound.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanParams {
    prefix: Option<String>,
    start: Option<String>,
    end: Option<String>,
    limit: Option<usize>,
    at: Option<Boundary>,
    min_commit: Option<Boundary>,
    consistency: Option<Consistency>,
    page_token: Option<String>,
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidParameter, detail)
}

fn bound(text: Option<String>) -> Result<Option<Bytes>, Problem> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => check_key(&text).map(|()| Some(Bytes::from(text))),
        None => Ok(None),
    }
}

fn page_token(text: Option<&str>) -> Result<Option<PageToken>, Problem> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => match PageToken::decode(text) {
            Some(token) => Ok(Some(token)),
            None => Err(refused("page_token is not one that a scan has given")),
        },
        None => Ok(None),
    }
}

impl ScanParams {
    fn request(self, deadline: std::time::Duration) -> Result<ScanRequest, Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(refused(format!("limit must be 1 to {LIMIT_MAX}")));
        }
        check_view(self.at, self.consistency)?;
        let token = page_token(self.page_token.as_deref())?;
        let view = token.as_ref().map(|token| token.boundary);
        if self.at.is_some() && view.is_some() && self.at != view {
            return Err(refused("at names another view than page_token"));
        }
        Ok(ScanRequest {
            prefix: bound(self.prefix)?.unwrap_or_default(),
            start: bound(self.start)?,
            end: bound(self.end)?,
            limit,
            // The first page was confirmed; the later ones show the same view.
            consistency: self.consistency.filter(|_| view.is_none()),
            at: self.at.or(view),
            min_commit: self.min_commit,
            after_key: token.map(|token| token.last_key),
            deadline,
        })
    }
}

pub(crate) async fn scan<N: NodePort>(
    State(api): State<Api<N>>,
    Params(params): Params<ScanParams>,
    Deadline(deadline): Deadline,
) -> Result<Response, Problem> {
    let ScanAnswer { observed, items, next, boundary, epoch, cluster, consistency } =
        api.port.scan(params.request(deadline)?).await?;
    let data = ScanData {
        items: items.into_iter().map(ScanItemView::from).collect(),
        next_page_token: next.map(|last_key| PageToken { boundary, last_key }.encode()),
        commit_id: boundary,
    };
    let headers = view_headers(boundary, epoch, &cluster, consistency);
    Ok((headers, View::new(observed, data)).into_response())
}
