//! F-RS2 between the gate and the answer: the state is moved while the result is built.

use std::cell::Cell;
use std::future::ready;
use std::time::Duration;

use aerodb_core::decision::read::Consistency;
use aerodb_core::id::Epoch;
use aerodb_core::machine::{Role, RoleName};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;

use crate::http::Http;
use crate::http::read::{Admitted, Wanted};
use crate::serve::tests_support::alone;
use crate::store::ReadView;
use crate::view::View;

const SEALED: Role = Role::PrimarySealed { epoch: Epoch::FIRST };
const REPLICA: Role = Role::ReplicaActive { epoch: Epoch::FIRST };
const HALTED: Role = Role::ReplicationHalted { rule: RuleId::FV2 };

fn publish(http: &Http, role: &Role) {
    let view = http.shared.view.load_full();
    http.shared.publish(View { role: role.clone(), ..(*view).clone() });
}

/// Reads a snapshot that counts its looks, and moves the node to the next of these roles in each of them.
async fn read_while(http: &Http, moves: &[Role]) -> Result<(Admitted, usize), Problem> {
    let deadline = Duration::from_secs(30);
    let wanted =
        Wanted { at: None, min_commit: None, consistency: Some(Consistency::Snapshot), deadline };
    let looks = Cell::new(0);
    let read = |_: ReadView| {
        if let Some(role) = moves.get(looks.get()) {
            publish(http, role);
        }
        looks.set(looks.get() + 1);
        ready(looks.get())
    };
    http.in_view(wanted, read).await
}

#[tokio::test]
async fn f_rs2_a_read_that_nothing_moves_under_is_looked_at_once() {
    let node = alone();
    let (admitted, looks) = read_while(&node.http, &[]).await.unwrap();
    assert_eq!((looks, admitted.facts.role), (1, RoleName::PrimaryActive));
}

#[tokio::test]
async fn f_rs2_a_read_under_which_the_role_changes_is_answered_by_its_second_look() {
    let node = alone();
    let (admitted, looks) = read_while(&node.http, &[SEALED]).await.unwrap();
    assert_eq!((looks, admitted.facts.role), (2, RoleName::PrimarySealed));
}

#[tokio::test]
async fn f_rs2_a_read_under_which_the_role_changes_twice_is_refused_and_says_from_what_to_what() {
    let node = alone();
    let refused = read_while(&node.http, &[SEALED, REPLICA]).await.err().unwrap();
    assert_eq!((refused.code(), refused.body().rule), (Code::ReadUnsafe, Some(RuleId::FRs2)));
    let explanation = refused.body().explanation.clone().unwrap();
    let rules = explanation["rules_applied"].as_array().unwrap();
    let failed = rules.iter().filter(|rule| rule["evaluation"] == "false").collect::<Vec<_>>();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["evidence"]["admitted_by"]["role"], "PrimarySealed");
    assert_eq!(failed[0]["evidence"]["found_after"]["role"], "ReplicaActive");
}

#[tokio::test]
async fn f_rs2_a_read_under_which_the_node_halts_is_refused_by_the_gate_itself() {
    let node = alone();
    let refused = read_while(&node.http, &[HALTED]).await.err().unwrap();
    assert_eq!(refused.body().rule, Some(RuleId::FRs1));
}
