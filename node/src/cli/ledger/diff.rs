//! `ledger diff`: two authority ledgers, compared entry by entry; each is checked first.

use aerodb_core::authority::{Authority, Comparison, Relation, Side as Of, compare};
use aerodb_http_api::types::LedgerEntryView;
use clap::Args;
use serde_json::{Value, json};

use super::directory::{exit_of, part_rows};
use super::show::{cells, cut};
use super::side::{Side, Source};
use crate::cli::failure::Exit;
use crate::cli::listing::{Form, Listing, Stop, printed};
use crate::cli::progress::{Printing, WatchedDisk};
use crate::cli::status::notes;
use crate::cli::{Context, Failure, Shown, short};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The directory of a stopped node, a copy of one, or the URL of a node.
    a: String,
    /// The other one.
    b: String,
}

impl Diff {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let sources = [Source::of(&self.a)?, Source::of(&self.b)?];
        let dirs = sources.iter().filter_map(|source| match source {
            Source::Directory(offline) => Some(offline.dir.authority_ledger()),
            Source::Node(_) => None,
        });
        let dirs: Vec<_> = dirs.collect();
        let disk = WatchedDisk::over(context.output, Printing::AtTheEnd, &dirs);
        let [of_a, of_b] = sources;
        let a = Side::read("a", self.a, of_a, &disk).await?;
        let b = Side::read("b", self.b, of_b, &disk).await?;
        drop(disk);
        match (&a.authority, &b.authority) {
            (Some(of_a), Some(of_b)) => {
                let compared = compare(of_a, of_b);
                Compared { a: &a, b: &b, compared }.show(context).await
            }
            (Some(_) | None, _) => Ok(not_compared(&a, &b)),
        }
    }
}

/// A ledger that is not whole and genuine is compared with nothing.
fn not_compared(a: &Side, b: &Side) -> Shown {
    let parts = [a.part(), b.part()];
    let json = json!({ "relation": null, "common": null, "a": about(a), "b": about(b) });
    Shown::new(&json, part_rows(&parts)).exit(exit_of(&parts))
}

fn about(side: &Side) -> Value {
    let authority = side.authority.as_deref();
    json!({
        "source": side.argument,
        "node_id": side.node,
        "cluster_id": authority.map(Authority::cluster),
        "head": authority.map(Authority::head),
        "integrity": side.integrity,
        "completeness": side.completeness,
    })
}

struct Compared<'a> {
    a: &'a Side,
    b: &'a Side,
    compared: Comparison,
}

impl Compared<'_> {
    async fn show(&self, context: &Context) -> Result<Shown, Failure> {
        let Value::Object(mut head) = aerodb_core::explain_value(&self.compared) else {
            return Err(Failure::Unreadable("the comparison is no object".to_owned()));
        };
        head.insert("a".to_owned(), about(self.a));
        head.insert("b".to_owned(), about(self.b));
        let begun = Listing::begin(context.output, self.form(), &head.into(), "entries");
        let mut listing = match begun {
            Ok(listing) => listing,
            Err(stop) => return printed(Err(stop), Exit::Done),
        };
        let common = self.compared.common.map_or(0, |head| head.seq.get());
        for (of, side, last) in self.differing() {
            let mut take = |view| show(&mut listing, of, &view);
            match side.entries(common, last, &mut take).await {
                Ok(Ok(()) | Err(Stop::Enough)) => {}
                Ok(Err(stop)) => return printed(Err(stop), Exit::Done),
                Err(failure) => return cut(listing, &failure),
            }
        }
        let (text, exit) = self.verdict();
        listing.end(&json!({ "notes": self.notes() }), &text, exit)
    }

    fn form(&self) -> Form {
        match self.compared.relation {
            Relation::Identical => Form::Lines,
            Relation::Prefix { .. } | Relation::Forked { .. } | Relation::Foreign => {
                Form::Table(&HEADING)
            }
        }
    }

    /// The entries to show, all after the common ones: what the longer one has more, or the first ones in
    /// which the two differ.
    fn differing(&self) -> Vec<(Of, &Side, u64)> {
        match self.compared.relation {
            Relation::Identical => Vec::new(),
            Relation::Prefix { longer } => {
                let side = match longer {
                    Of::A => self.a,
                    Of::B => self.b,
                };
                let last = side.authority.as_ref().map_or(0, |ledger| ledger.head().seq.get());
                vec![(longer, side, last)]
            }
            Relation::Forked { at } => {
                vec![(Of::A, self.a, at.get()), (Of::B, self.b, at.get())]
            }
            Relation::Foreign => vec![(Of::A, self.a, 1), (Of::B, self.b, 1)],
        }
    }

    fn notes(&self) -> Vec<String> {
        let of = |side: &Side| match &side.source {
            Source::Directory(offline) => {
                offline.notes.iter().map(|note| format!("{}: {note}", side.name)).collect()
            }
            Source::Node(_) => Vec::new(),
        };
        [of(self.a), of(self.b)].concat()
    }

    fn verdict(&self) -> (String, Exit) {
        let parts = [self.a.part(), self.b.part()];
        let common = self.compared.common.map_or_else(
            || "nothing in common\n".to_owned(),
            |head| format!("in common through entry {}, hash {}\n", head.seq, short(&head.hash)),
        );
        let (relation, exit) = match self.compared.relation {
            Relation::Identical => ("identical".to_owned(), Exit::Done),
            Relation::Prefix { longer: Of::A } => ("prefix: a has more".to_owned(), Exit::Done),
            Relation::Prefix { longer: Of::B } => ("prefix: b has more".to_owned(), Exit::Done),
            Relation::Forked { at } => (format!("FORKED at entry {at}"), Exit::Refused),
            Relation::Foreign => ("FOREIGN: of two clusters".to_owned(), Exit::Refused),
        };
        let exit = match exit_of(&parts) {
            Exit::Done => exit,
            wrong @ (Exit::Refused | Exit::Usage | Exit::Unreachable) => wrong,
        };
        (part_rows(&parts) + &common + &relation + "\n" + &notes(&self.notes()), exit)
    }
}

const HEADING: [&str; 7] = ["LEDGER", "SEQ", "ENTRY", "SIGNED BY", "SAYS", "HASH", "REASON"];

fn show(listing: &mut Listing, of: Of, entry: &LedgerEntryView) -> Result<(), Stop> {
    let name = match of {
        Of::A => "a",
        Of::B => "b",
    };
    let json = || {
        let mut json = json!({ "ledger": name });
        if let (Some(json), Value::Object(entry)) =
            (json.as_object_mut(), aerodb_core::explain_value(entry))
        {
            json.extend(entry);
        }
        json
    };
    listing.item(json, || [vec![name.to_owned()], cells(entry)].concat())
}
