//! A checkpoint that an operator asked for: who and why are recorded, the taking is the checkpoint thread's.

use aerodb_core::authority::Annotation;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::id::Seq;

use crate::checkpoint::cut;
use crate::supervisor::state::{Fatal, Supervisor};

impl Supervisor {
    /// `None`, and no record, in a role in which no checkpoint is taken.
    pub(super) fn checkpoint_asked(
        &mut self,
        annotation: Annotation,
    ) -> Result<Option<Seq>, Fatal> {
        let Some(cut) = cut(self.shared()) else { return Ok(None) };
        let body = DecisionBody::CheckpointRequested { acknowledged: cut.acknowledged };
        self.record(body, annotation).map(Some)
    }
}
