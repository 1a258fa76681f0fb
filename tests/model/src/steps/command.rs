//! Authority commands on the holder, its writer quiesced.

use aerodb_core::authority::{
    Certificate, EntryBody, PresentedDecline, ReceiptClaim, SignedReceipt, Succession,
};
use aerodb_core::decision::command::{Command, CommandFacts};
use aerodb_core::explain::explain;
use aerodb_core::hash::Signature;
use aerodb_core::id::Epoch;
use aerodb_core::machine::{Machine, Role, RoleEvent, Step};

use crate::action::Asked;
use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::property::Violation;
use crate::state::{Node, State};
use crate::world::LedgerId;

/// The core looks at no signature.
pub(crate) const SIGNATURE: Signature = Signature([0x5a; 64]);

/// What came of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commanded {
    /// It is refused.
    Refused,
    /// The ledger with its entry.
    Appended(LedgerId),
    /// The rules approve and the fold refuses: the node stops.
    FoldRefused,
}

impl Cluster {
    pub(crate) fn command(&self, state: &mut State, at: usize, asked: Asked) -> Option<()> {
        let node = state.node(at);
        if node.unsynced && self.lies(Lie::ShippedUnsynced) {
            // The writer is quiesced first.
            return None;
        }
        let invented = self.invent_receipt(node, asked);
        if invented != node.ledger {
            self.ledger_grown(state.node_mut(at), invented);
        }
        let node = state.node(at);
        let presented = match asked {
            Asked::End(heir) if self.lies(Lie::ForgedForEnd) => {
                state.node(heir).declined.or(Some(node.ledger))
            }
            Asked::End(heir) => state.node(heir).declined,
            Asked::Designate(_) | Asked::Release(_) | Asked::Relinquish(_) => None,
        };
        let key = (self.asking(at, node), asked, presented);
        match self.memos.command.ask(key, || self.decide(at, node, asked, presented)) {
            Commanded::Refused => None,
            Commanded::FoldRefused => {
                state.seen.violation = Some(Violation::FoldRefused);
                Some(())
            }
            Commanded::Appended(ledger) => {
                self.carry_out(state.node_mut(at), asked, ledger);
                Some(())
            }
        }
    }

    fn carry_out(&self, node: &mut Node, asked: Asked, ledger: LedgerId) {
        match asked {
            Asked::Relinquish(_) => self.seal(node, ledger),
            Asked::Designate(_) | Asked::Release(_) | Asked::End(_) => {
                self.ledger_grown(node, ledger);
            }
        }
    }

    /// The ledger of a node that holds has grown.
    pub(crate) fn ledger_grown(&self, node: &mut Node, ledger: LedgerId) {
        let now = self.bounds(node);
        node.ledger = ledger;
        let authority = self.authority(node);
        if let Some(mut tenure) = self.tenure(node) {
            tenure.ledger_grown(&now, authority.obligation(), authority.head().seq);
            self.set_tenure(node, tenure);
        }
    }

    fn seal(&self, node: &mut Node, ledger: LedgerId) {
        node.ledger = ledger;
        let head = self.authority(node).head().seq;
        if let Role::PrimaryActive { epoch } = node.role
            && !self.lies(Lie::StillHeld)
        {
            surrender(node, epoch);
        }
        if let Some(mut tenure) = self.tenure(node) {
            tenure.sealed(head);
            self.set_tenure(node, tenure);
        }
    }

    fn decide(
        &self,
        at: usize,
        node: &Node,
        asked: Asked,
        presented: Option<LedgerId>,
    ) -> Commanded {
        let before = node.ledger;
        let Some(facts) = self.command_facts(at, node, asked, presented) else {
            return Commanded::Refused;
        };
        if !explain(&facts).holds() {
            return Commanded::Refused;
        }
        let entry = self.world.ledgers.next_entry(before, &self.names[at], facts.entry());
        match self.world.ledgers.append(before, &entry) {
            Ok(ledger) => Commanded::Appended(ledger),
            // The rules approve and the fold refuses: a node stops. Where it was lied to, that is all.
            Err(_) if self.is_production() => Commanded::FoldRefused,
            Err(_) => Commanded::Refused,
        }
    }

    fn command_facts(
        &self,
        at: usize,
        node: &Node,
        asked: Asked,
        presented: Option<LedgerId>,
    ) -> Option<CommandFacts> {
        let authority = self.authority(node);
        let mut wal_end = self.world.histories.get(node.history).end;
        let command = match asked {
            Asked::Designate(heir) => {
                if self.lies(Lie::DesignateAtStart) {
                    wal_end = authority.start();
                }
                Command::Designate(self.names[heir].clone())
            }
            Asked::Release(heir) => Command::Release(self.names[heir].clone()),
            Asked::Relinquish(heir) => {
                if self.lies(Lie::RelinquishAtStart) {
                    wal_end = authority.start();
                }
                Command::Relinquish(self.names[heir].clone())
            }
            Asked::End(heir) => {
                let certificate = self.certificate(heir, presented?)?;
                let presented = PresentedDecline::new(authority, certificate, true);
                Command::EndObligation(Box::new(presented))
            }
        };
        // Whether the heir pulls now decides nothing that is safe or not.
        Some(self.state(at, node).of_command(command, Some(authority.epoch()), wal_end, true))
    }

    /// The lie that a released successor's receipt has come, told before another heir is named.
    fn invent_receipt(&self, node: &Node, asked: Asked) -> LedgerId {
        let named = match asked {
            Asked::Designate(heir) | Asked::Relinquish(heir) => &self.names[heir],
            Asked::Release(_) | Asked::End(_) => return node.ledger,
        };
        let authority = self.authority(node);
        let Some(Succession::Releasing { successor, .. }) = authority.succession() else {
            return node.ledger;
        };
        if !self.lies(Lie::ReceiptInvented) || successor == named {
            return node.ledger;
        }
        let claim = ReceiptClaim {
            cluster: *authority.cluster(),
            node_id: successor.clone(),
            epoch: authority.epoch(),
            position: self.world.histories.get(node.history).end,
            ledger: authority.head(),
        };
        let body = EntryBody::ObligationEnded {
            epoch: authority.epoch(),
            node_id: successor.clone(),
            certificate: Certificate::Receipt(SignedReceipt { claim, signature: SIGNATURE }),
        };
        let entry = self.world.ledgers.next_entry(node.ledger, authority.holder(), body);
        self.world.ledgers.append(node.ledger, &entry).unwrap_or(node.ledger)
    }
}

/// The authority is given back, so that the role machine lets the node go.
fn surrender(node: &mut Node, epoch: Epoch) {
    let held = Role::initial().transition(&RoleEvent::LedgerNamesThisNode { epoch });
    if let Some(authority) = held.ok().and_then(Step::into_authority) {
        Cluster::step_role(node, &RoleEvent::Relinquished(authority.surrender()));
    }
}
