//! What each operation takes and gives. The match is total, so a route without a description does not compile.

use aerodb_core::explain::Explanation;
use aerodb_core::id::{NodeId, PromotionId, Seq};
use aerodb_core::machine::MachineName;
use aerodb_core::rules::RuleId;
use aerodb_statecharts::Format;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::codes;
use super::described::{Described, JSON};
use super::parameters::{conditions, deadline, key, last_event_id, path, query};
use super::schemas::Schemas;
use crate::envelope::{Answer, View};
use crate::route::Operation;
use crate::routes::{command, statecharts};
use crate::routes::{discard, events, explain, health, inspect, kv, ledger, promotion, scan};
use crate::stream::PULL_MEDIA_TYPE;
use crate::types::{
    AdmitRequest, AuthorityData, BootstrapRequest, ChartData, ChartSummary, CheckpointRequest,
    CheckpointTaken, CheckpointsData, CommandBody, CommandDone, DeclineRequest, Declined,
    DiscardRequest, Discarded, FollowRequest, HistoryEntry, Intervened, LedgerEntryView, LogName,
    MachineState, MemberView, MvccData, PromoteRequest, Promoted, PromotionView, ReplicationData,
    ResumeRequest, RuleView, ScanData, SnapshotsData, StatusData, TransitionView, TxnRequest,
    WalData, WriteReceipt,
};

/// An inspection: nothing but parameters, one view.
fn view<T: JsonSchema>(schemas: &mut Schemas) -> Described {
    Described::refusing(codes::ALWAYS).giving(&schemas.sent::<View<T>>())
}

/// An inspection of something that path or query names.
fn view_of<T: JsonSchema>(
    schemas: &mut Schemas,
    named: impl IntoIterator<Item = Value>,
) -> Described {
    Described::refusing(codes::RECOVERED).taking(named).giving(&schemas.sent::<View<T>>())
}

/// A command: a JSON body, an answer, a deadline.
fn command<B: JsonSchema, T: JsonSchema>(schemas: &mut Schemas) -> Described {
    Described::refusing(&codes::command())
        .taking([deadline()])
        .reading(JSON, schemas.read::<B>())
        .giving(&schemas.sent::<Answer<T>>())
}

/// A command that may go on without its caller.
fn command_later<B: JsonSchema, T: JsonSchema>(schemas: &mut Schemas) -> Described {
    Described::refusing(&codes::command())
        .taking([deadline()])
        .reading(JSON, schemas.read::<B>())
        .giving_later(&schemas.sent::<Answer<T>>())
}

