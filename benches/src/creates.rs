//! Sixty-four creations at a time.

use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest};
use tokio::task::JoinSet;

use crate::pairs::{Pairs, median, seconds};
use crate::row::{Goal, Row};
use crate::server::Server;
use crate::{Result, by_hand, samples, setup};

const PAIRS: usize = 41;
const AT_ONCE: usize = 64;
/// Creations of each of them, one after the other.
const EACH: usize = 20;

pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let client = setup::client(&server.origin)?;
    let http = setup::reqwest()?;
    let request = CreateBatchRequest::new(CreateBatchData::segment(samples::uuid(6, 0)))
        .workflow(samples::uuid(3, 0));

    let rate = |seconds: f64| (AT_ONCE * EACH) as f64 / seconds;
    let pairs = Pairs::measure(
        PAIRS,
        || {
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
        },
        || {
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
        },
    )?;
    let each = |rates: &[f64]| format!("{:.0} a second", median(rates));
    Ok(vec![
        Row::ratio(
            "64 concurrent creates, throughput",
            "raw reqwest",
            Goal::AtLeast(0.97),
            &pairs,
        )
        .sides(each(&pairs.ours), each(&pairs.theirs))
        .how(format!(
            "{EACH} creations of each of the {AT_ONCE} on each side of a pair"
        )),
    ])
}

async fn all(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
