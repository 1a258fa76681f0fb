//! `switchover`: hands authority over to a node.
//!
//! 1. Look: ask every member who holds authority; the latest epoch counts.
//! 2. Relinquish on the holder in the node's favour. From here on nobody acknowledges.
//! 3. Wait until the node has the history to the final commit.
//! 4. Promote the node.
//! 5. Let everybody else follow it.
//!
//! Nothing is remembered between runs: each step looks at the ledgers for whether it is done already, so
//! that after an interruption the same command goes on where it stopped.

mod survey;

use std::time::Duration;

use aerodb_core::id::{Address, Boundary, Epoch, NodeId, Reason};
use aerodb_core::position::Position;
use aerodb_http_api::client::Client;
use aerodb_http_api::code::Code;
use aerodb_http_api::types::{CommandBody, FollowRequest, PromoteRequest, Refusal, StatusData};
use clap::Args;
use serde_json::json;

use self::survey::{Authority, Survey, relinquished_at};
use crate::cli::failure::Exit;
use crate::cli::steps::Steps;
use crate::cli::{Context, Curl, Failure, Shown};

/// Between two looks at a node that is catching up. It paces the looking and is evidence of nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Switchover {
    /// The node that shall hold authority.
    #[arg(long, value_name = "ID")]
    to: NodeId,
    /// Why; recorded in the ledgers.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    /// How long to wait for the node to catch up.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    deadline_secs: u64,
}

