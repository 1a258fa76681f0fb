//! The same script of writes and reads, sent by one client, one request after the other, over one connection: what
//! `tests/cost/run` has a node count its instructions for.
//!
//! `cargo run --release -p aerodb-tests --example cost -- URL WRITES READS`

#![allow(clippy::expect_used, clippy::print_stdout)]

const KEYS: usize = 100;
const VALUE: [u8; 100] = [b'v'; 100];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("a URL");
    let mut number = || arguments.next().and_then(|it| it.parse().ok()).expect("a number");
    let (writes, reads): (usize, usize) = (number(), number());
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let key = |at: usize| format!("{url}/v1/kv/key-{:03}", at % KEYS);
    for at in 0..writes {
        let mut answer = agent.put(key(at)).send(&VALUE[..]).expect("acknowledged");
        let _ = answer.body_mut().read_to_vec().expect("an answer");
    }
    for at in 0..reads {
        let mut answer = agent.get(key(at)).call().expect("a value");
        let _ = answer.body_mut().read_to_vec().expect("an answer");
    }
    println!("{writes} writes, {reads} reads");
}
