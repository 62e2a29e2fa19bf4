//! What would run over everything is refused before it is sent, whichever way a batch is created.

use cargo_batch_client::types::{
    Condition, Conjonction, CreateBatchData, CreateFilterData, Filter, FilterGroup,
    NumberCondition, RunsFilter, RunsReset,
};
use cargo_batch_client::{CreationRequest, Error, ErrorKind};
use cargo_batch_tests::script::json;
use serde_json::Value;

use super::{CREATE, Fixtures, model, request};

fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, way_out: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(!error.is_ambiguous() && !error.may_have_spent());
    assert!(error.to_string().contains("data.filter"), "{error}");
    assert!(error.to_string().contains(way_out), "{error}");
}

#[tokio::test(start_paused = true)]
async fn everything_by_omission_is_never_sent() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
        .await;
    let none: [FilterGroup; 0] = [];
    let empty = Filter::new(Conjonction::And, none);
    let beside_a_condition = Filter::any(NumberCondition::greater_than("employees", 50))
        .with(FilterGroup::new(Conjonction::And, [] as [Condition; 0]));
    for (data, way_out) in [
        (CreateFilterData::new(model(), empty).into(), "whole_model"),
        (
            CreateFilterData::new(model(), beside_a_condition).into(),
            "whole_model",
        ),
        (
            CreateBatchData::runs(RunsFilter::runs(), RunsReset::FirstNode),
            "created_after",
        ),
    ] {
        let request = request(data);
        assert_refused(client.create_batch(request.clone()).await, way_out);
        assert_refused(client.create_batch(request.clone()).send().await, way_out);
        assert_refused(
            client
                .create_batch(request.clone())
                .send_as::<Value>()
                .await,
            way_out,
        );
        assert_refused(client.create_batch_once(request.clone()).await, way_out);
        assert_refused(
            client.prepare_batch(request.clone()).await.map(|_| ()),
            way_out,
        );
        let resumed: CreationRequest = request.into();
        assert_refused(client.create_batch_once(resumed).await, way_out);
    }
    assert!(script.seen().is_empty(), "{:?}", script.seen());
    let whole = CreateFilterData::whole_model(model());
    client.create_batch(request(whole)).await.unwrap();
    assert_eq!(script.seen_at(CREATE).len(), 1);
}