impl Switchover {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let mut steps = Steps::new(context.output);
        let survey = self.look(context, &mut steps).await?;
        if survey.authority.holder == self.to {
            steps.begin(format!("relinquish, catch up, promote: done, {} holds", self.to));
        } else {
            let end = self.relinquish(&survey, &mut steps).await?;
            self.catch_up(&survey, end, &mut steps).await?;
            self.promote(&survey, &mut steps).await?;
        }
        let left = self.follow(&survey, &mut steps).await?;
        let now = self.client(&survey)?.authority().await?.data;
        let json = json!({
            "to": self.to,
            "steps": steps.json(),
            "not_following": left,
            "authority": now,
        });
        let text = format!("\n{} holds authority{}", self.to, writes(now.refusal.as_ref()));
        Ok(Shown::new(&json, text).exit(if left.is_empty() { Exit::Done } else { Exit::Refused }))
    }

    async fn look(&self, context: &Context, steps: &mut Steps) -> Result<Survey, Failure> {
        steps.begin("look at every member");
        steps.by_hand(Curl::get(context.client.address(), "/v1/members"));
        let survey = Survey::of(&context.client).await?;
        for peer in &survey.peers {
            steps.by_hand(Curl::get(peer.client.address(), "/v1/authority"));
            steps.saw(format!("{}: {}", peer.node_id, peer.says()));
        }
        if survey.client_of(&self.to).is_none() {
            return Err(Failure::Refused(format!("{} is not a member that answers", self.to)));
        }
        Ok(survey)
    }

    /// Gives the place where the epoch ends.
    async fn relinquish(&self, survey: &Survey, steps: &mut Steps) -> Result<Position, Failure> {
        let Authority { epoch, holder, heir, .. } = &survey.authority;
        steps.begin(format!("{holder} relinquishes epoch {epoch} in favour of {}", self.to));
        let client = survey.client_of(holder).ok_or_else(|| {
            Failure::Refused(format!(
                "{holder}, the holder, does not answer; without it {} can be promoted only if the \
                 ledger names it successor (aerodb promote)",
                self.to
            ))
        })?;
        match heir {
            Some(heir) if *heir == self.to => steps.saw("done already"),
            Some(heir) => {
                return Err(Failure::Refused(format!(
                    "epoch {epoch} is relinquished in favour of {heir}; only {heir} can go on"
                )));
            }
            None => {
                let body = CommandBody {
                    successor: Some(self.to.clone()),
                    expected_epoch: *epoch,
                    evidence: None,
                    request_id: None,
                    reason: self.reason.clone(),
                };
                steps.by_hand(Curl::post(client.address(), "/v1/authority/relinquish", &body));
                let done = client.relinquish(&body).await?;
                steps.saw(format!("ledger entry {}", done.entry.seq));
            }
        }
        let end = relinquished_at(client).await?.ok_or_else(|| {
            Failure::Refused(format!("the ledger of {holder} does not end with a relinquishment"))
        })?;
        steps.saw(format!("the epoch ends at commit {}", end.boundary));
        Ok(end)
    }

    /// Both the relinquishment and the whole history must have arrived.
    async fn catch_up(
        &self,
        survey: &Survey,
        end: Position,
        steps: &mut Steps,
    ) -> Result<(), Failure> {
        let client = self.client(survey)?;
        steps.begin(format!("{} catches up to commit {}", self.to, end.boundary));
        steps.by_hand(Curl::get(client.address(), "/v1/wal"));
        let looks = self.deadline_secs.saturating_mul(1000) / 100;
        for _ in 0..=looks {
            let tip = client.wal().await?.data.tip;
            // An empty log has no tip; it ends where history begins.
            let there = tip.map_or(end.boundary == Boundary::ORIGIN, |tip| tip == end);
            if there && relinquished_at(client).await? == Some(end) {
                steps.saw(format!("its log ends at commit {}", end.boundary));
                return Ok(());
            }
            if let Some(epoch) = self.held_by_now(client).await? {
                steps.saw(format!("it holds epoch {epoch} by now"));
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        let replication = client.replication().await?.data;
        Err(Failure::Refused(format!(
            "{} has not caught up to commit {} within {} s: it is {} at commit {}; let it pull \
             (aerodb resume, aerodb follow), then run this command again",
            self.to,
            end.boundary,
            self.deadline_secs,
            replication.replica_state.unwrap_or_else(|| "in no replica state".to_owned()),
            crate::cli::table::or_dash(replication.wal_applied_offset),
        )))
    }

    fn client<'a>(&self, survey: &'a Survey) -> Result<&'a Client, Failure> {
        let missing = || Failure::Refused(format!("{} is not a member that answers", self.to));
        survey.client_of(&self.to).ok_or_else(missing)
    }

    async fn promote(&self, survey: &Survey, steps: &mut Steps) -> Result<(), Failure> {
        let client = self.client(survey)?;
        let request = PromoteRequest {
            expected_epoch: survey.authority.epoch,
            replica_id: Some(self.to.clone()),
            request_id: None,
            expected_digest: None,
            evidence: None,
            reason: self.reason.clone(),
        };
        steps.begin(format!("promote {}", self.to));
        steps.by_hand(Curl::post(client.address(), "/v1/promotions", &request));
        match client.promote(&request, false).await {
            Ok(promoted) => steps.saw(format!(
                "{} holds epoch {}, which starts after commit {}",
                promoted.holder, promoted.epoch, promoted.start_commit
            )),
            Err(denied) => match self.held_by_now(client).await {
                Ok(Some(epoch)) => steps.saw(format!("{} holds epoch {epoch} by now", self.to)),
                // The answer that was asked for says more than a look that failed as well.
                Ok(None) | Err(_) => return Err(denied.into()),
            },
        }
        Ok(())
    }

    /// The epoch that the node holds: what another run of this command had asked for, one that was cut short for
    /// instance, may have been done meanwhile.
    async fn held_by_now(&self, client: &Client) -> Result<Option<Epoch>, Failure> {
        let now = client.authority().await?.data;
        Ok(now.epoch.filter(|_| now.holder.as_ref() == Some(&self.to)))
    }

    /// It pulls from there, and has the grant from there.
    fn follows(&self, status: &StatusData, upstream: &Address) -> bool {
        status.upstream.as_ref() == Some(upstream)
            && status.authority.holder.as_ref() == Some(&self.to)
    }

    /// Gives the members that do not follow. Authority has moved all the same; the others can be told
    /// when they are back.
    async fn follow(&self, survey: &Survey, steps: &mut Steps) -> Result<Vec<NodeId>, Failure> {
        let upstream = self.client(survey)?.address();
        let mut left = Vec::new();
        for peer in survey.peers.iter().filter(|peer| peer.node_id != self.to) {
            steps.begin(format!("{} follows {}", peer.node_id, self.to));
            let request = FollowRequest {
                upstream: upstream.clone(),
                reason: self.reason.clone(),
                request_id: None,
            };
            match peer.client.status(false).await {
                Ok(status) if self.follows(&status.data, upstream) => {
                    steps.saw("done already");
                    continue;
                }
                Ok(_) => {}
                Err(error) => {
                    steps.saw(format!("not done: {error}"));
                    left.push(peer.node_id.clone());
                    continue;
                }
            }
            steps.by_hand(Curl::post(peer.client.address(), "/v1/replication/follow", &request));
            match peer.client.follow(&request).await {
                Ok(done) => steps.saw(format!("recorded as decision entry {}", done.seq)),
                Err(error) => {
                    steps.saw(format!("not done: {error}"));
                    left.push(peer.node_id.clone());
                }
            }
        }
        Ok(left)
    }
}

/// What the new holder says of writes, where it does not admit them yet.
fn writes(refusal: Option<&Refusal>) -> String {
    match refusal.map(|refusal| refusal.code) {
        None => String::new(),
        Some(Code::SuccessorRequired) => {
            ", and admits writes once it has a successor (aerodb designate)".to_owned()
        }
        Some(code) => format!(", and admits no writes yet: {code}"),
    }
}
