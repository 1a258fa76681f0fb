//! Operator commands.

use aerodb_core::id::{Epoch, NodeId, Reason};
use bytes::Bytes;
use hyper::Method;

use super::transport::{Client, Received, encoded, query};
use crate::client::ClientError;
use crate::envelope::Answer;
use crate::types::{
    AdmitRequest, BootstrapRequest, CheckpointRequest, CheckpointTaken, CommandBody, CommandDone,
    DeclineRequest, Declined, DiscardRequest, Discarded, FollowRequest, Intervened, PromoteRequest,
    Promoted, ResumeRequest,
};

impl Client {
    /// Lets a node take part. `covered: false` in the answer means: durable there, not yet covered.
    ///
    /// # Errors
    /// [`ClientError`]; a refusal carries its explanation.
    pub async fn admit(&self, request: &AdmitRequest) -> Result<CommandDone, ClientError> {
        self.post("/v1/members", request).await
    }

    /// Lets a node take part no more.
    ///
    /// # Errors
    /// As for [`Client::admit`].
    pub async fn remove(
        &self,
        node: &NodeId,
        expected_epoch: Epoch,
        reason: &Reason,
    ) -> Result<CommandDone, ClientError> {
        let query = query(&[
            ("expected_epoch", Some(expected_epoch.to_string())),
            ("reason", Some(reason.to_string())),
        ]);
        let path = format!("/v1/members/{}{query}", encoded(node.as_str()));
        let Received { body, .. } = self.send(Method::DELETE, &path, &[], Bytes::new()).await?;
        self.parse::<Answer<CommandDone>>(&body).map(|answer| answer.data)
    }

    /// Names the successor of the current epoch.
    ///
    /// # Errors
    /// As for [`Client::admit`].
    pub async fn designate(&self, body: &CommandBody) -> Result<CommandDone, ClientError> {
        self.post("/v1/authority/designate", body).await
    }

    /// Takes the successor's title back.
    ///
    /// # Errors
    /// As for [`Client::admit`].
    pub async fn release(&self, body: &CommandBody) -> Result<CommandDone, ClientError> {
        self.post("/v1/authority/release", body).await
    }

    /// Ends the epoch in a node's favour.
    ///
    /// # Errors
    /// As for [`Client::admit`].
    pub async fn relinquish(&self, body: &CommandBody) -> Result<CommandDone, ClientError> {
        self.post("/v1/authority/relinquish", body).await
    }

    /// Has the node give up the next epoch, which it could be granted, for good.
    ///
    /// # Errors
    /// As for [`Client::admit`].
    pub async fn decline(&self, request: &DeclineRequest) -> Result<Declined, ClientError> {
        self.post("/v1/authority/decline", request).await
    }

    /// Promotes the node, or with `dry_run` says what would come of it.
    ///
    /// # Errors
    /// As for [`Client::admit`]; a denial is `PROMOTION_DENIED`.
    pub async fn promote(
        &self,
        request: &PromoteRequest,
        dry_run: bool,
    ) -> Result<Promoted, ClientError> {
        let query = if dry_run { "?dry_run=true" } else { "" };
        self.post(&format!("/v1/promotions{query}"), request).await
    }

    /// Gives the replica another node to pull from.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn follow(&self, request: &FollowRequest) -> Result<Intervened, ClientError> {
        self.post("/v1/replication/follow", request).await
    }

    /// Lets the replica take a snapshot over; answers once it has begun.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn bootstrap(&self, request: &BootstrapRequest) -> Result<Intervened, ClientError> {
        self.post("/v1/replication/bootstrap", request).await
    }

    /// Lets the replica pull again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resume(&self, request: &ResumeRequest) -> Result<Intervened, ClientError> {
        self.post("/v1/replication/resume", request).await
    }

    /// Takes a checkpoint. `complete: false` in the answer means: it goes on without the caller.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn take_checkpoint(
        &self,
        request: &CheckpointRequest,
    ) -> Result<CheckpointTaken, ClientError> {
        self.post("/v1/checkpoints", request).await
    }

    /// Has a halted node set its suffix aside, or with `dry_run` say what it holds.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn discard_suffix(
        &self,
        request: &DiscardRequest,
        dry_run: bool,
    ) -> Result<Discarded, ClientError> {
        let query = if dry_run { "?dry_run=true" } else { "" };
        self.post(&format!("/v1/replication/discard-suffix{query}"), request).await
    }
}
