//! The catalogue of rules. It is part of the program, so the node is asked only for the envelope.

use aerodb_core::rules::RuleId;
use axum::extract::State;

use crate::envelope::View;
use crate::extract::{NoParams, Params, PathId};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::RuleView;

pub(crate) async fn rules<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Vec<RuleView>>, Problem> {
    let rules = RuleId::ALL.iter().map(|rule| RuleView::from(*rule)).collect();
    Ok(View::new(api.port.authority().await?.observed, rules))
}

pub(crate) async fn rule<N: NodePort>(
    State(api): State<Api<N>>,
    PathId(id): PathId<RuleId>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<RuleView>, Problem> {
    Ok(View::new(api.port.authority().await?.observed, RuleView::from(id)))
}
