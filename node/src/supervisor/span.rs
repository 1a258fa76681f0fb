//! The span that the log shows around what the supervisor does for one message. Batches, receipts and the pulls of
//! replicas have none: they come with every write.

use tracing::{Span, info_span};

use crate::supervisor::message::{Intervention, Message};

/// The span of what an operator asked for; none for anything else.
pub(super) fn span(message: &Message) -> Span {
    match message {
        Message::Command(request, _) => {
            let operator = request.annotation.operator.as_str();
            info_span!("command", command = request.command.as_str(), operator)
        }
        Message::Decline(asked, _) => {
            let (epoch, operator) =
                (asked.expected_epoch.get(), asked.annotation.operator.as_str());
            info_span!("decline", expected_epoch = epoch, operator)
        }
        Message::Promote(request, _) => {
            let operator = request.annotation.operator.as_str();
            let (expected_epoch, dry_run) = (request.expected_epoch.get(), request.dry_run);
            info_span!("promotion", expected_epoch, dry_run, operator)
        }
        Message::Intervene(intervention, _, annotation, _) => {
            let operator = annotation.operator.as_str();
            info_span!("intervention", what = name(intervention), operator)
        }
        Message::Discard { dry_run, annotation, .. } => {
            info_span!("discard", dry_run, operator = annotation.operator.as_str())
        }
        Message::Checkpoint(annotation, _) => {
            info_span!("checkpoint_asked", operator = annotation.operator.as_str())
        }
        Message::Receipt(_)
        | Message::Puller(..)
        | Message::Transfer(..)
        | Message::Wal(_)
        | Message::Reconnect(_)
        | Message::OutcomeRecorded(_)
        | Message::Stop(_) => Span::none(),
    }
}

const fn name(intervention: &Intervention) -> &'static str {
    match intervention {
        Intervention::Follow { .. } => "follow",
        Intervention::Resume | Intervention::Clear { .. } => "resume",
        Intervention::Bootstrap => "bootstrap",
    }
}
