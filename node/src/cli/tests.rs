//! The command line as it is typed.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("aerodb").chain(line.split_whitespace()))
}

#[test]
fn the_definition_has_no_contradiction() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_manual_parses() {
    for line in [
        "init --data-dir n1 --node-id n1 --listen 127.0.0.1:7401",
        "init --data-dir n1 --node-id n1 --listen 127.0.0.1:7401 --cluster c --minimum-durability paired",
        "join --data-dir n2 --node-id n2 --listen 127.0.0.1:7402 --upstream http://127.0.0.1:7401",
        "serve --data-dir n1 --log-format json",
        "chart",
        "chart --current",
        "chart role --format scxml",
        "status --digest",
        "status --digest --at 12",
        "get k --at 3 --min-commit 2 --consistency linearizable",
        "put k v",
        "put k -",
        "put k --file /tmp/v --if-match 3",
        "put k v --if-absent",
        "delete k --if-match 7",
        "scan --prefix a --limit 10",
        "designate n2 --expected-epoch 1 --reason r",
        "release n2 --expected-epoch 1 --reason r --request-id x",
        "relinquish n2 --expected-epoch 1 --reason r",
        "release n2 --expected-epoch 1 --reason r --evidence decline.json",
        "relinquish n2 --expected-epoch 1 --reason r --data-dir n1",
        "decline --expected-epoch 1 --reason r",
        "decline --expected-epoch 1 --reason r --data-dir n2",
        "promote --expected-epoch 1 --reason r --evidence decline.json",
        "promote --expected-epoch 1 --reason r",
        "promote --expected-epoch 1 --reason r --evidence a.json --evidence b.json",
        "fork --data-dir n2 --into f1 --expected-epoch 1 --reason r --node-id f1 --cluster c",
        "fork --data-dir n2 --into f1 --expected-epoch 1 --dry-run",
        "relocate --data-dir n2 --from old --reason r",
        "relocate --data-dir n2 --dry-run",
        "members",
        "members admit n4 --public-key 0101010101010101010101010101010101010101010101010101010101010101 --address http://127.0.0.1:1 --reason r",
        "members remove n4 --expected-epoch 1 --reason r",
        "discard-suffix --reason r --request-id d",
        "promote --dry-run --data-dir copy --expected-epoch 1 --replica-id n2",
        "switchover --to n2 --reason r",
        "follow --upstream http://127.0.0.1:7402 --reason r",
        "resume --reason r",
        "explain promotion n3-4",
        "explain read k --at 4",
        "explain write",
        "explain recovery",
        "explain checkpoint",
        "checkpoint --reason r",
        "explain replication",
        "history",
        "ledger show --log decision",
        "ledger show --data-dir n1 --after 2 --limit 10",
        "ledger verify --data-dir n1",
        "ledger replay --data-dir n1",
        "ledger diff n1 http://127.0.0.1:7402",
        "wal show --data-dir n1 --after 5 --limit 2 --values",
        "wal verify --data-dir n1",
        "members",
        "rules P6-A1",
        "demo --keep --dir /tmp/d",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
    }
}

#[test]
fn what_is_not_there_is_unknown_and_not_a_stub() {
    for line in ["elect", "force"] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSubcommand, "{line}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn p6_a3_an_epoch_and_a_reason_are_never_filled_in() {
    for line in [
        "fork --data-dir n2 --into f1 --reason r",
        "fork --data-dir n2 --into f1 --expected-epoch 1",
        "relocate --data-dir n2 --from old",
        "designate n2 --reason r",
        "designate n2 --expected-epoch 1",
        "designate n2 --expected-epoch 0 --reason r",
        "relinquish n2 --reason r",
        "decline --reason r",
        "decline --expected-epoch 1",
        "promote --reason r",
        "promote --expected-epoch 1",
        "promote --dry-run",
        "resume",
        "checkpoint",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn arguments_that_do_not_go_together_are_usage_errors() {
    for line in [
        "put k",
        "put k v --file f",
        "put k v --if-match 1 --if-absent",
        "promote --data-dir d --expected-epoch 1 --reason r",
        "promote --expected-epoch 1 --reason r --force",
        "get k --consistency eventual",
        "rules NO-SUCH",
        "status --node 127.0.0.1:7400",
        "ledger diff n1",
        "wal show",
        "wal show --data-dir n1 --after x",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn node_and_output_may_stand_anywhere() {
    let cli = parse("status --node http://127.0.0.1:9 --output json").unwrap();
    assert_eq!(cli.node.as_str(), "http://127.0.0.1:9");
    assert_eq!(cli.output, Output::Json);
    let cli = parse("--output table status").unwrap();
    assert_eq!(cli.output, Output::Table);
}
