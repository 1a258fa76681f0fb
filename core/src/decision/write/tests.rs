//! Write admission: each rule alone refuses, in a fixed order.

use serde_json::json;

use super::{WriteFacts, WriteLive, WriteRefusal};
use crate::authority::Durability;
use crate::authority::tests_support::{Story, node};
use crate::decision::promotion::AuthorityFacts;
use crate::explain::explain;
use crate::machine::RoleName;
use crate::rules::RuleId;

/// A write on the holder at the end of this story, the successor, if any, attached.
fn on_holder(story: &Story) -> WriteFacts {
    let authority = story.authority();
    WriteFacts {
        cluster: *authority.cluster(),
        node: authority.holder().clone(),
        ledger: authority.head(),
        authority: AuthorityFacts::from(authority),
        role: RoleName::PrimaryActive,
        halt: None,
        writer_poisoned: false,
        minimum_durability: authority.minimum_durability(),
        store_bytes_max: 100,
        live: WriteLive {
            successor_attached: authority.succession().map(|_| true),
            acknowledged: None,
            store_bytes: 99,
        },
    }
}

fn attached(successor_attached: Option<bool>, facts: WriteFacts) -> WriteFacts {
    WriteFacts { live: WriteLive { successor_attached, ..facts.live }, ..facts }
}

fn filled(store_bytes: u64, facts: WriteFacts) -> WriteFacts {
    WriteFacts { live: WriteLive { store_bytes, ..facts.live }, ..facts }
}

fn alone() -> Story {
    Story::founded().admit("n2")
}

fn paired() -> Story {
    alone().designate("n2", 10)
}

fn failed(facts: &WriteFacts) -> Vec<RuleId> {
    explain(facts).failed().map(|rule| rule.rule).collect()
}

#[test]
fn the_holder_writes_alone_and_with_its_successor_attached() {
    let strict = WriteFacts { minimum_durability: Durability::Paired, ..on_holder(&paired()) };
    let releasing = on_holder(&paired().release("n2"));
    for facts in [on_holder(&alone()), on_holder(&paired()), strict, releasing] {
        assert_eq!(facts.admit(&facts.live), Ok(()));
        assert_eq!(explain(&facts).conclusion.status, "admitted");
    }
}

/// Proves: RR-9, RM-8.
#[test]
fn each_rule_alone_refuses_and_is_named() {
    use WriteRefusal as No;
    let relinquished = alone().relinquish("n2", 12);
    let base = || on_holder(&alone());
    let cases: [(No, RuleId, WriteFacts); 11] = [
        (No::Halted, RuleId::Rm5, WriteFacts { halt: Some(RuleId::FV1), ..base() }),
        (No::WalPoisoned, RuleId::Wal13, WriteFacts { writer_poisoned: true, ..base() }),
        (No::NotHolder, RuleId::Rm3, WriteFacts { node: node("n2"), ..base() }),
        (No::Sealed, RuleId::Rm8, WriteFacts { role: RoleName::PrimarySealed, ..base() }),
        (No::Sealed, RuleId::Rm8, WriteFacts { role: RoleName::Uninitialized, ..base() }),
        (No::Sealed, RuleId::Rm8, on_holder(&relinquished)),
        (
            No::SuccessorRequired,
            RuleId::Au9,
            WriteFacts { minimum_durability: Durability::Paired, ..base() },
        ),
        (No::SuccessorDetached, RuleId::Au10, attached(Some(false), on_holder(&paired()))),
        (No::SuccessorDetached, RuleId::Au10, attached(None, on_holder(&paired()))),
        (No::MemoryLimit, RuleId::Mem1, filled(100, base())),
        (No::MemoryLimit, RuleId::Mem1, filled(101, base())),
    ];
    for (refusal, rule, facts) in cases {
        assert_eq!(facts.admit(&facts.live), Err((refusal, rule)));
        assert_eq!(failed(&facts), [rule]);
        let conclusion = explain(&facts).conclusion;
        assert_eq!(conclusion.status, "refused");
        assert_eq!(conclusion.reason.as_deref(), Some(rule.id()));
    }
}

/// AU-9 and AU-10 never fail together: the one needs that there is no successor, the other that there is.
#[test]
fn of_several_broken_rules_the_first_in_order_is_answered() {
    let worst = WriteFacts {
        node: node("n2"),
        role: RoleName::ReplicationHalted,
        halt: Some(RuleId::FV1),
        writer_poisoned: true,
        ..filled(100, on_holder(&paired()))
    };
    let detached = attached(Some(false), worst.clone());
    let first = [RuleId::Rm5, RuleId::Wal13, RuleId::Rm3, RuleId::Rm8];
    assert_eq!(failed(&detached), [&first[..], &[RuleId::Au10, RuleId::Mem1]].concat());
    let single = WriteFacts {
        minimum_durability: Durability::Paired,
        authority: on_holder(&alone()).authority,
        ..worst
    };
    assert_eq!(failed(&single), [&first[..], &[RuleId::Au9, RuleId::Mem1]].concat());
    assert_eq!(single.admit(&single.live), Err((WriteRefusal::Halted, RuleId::Rm5)));
    let started = WriteFacts { halt: None, ..single };
    assert_eq!(started.admit(&started.live), Err((WriteRefusal::WalPoisoned, RuleId::Wal13)));
}

/// Proves: EX-1.
#[test]
fn each_rule_of_an_admission_shows_what_it_looked_at() {
    let story = paired();
    let facts = WriteFacts { halt: Some(RuleId::FV1), ..on_holder(&story) };
    let expected = json!([
        ["RM-5", { "halt": "F-V1" }],
        ["WAL-13", { "writer_poisoned": false }],
        ["RM-3", { "node_id": "n1", "holder": "n1" }],
        ["RM-8", { "role": "PrimaryActive", "tenure": story.authority().tenure() }],
        ["AU-9", { "durability": "paired", "minimum_durability": "local" }],
        [
            "AU-10",
            { "succession": story.authority().succession(), "successor_attached": true }
        ],
        ["MEM-1", { "store_bytes": 99, "store_bytes_max": 100 }],
    ]);
    let explanation = explain(&facts);
    let rules = explanation.rules_applied;
    let shown: Vec<_> = rules.iter().map(|rule| json!([rule.rule, rule.evidence])).collect();
    assert_eq!(json!(shown), expected);
    let alone = explain(&on_holder(&alone()));
    assert_eq!(alone.rules_applied[4].evidence["durability"], "local");
}
