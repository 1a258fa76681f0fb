//! Requests that are sent in the same moment.

use std::sync::Barrier;

use aerodb_tests::Answer;

/// A request.
pub(crate) type Ask<'a> = Box<dyn FnOnce() -> Answer + Send + 'a>;

/// Sends all of them at once; gives the answers in the order of the requests.
pub(crate) fn together(asks: Vec<Ask<'_>>) -> Vec<Answer> {
    let start = Barrier::new(asks.len());
    std::thread::scope(|scope| {
        let running: Vec<_> = asks
            .into_iter()
            .map(|ask| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    ask()
                })
            })
            .collect();
        running.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    })
}
