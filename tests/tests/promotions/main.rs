//! Each basis of a promotion approved once and each of its rules denied once, on the shipped binary: what was
//! done to the cluster, the explanation, and what could change the answer. The same for the commands that lead
//! to a basis. `docs/promotions.md` is made from this run; explanations are in `golden/`.
//!
//! `AERODB_GOLDEN=write cargo test -p aerodb-tests --test promotions` writes both anew.

mod commands;
mod decline;
mod designation;
mod document;
mod relinquishment;
mod scene;
mod table;
mod unreachable;

use relinquishment::Way;
use table::Table;

#[test]
fn each_basis_is_approved_once_and_each_of_its_rules_is_denied_once() {
    type Story = fn() -> Vec<Table>;
    let stories: [Story; 4] = [
        || relinquishment::story(Way::Online),
        || relinquishment::story(Way::Offline),
        designation::story,
        commands::story,
    ];
    let tables: Vec<Table> = std::thread::scope(|scope| {
        let running = stories.map(|story| scope.spawn(story));
        running.into_iter().flat_map(|story| story.join().expect("a story that ends")).collect()
    });
    for table in &tables {
        table.check();
    }
    document::check(&tables);
}
