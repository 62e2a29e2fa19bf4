//! Sixty-four concurrent creations.

use tokio::task::JoinSet;

use crate::pairs::{Pairs, median, seconds};
use crate::row::{Goal, Row};
use crate::server::Server;
use crate::{Result, by_hand, samples, setup};

const PAIRS: usize = 41;
const AT_ONCE: usize = 64;
/// Consecutive creations of each of them.
const EACH: usize = 20;

pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let client = setup::client(&server.origin)?;
    let request = samples::creation();

    let rate = |seconds: f64| (AT_ONCE * EACH) as f64 / seconds;
    let cargo_batch = || {
        let time = seconds(|| {
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for _ in 0..AT_ONCE {
                    let (client, request) = (client.clone(), request.clone());
                    tasks.spawn(async move {
                        for _ in 0..EACH {
                            client.create_batch(request.clone()).await?;
                        }
                        Ok(())
                    });
                }
                all(tasks).await
            })
        });
        time.map(rate)
    };
    let against = |http: &reqwest::Client| {
        let baseline = || {
            let time = seconds(|| {
                runtime.block_on(async {
                    let mut tasks = JoinSet::new();
                    for _ in 0..AT_ONCE {
                        let (http, request) = (http.clone(), request.clone());
                        let origin = server.origin.clone();
                        tasks.spawn(async move {
                            for _ in 0..EACH {
                                by_hand::create_batch(&http, &origin, &request).await?;
                            }
                            Ok(())
                        });
                    }
                    all(tasks).await
                })
            });
            time.map(rate)
        };
        Pairs::measure(PAIRS, cargo_batch, baseline)
    };
    let (plain, patient) = (
        against(&setup::reqwest()?)?,
        against(&setup::reqwest_with_timeout()?)?,
    );

    let each = |rates: &[f64]| format!("{:.0} a second", median(rates));
    let row = |what, baseline, pairs: &Pairs| {
        Row::ratio(what, baseline, Goal::AtLeast(0.97), pairs)
            .sides(each(&pairs.cargo_batch), each(&pairs.baseline))
            .how(format!(
                "{EACH} creations of each of the {AT_ONCE} on each side of a pair, all on one thread"
            ))
            .limit(
                "the one thread of the client is what is measured, against a server that responds immediately: cargo-batch spends \
                 about 1 µs more on a creation than the 18 of raw reqwest, 8 % more instructions. A quarter of them \
                 are the id, which is read by itself first, so that a batch that was created is known even if its \
                 response can't be read; the others move the request, the response of 600 bytes and the futures of a \
                 call through its layers, keep its deadline, and read from the connections before it is written. Over a network, where a creation takes \
                 milliseconds, it can't be seen",
            )
    };
    Ok(vec![
        row("64 concurrent creates, throughput", "raw reqwest", &plain),
        row("the same", "raw reqwest with a timeout", &patient),
    ])
}

async fn all(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
