//! Consecutive calls of `get_batch` on an open connection.

use std::cell::RefCell;

use crate::by_hand::{self, Connection};
use crate::pairs::{Pairs, median};
use crate::row::{Goal, Row};
use crate::samples::BATCH;
use crate::server::Server;
use crate::{Result, setup};

const PAIRS: usize = 101;
/// Requests on each side of a pair.
const REQUESTS: u32 = 250;

pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let client = setup::client(&server.origin)?;
    let plain = setup::reqwest()?;
    let patient = setup::reqwest_with_timeout()?;
    let connection = RefCell::new(runtime.block_on(Connection::new(&server.origin))?);

    let cargo_batch = || {
        std::hint::black_box(runtime.block_on(client.get_batch(BATCH).into_future())?);
        Ok(())
    };
    let against = |http: &reqwest::Client| {
        Pairs::alternate(PAIRS, REQUESTS, cargo_batch, || {
            let by_hand = by_hand::get_batch(http, &server.origin, BATCH);
            std::hint::black_box(runtime.block_on(by_hand)?);
            Ok(())
        })
    };
    let (plain, patient) = (against(&plain)?, against(&patient)?);
    let hyper = Pairs::alternate(PAIRS, REQUESTS, cargo_batch, || {
        let mut connection = connection.borrow_mut();
        std::hint::black_box(runtime.block_on(connection.get_batch(BATCH))?);
        Ok(())
    })?;

    let each = |seconds: &[f64]| format!("{:.1} µs", median(seconds) * 1e6 / f64::from(REQUESTS));
    let how = format!("{REQUESTS} requests on each side of a pair, alternating between the sides");
    Ok(vec![
        Row::ratio(
            "`get_batch` on a warm connection, latency",
            "raw reqwest + `serde_json::from_slice` of the same type",
            Goal::AtMost(1.02),
            &plain,
        )
        .sides(each(&plain.cargo_batch), each(&plain.baseline))
        .how(&how)
        .limit(
            "what is left are some 5,700 instructions a call, 5.9 % more, and 1 to 1.5 µs, however long a round trip \
             takes (18 µs on a busy machine, 100 on an idle one, whose cores fall asleep): the timers of a deadline \
             (raw reqwest has none, and hangs with a server that does; the next row has one), the pass of the \
             runtime that reads from the connections before a request is written to one, and the moving of a response of 600 bytes, and \
             of futures, through the layers of a call",
        ),
        Row::ratio(
            "the same",
            "raw reqwest with a timeout",
            Goal::AtMost(1.02),
            &patient,
        )
        .sides(each(&patient.cargo_batch), each(&patient.baseline))
        .how(&how),
        Row::ratio(
            "the same",
            "raw hyper http1 + serde_json, the physical limit",
            Goal::AtMost(1.25),
            &hyper,
        )
        .sides(each(&hyper.cargo_batch), each(&hyper.baseline))
        .how(&how)
        .limit(
            "nearly all of it is reqwest's own: its pool, its layers, and URLs that are parsed. It is below 1.15 on \
             a machine that does nothing else, where a round trip takes 65 µs, and above 1.25 where cores are kept \
             awake by other work and it takes 25",
        ),
    ])
}
