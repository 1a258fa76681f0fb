//! The typed client against the routes: what one says, the other reads.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use aerodb_core::id::{Address, Boundary, CommitId, Epoch, PromotionId, Reason, RequestId, Seq};
use aerodb_core::rules::RuleId;
use aerodb_http_api::client::{Client, ClientError, PutIf, ReadOptions, ScanOptions};
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::{
    AdmitRequest, CommandBody, DeclineRequest, DiscardRequest, Encoding, Evidence, FollowRequest,
    LogName, Outcome, PromoteRequest, ResumeRequest, TxnCondition, TxnOp, TxnRequest,
};
use support::{genesis, member, node, observed, serve, serve_with};

fn reason() -> Reason {
    Reason::new("because").unwrap()
}

#[tokio::test]
async fn values_go_there_and_back_under_any_key() {
    let served = serve().await;
    let client = Client::new(served.address());
    for key in ["a", "a/b", "..", "%2F", "ä €", "\0", "a?b#c&d=e+f", "/"] {
        let written = client.put(key, key.as_bytes().to_vec(), PutIf::Absent).await.unwrap();
        assert_eq!(written.key.as_deref(), Some(key));
        let read = client.read(key, ReadOptions::default()).await.unwrap().unwrap();
        assert_eq!(read.value, key.as_bytes());
        assert_eq!(read.version, written.commit_id);
        assert_eq!(read.commit_id, Boundary::from(written.commit_id));
        client.delete(key, PutIf::Version(written.commit_id)).await.unwrap();
        assert_eq!(client.read(key, ReadOptions::default()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn scans_and_transactions_go_there_and_back() {
    let served = serve().await;
    let client = Client::new(served.address());
    let put = |key: &str| TxnOp::Put {
        key: key.to_owned(),
        value: "v".to_owned(),
        encoding: Encoding::Utf8,
    };
    let absent = TxnCondition { key: "k/1".to_owned(), commit_id: None };
    let txn = TxnRequest { conditions: vec![absent], ops: vec![put("k/1"), put("k/2")] };
    assert_eq!(client.txn(&txn).await.unwrap().commit_id, CommitId::FIRST);
    let mut scan = ScanOptions { prefix: Some("k/".into()), limit: Some(1), ..Default::default() };
    let page = client.scan(&scan).await.unwrap().data;
    assert_eq!(page.items[0].key, "k/1");
    scan.page_token = page.next_page_token;
    assert_eq!(client.scan(&scan).await.unwrap().data.items[0].key, "k/2");
}

#[tokio::test]
async fn a_problem_arrives_as_it_was_made() {
    let served = serve().await;
    let holder = Address::new("http://127.0.0.1:7402").unwrap();
    let problems = [
        Problem::not_holder(Some(&node("n2")), Some(&holder)).rule(RuleId::Rm3, Vec::new()),
        Problem::not_acknowledged(CommitId::FIRST, Epoch::FIRST, "the successor is detached"),
        Problem::new(Code::WalPoisoned, "fsync failed")
            .rule(RuleId::Wal13, Vec::new())
            .with("errno", 5),
    ];
    let client = Client::new(served.address());
    for problem in problems {
        *served.node.refuse_writes.lock().unwrap() = Some(problem.clone());
        let error = client.put("a", "1", PutIf::Always).await.unwrap_err();
        assert_eq!(error, ClientError::Problem(problem));
    }
    let error = client.put("a", "1", PutIf::Always).await.unwrap_err();
    assert_eq!(error.problem().unwrap().body().extra["errno"], 5);
    assert_eq!(error.to_string(), "WAL_POISONED: fsync failed (WAL-13)");
}

#[tokio::test]
async fn the_deadline_is_passed_on() {
    let served = serve().await;
    let client = Client::new(served.address()).with_deadline(Duration::from_millis(1234));
    client.put("a", "1", PutIf::Always).await.unwrap();
    assert_eq!(served.node.writes.lock().unwrap()[0].deadline.as_millis(), 1234);
}

#[tokio::test]
async fn every_inspection_is_read_back() {
    let served = serve().await;
    let client = Client::new(served.address());
    let id = PromotionId::new("n1-1").unwrap();
    assert_eq!(client.status(true).await.unwrap().observed, observed());
    assert!(client.authority().await.unwrap().data.writable_here);
    assert_eq!(client.members().await.unwrap().data[0].member, member());
    assert_eq!(client.promotions().await.unwrap().data[0].outcome, Some(Outcome::Denied));
    assert_eq!(client.promotion(&id).await.unwrap().data.promotion_id, id);
    assert_eq!(client.replication().await.unwrap().data.lag, None);
    assert_eq!(client.wal().await.unwrap().data.checksum_status, "verified");
    assert!(!client.mvcc().await.unwrap().data.reads_blocked);
    assert!(client.machines().await.unwrap().data.is_empty());
    assert_eq!(client.machine("node_role").await.unwrap().data.state, "PrimaryActive");
    assert!(client.transitions(Some("node_role"), 0, 10).await.unwrap().data.is_empty());
    let entry = client.ledger_entry(LogName::Authority, Seq::FIRST).await.unwrap().data;
    assert_eq!(entry.hash, genesis().entry.hash());
    assert_eq!(client.ledger(LogName::Authority, 0, 5).await.unwrap().data, [entry]);
    assert_eq!(client.history().await.unwrap()[0].epoch, Epoch::FIRST);
    assert_eq!(client.rules().await.unwrap().data.len(), RuleId::ALL.len());
    assert_eq!(client.rule(RuleId::P6A1).await.unwrap().data.rule_id, RuleId::P6A1);
    let denied = client.explain_promotion(&id).await.unwrap().data;
    assert_eq!(denied["conclusion"]["status"], "denied");
    client.explain_replication().await.unwrap();
    client.explain_write().await.unwrap();
    client.explain_recovery().await.unwrap();
    client.explain_read("a&b", Some(Boundary::new(1))).await.unwrap();
    assert_eq!(client.get_json("/v1/authority").await.unwrap()["api_version"], "v1");
}

#[tokio::test]
async fn every_command_is_carried_over() {
    let served = serve_with(false).await;
    let client = Client::new(served.address());
    let body = CommandBody {
        successor: Some(node("n2")),
        expected_epoch: Epoch::FIRST,
        request_id: Some(RequestId::new("r1").unwrap()),
        evidence: None,
        reason: reason(),
    };
    assert!(!client.designate(&body).await.unwrap().covered);
    client.release(&CommandBody { successor: None, ..body.clone() }).await.unwrap();
    client.relinquish(&body).await.unwrap();
    let decline =
        DeclineRequest { expected_epoch: Epoch::FIRST, request_id: None, reason: reason() };
    let evidence = Evidence::Decline(client.decline(&decline).await.unwrap().decline);
    let ended = CommandBody { evidence: Some(vec![evidence.clone()]), ..body.clone() };
    client.release(&ended).await.unwrap();
    assert!(matches!(client.relinquish(&ended).await.unwrap_err(), ClientError::Problem(_)));
    let several = CommandBody { evidence: Some(vec![evidence.clone(), evidence]), ..body };
    assert!(matches!(client.release(&several).await.unwrap_err(), ClientError::Problem(_)));
    let member = member();
    let admit = AdmitRequest {
        node_id: member.node_id,
        public_key: member.public_key,
        address: member.address.clone(),
        reason: reason(),
    };
    client.admit(&admit).await.unwrap();
    client.remove(&node("n2"), Epoch::FIRST, &reason()).await.unwrap();
    let follow = FollowRequest { upstream: member.address, reason: reason(), request_id: None };
    client.follow(&follow).await.unwrap();
    client
        .resume(&ResumeRequest {
            failure: None,
            upstream: None,
            reason: reason(),
            request_id: None,
        })
        .await
        .unwrap();
    let discard = DiscardRequest { reason: reason(), request_id: None };
    assert_eq!(client.discard_suffix(&discard, true).await.unwrap().seq, None);
    assert_eq!(client.discard_suffix(&discard, false).await.unwrap().seq, Some(Seq::FIRST));
    let mut promote = PromoteRequest {
        expected_epoch: Epoch::FIRST,
        replica_id: None,
        request_id: None,
        expected_digest: None,
        evidence: None,
        reason: reason(),
    };
    let dry = client.promote(&promote, true).await.unwrap();
    assert_eq!((dry.promotion_id, dry.dry_run), (None, true));
    assert_eq!(client.promote(&promote, false).await.unwrap().outcome, Outcome::Approved);
    promote.expected_epoch = Epoch::new(9).unwrap();
    let denied = client.promote(&promote, false).await.unwrap_err();
    let body = denied.problem().unwrap().body();
    assert_eq!((body.code, body.rule), (Code::PromotionDenied, Some(RuleId::P6A3)));
    assert_eq!(body.remedies.as_ref().unwrap()[0].action, "ask again");
    let said: Vec<String> = served
        .node
        .commands
        .lock()
        .unwrap()
        .iter()
        .map(|(said, _)| match said.split_once("(SignedDecline") {
            Some((action, _)) => action.to_owned(),
            None => said.clone(),
        })
        .collect();
    assert_eq!(
        said,
        [
            "Designate(NodeId(\"n2\"))",
            "Release(None)",
            "Relinquish(NodeId(\"n2\"))",
            "decline",
            "EndObligation",
            "admit n1",
            "remove n2 1 because",
            "follow http://127.0.0.1:7401",
            "resume",
            "discard dry_run=true",
            "discard dry_run=false",
            "promote dry_run=true",
            "promote dry_run=false",
            "promote dry_run=false",
        ]
    );
}
