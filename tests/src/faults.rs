//! Plans in which everything goes wrong that the sandbox knows of.

use std::collections::BTreeSet;

use cargo_batch_sandbox::{Fault, FaultPlan, LateResponse, Rule};

/// The kinds of faults there are, as the sandbox itself lists them.
///
/// # Panics
/// When it doesn't.
pub fn kinds() -> BTreeSet<String> {
    let refusal = FaultPlan::from_json(r#"{ "rules": [{ "fault": { "kind": "none of them" } }] }"#)
        .expect_err("no kind is called that")
        .to_string();
    // unknown variant `none of them`, expected one of `refuse`, `closeOnAccept`, …
    let names = refusal.split('`').skip(1).step_by(2);
    let kinds: BTreeSet<String> = names.skip(1).map(str::to_owned).collect();
    assert!(kinds.contains("resetAfterActing"), "{refusal}");
    kinds
}

/// Every way in which a request can fail: before anything is read of it, before and after it is acted
/// on, in the middle of the response, and by a response that says less than the truth or nothing at all.
pub fn failures() -> Vec<Fault> {
    let api_error = |status, reason: Option<&str>| Fault::ApiError {
        status,
        reason: reason.map(str::to_owned),
        data_reason: None,
        message: Some("It didn't work.".to_owned()),
        acted: false,
    };
    let stall = |seconds, acted| Fault::Stall { seconds, acted };
    let unavailable = |retry_after, as_date, acted| Fault::Unavailable {
        retry_after,
        as_date,
        acted,
    };
    let late = |seconds, respond| Fault::ActLate { seconds, respond };
    vec![
        Fault::ResetBeforeReading,
        Fault::ResetBeforeActing,
        Fault::ResetAfterActing,
        Fault::ResetAfterActing,
        stall(Some(20.0), false),
        // Longer than an attempt may take: it is given up before the response, and acted on all the same.
        stall(Some(90.0), true),
        stall(None, false),
        stall(None, true),
        Fault::Trickle {
            bytes: 50,
            millis: 20,
        },
        Fault::Truncate { bytes: None },
        Fault::Truncate { bytes: Some(0) },
        Fault::WrongLength { by: 10 },
        Fault::WrongLength { by: -10 },
        Fault::BadGateway { acted: false },
        Fault::BadGateway { acted: true },
        Fault::GatewayTimeout { acted: false },
        Fault::GatewayTimeout { acted: true },
        Fault::ServerError { acted: false },
        Fault::ServerError { acted: true },
        Fault::TooManyRequests {
            retry_after: Some(3),
            as_date: false,
        },
        Fault::TooManyRequests {
            retry_after: Some(3),
            as_date: true,
        },
        Fault::TooManyRequests {
            retry_after: None,
            as_date: false,
        },
        unavailable(Some(2), false, false),
        unavailable(Some(2), true, false),
        // As Varnish does on every failure of the server behind it.
        unavailable(Some(2), false, true),
        unavailable(Some(2), true, true),
        Fault::RefusedStream { acted: true },
        late(2.0, LateResponse::AfterActing),
        late(2.0, LateResponse::Reset),
        late(5.0, LateResponse::GatewayTimeout),
        unavailable(None, false, false),
        unavailable(None, false, true),
        Fault::RevokeToken,
        api_error(500, None),
        api_error(503, Some("somethingNew")),
        api_error(400, Some("failedToStart")),
        api_error(400, Some("notEnoughCredits")),
        Fault::InvalidJson,
    ]
}

/// A plan in which that share of the requests to the API fails, by all of [`failures`] alike. Beside
/// that, connections are closed before they are used, and what isn't a failure is otherwise than it
/// was agreed on: lists overlap and are out of order, statuses and kinds are new.
pub fn random_faults(share: f64, seed: u64) -> FaultPlan {
    let failures = failures();
    let each = share / failures.len() as f64;
    let mut plan = FaultPlan::new().seed(seed);
    for (place, fault) in failures.into_iter().enumerate() {
        // A rule is asked only about what those before it have let through.
        let left = 1.0 - place as f64 * each;
        plan = plan.rule(Rule::new(fault).on("api").probability(each / left));
    }
    let odd = |fault, operation: &str| Rule::new(fault).on(operation).probability(0.05);
    let status = "hibernating".to_owned();
    let value = "quantum".to_owned();
    plan.rule(odd(Fault::CloseOnAccept, "api"))
        .rule(odd(Fault::DuplicatePage { items: 3 }, "list_batches"))
        .rule(odd(Fault::ReorderedPage, "list_batches"))
        .rule(odd(Fault::UnknownKind { value }, "list_batches").probability(0.005))
        .rule(odd(Fault::UnknownStatus { status }, "api"))
        .rule(odd(Fault::ExtraFields, "api"))
}
