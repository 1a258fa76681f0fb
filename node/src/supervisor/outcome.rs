//! The outcome of an approved attempt: answered at once, recorded a moment later.
//!
//! The grant in the authority ledger says all that the record will say, so that nobody has to wait for the record.
//! It gives way to the first writes of the new epoch, which want the same disk: until something else is asked of the
//! supervisor, or for a moment that only paces. Whoever reads the record has it made first
//! ([`SupervisorHandle::outcome_recorded`]), so that nobody finds it without what they were answered.
//!
//! Keeps: P6-B4.3, M-P19.

use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use aerodb_core::authority::Annotation;
use aerodb_core::decision::record::DecisionBody;
use aerodb_ledger::crash::{self, Point};

use crate::supervisor::message::{Inbox, Message};
use crate::supervisor::state::{Done, Supervisor};

/// How long the record gives way where nothing is asked.
const GIVES_WAY: Duration = Duration::from_millis(5);

impl Supervisor {
    /// The outcome is in the authority ledger; this node's own record owes it from here on.
    pub(super) fn owe_outcome(&mut self, granted: DecisionBody, annotation: Annotation) {
        self.unrecorded = Some((granted, annotation));
        self.shared().outcome_owed.store(true, Ordering::Release);
    }

    /// Waits for the next message; a timeout says that the outcome has given way for long enough.
    pub(super) fn next(&self, inbox: &Inbox) -> Result<Message, RecvTimeoutError> {
        match self.unrecorded {
            Some(_) => inbox.0.recv_timeout(GIVES_WAY),
            None => inbox.0.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Records the outcome that is owed, if one is. Nothing else is taken up before.
    pub(super) fn record_outcome(&mut self) -> Done {
        if let Some((granted, annotation)) = self.unrecorded.take() {
            self.record(granted, annotation)?;
            crash::reached(Point::PromoRecorded);
            self.shared().outcome_owed.store(false, Ordering::Release);
        }
        Ok(())
    }
}