fn bytes() -> Value {
    json!({ "type": "string", "format": "binary" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn describe(operation: Operation, schemas: &mut Schemas) -> Described {
    use Operation as O;
    match operation {
        O::PutKey => Described::refusing(&codes::write())
            .taking([key(), deadline()])
            .taking(conditions())
            .reading("application/octet-stream", bytes())
            .giving(&schemas.sent::<Answer<WriteReceipt>>()),
        O::DeleteKey => Described::refusing(&codes::write())
            .taking([key(), deadline()])
            .taking(conditions())
            .giving(&schemas.sent::<Answer<WriteReceipt>>()),
        O::GetKey => Described::refusing(&codes::read())
            .taking([key(), deadline()])
            .taking(query::<kv::ReadParams>(schemas))
            .answering(200, "The value.", &["application/octet-stream"], &bytes())
            .of_a_view()
            .with_etag(),
        O::Scan => Described::refusing(&codes::scan())
            .taking([deadline()])
            .taking(query::<scan::ScanParams>(schemas))
            .giving(&schemas.sent::<View<ScanData>>())
            .of_a_view(),
        O::Txn => Described::refusing(&codes::write())
            .taking([deadline()])
            .reading(JSON, schemas.read::<TxnRequest>())
            .giving(&schemas.sent::<Answer<WriteReceipt>>()),
        O::Status => Described::refusing(&codes::scan())
            .taking(query::<inspect::StatusParams>(schemas))
            .giving(&schemas.sent::<View<StatusData>>()),
        O::Authority => view::<AuthorityData>(schemas),
        O::Members => view::<Vec<MemberView>>(schemas),
        O::Admit => command_later::<AdmitRequest, CommandDone>(schemas),
        O::Remove => Described::refusing(&codes::command())
            .taking([path::<NodeId>(schemas, "id", "The member."), deadline()])
            .taking(query::<command::RemoveParams>(schemas))
            .giving_later(&schemas.sent::<Answer<CommandDone>>()),
        O::Designate | O::Release | O::Relinquish => {
            command_later::<CommandBody, CommandDone>(schemas)
        }
        O::Decline => command::<DeclineRequest, Declined>(schemas),
        O::Promote => Described::refusing(&codes::promote())
            .taking([deadline()])
            .taking(query::<promotion::PromoteParams>(schemas))
            .reading(JSON, schemas.read::<PromoteRequest>())
            .giving(&schemas.sent::<Answer<Promoted>>()),
        O::Follow => command::<FollowRequest, Intervened>(schemas).refusing_too(&codes::follow()),
        O::Resume => command::<ResumeRequest, Intervened>(schemas),
        O::Bootstrap => command::<BootstrapRequest, Intervened>(schemas),
        O::DiscardSuffix => command::<DiscardRequest, Discarded>(schemas)
            .taking(query::<discard::DiscardParams>(schemas)),
        O::TakeCheckpoint => command_later::<CheckpointRequest, CheckpointTaken>(schemas),
        O::Events => Described::refusing(codes::ALWAYS)
            .refusing_too(&[crate::code::Code::InvalidRequest])
            .taking(query::<events::EventParams>(schemas))
            .taking([last_event_id()])
            .answering(200, EVENTS, &["text/event-stream"], &text()),
        O::Metrics => Described::refusing(codes::ALWAYS).answering(
            200,
            "Metrics of this moment.",
            &["application/openmetrics-text; version=1.0.0; charset=utf-8"],
            &text(),
        ),
        O::History => {
            Described::refusing(codes::RECOVERED).giving(&schemas.sent::<Vec<HistoryEntry>>())
        }
        O::OpenApi => Described::refusing(codes::ALWAYS).giving(&json!({ "type": "object" })),
        O::Pull | O::Snapshot => Described::refusing(&codes::pull())
            .reading(PULL_MEDIA_TYPE, bytes())
            .answering(200, "postcard and its CRC-32.", &[PULL_MEDIA_TYPE], &bytes()),
        O::Promotions => view::<Vec<PromotionView>>(schemas),
        O::Promotion => {
            let id = path::<PromotionId>(schemas, "id", ATTEMPT);
            view_of::<PromotionView>(schemas, [id])
        }
        O::Replication => view::<ReplicationData>(schemas),
        O::Wal => view::<WalData>(schemas),
        O::Mvcc => view::<MvccData>(schemas),
        O::Checkpoints => view::<CheckpointsData>(schemas),
        O::Snapshots => view::<SnapshotsData>(schemas),
        O::Machines => view::<Vec<MachineState>>(schemas),
        O::Machine => {
            let name = path::<MachineName>(schemas, "machine", MACHINE);
            view_of::<MachineState>(schemas, [name])
        }
        O::Transitions => {
            let query = query::<inspect::TransitionParams>(schemas);
            view_of::<Vec<TransitionView>>(schemas, query)
        }
        O::Statecharts => view::<Vec<ChartSummary>>(schemas),
        O::Statechart => chart(schemas),
        O::Ledger => {
            let query = query::<ledger::LedgerParams>(schemas);
            view_of::<Vec<LedgerEntryView>>(schemas, query)
        }
        O::LedgerEntry => {
            let log = path::<LogName>(schemas, "log", "The ledger.");
            let seq = path::<Seq>(schemas, "seq", "The entry's place.");
            view_of::<LedgerEntryView>(schemas, [log, seq])
        }
        O::Rules => view::<Vec<RuleView>>(schemas),
        O::Rule => {
            let id = path::<RuleId>(schemas, "id", "The rule.");
            view_of::<RuleView>(schemas, [id])
        }
        O::ExplainPromotion => {
            let id = path::<PromotionId>(schemas, "id", ATTEMPT);
            view_of::<Explanation>(schemas, [id])
        }
        O::ExplainRead => {
            let query = query::<explain::ReadParams>(schemas);
            view_of::<Explanation>(schemas, query)
        }
        O::ExplainSegment => {
            let query = query::<explain::SegmentParams>(schemas);
            view_of::<Explanation>(schemas, query)
        }
        O::ExplainReplication
        | O::ExplainWrite
        | O::ExplainRecovery
        | O::ExplainBootstrap
        | O::ExplainCheckpoint => view_of::<Explanation>(schemas, []),
        O::Livez | O::Primary | O::ReadOnly | O::Sync => probe(schemas),
        O::Readyz => {
            let query = query::<health::ReadyParams>(schemas);
            probe(schemas).taking(query)
        }
        O::Replica => {
            let query = query::<health::ReplicaParams>(schemas);
            probe(schemas).taking(query)
        }
        O::LivezOptions | O::PrimaryOptions | O::ReadOnlyOptions | O::SyncOptions => headless(),
        O::ReadyzOptions => headless().taking(query::<health::ReadyParams>(schemas)),
        O::ReplicaOptions => headless().taking(query::<health::ReplicaParams>(schemas)),
    }
}

/// One chart, in the form that was asked for.
fn chart(schemas: &mut Schemas) -> Described {
    let name = path::<MachineName>(schemas, "machine", MACHINE);
    let query = query::<statecharts::ChartParams>(schemas);
    let drawn: Vec<_> =
        [Format::Scxml, Format::Mermaid, Format::Dot].map(Format::media_type).into();
    view_of::<ChartData>(schemas, [name]).taking(query).also(&drawn, &text())
}

/// 200, or 503 with what stands in the way.
fn probe(schemas: &mut Schemas) -> Described {
    let passed = schemas.sent::<Answer<health::Passed>>();
    Described::refusing(codes::ALWAYS).refusing_with(503, &codes::probe()).giving(&passed)
}

/// The same without a body.
fn headless() -> Described {
    Described::refusing(codes::ALWAYS).answering(200, "It passes.", &[], &text()).answering(
        503,
        "It does not.",
        &[],
        &text(),
    )
}

const ATTEMPT: &str = "The attempt.";
const MACHINE: &str = "The state machine.";

const EVENTS: &str = "Server-sent events: `id` is the event's number, `event` its name, `data` an EventView of \
    `/components/schemas`. `journal.gap` says that the journal no longer has some.";
