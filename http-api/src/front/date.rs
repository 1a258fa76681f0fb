//! The `date` header of an answer.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// The text of one second, as long as it lasts.
#[derive(Default)]
struct Second {
    since_epoch: u64,
    text: String,
}

thread_local! {
    static SECOND: RefCell<Second> = RefCell::default();
}

/// Appends the date as HTTP writes it, to the second. It is written anew once a second.
pub(super) fn write_date(out: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    SECOND.with_borrow_mut(|second| {
        if second.since_epoch != now || second.text.is_empty() {
            let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(now));
            second.since_epoch = now;
            second.text.clear();
            // Into the same bytes: how long requests take is not what they allocate.
            let _ = write!(second.text, "{date}");
        }
        out.extend_from_slice(second.text.as_bytes());
    });
}
