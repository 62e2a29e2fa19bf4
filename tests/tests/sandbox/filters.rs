//! Filters in the sandbox: every kind of condition, sort and limit, and the mistakes in them.

use cargo_batch_tests::calls::{ApiResult, Calls};
use serde_json::{Value, json};

async fn preview(calls: &Calls, data: Value) -> ApiResult {
    let mut data = data;
    data["kind"] = "filter".into();
    data["modelUuid"] = json!(calls.fixtures().model_uuid);
    let body = json!({ "workflowUuid": calls.fixtures().play_workflow_uuid, "data": data });
    calls.post("/orchestration/batches/preview", &body).await
}

fn one(condition: Value) -> Value {
    let group = json!({ "conjonction": "and", "conditions": [condition] });
    json!({ "filter": { "conjonction": "and", "groups": [group] } })
}

/// The ids of the records that pass a single condition.
async fn passing(calls: &Calls, condition: Value) -> Vec<String> {
    let response = preview(calls, one(condition)).await.ok();
    let ids = response["records"].as_array().unwrap().iter();
    ids.map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

/// All records of the model.
async fn everyone(calls: &Calls) -> Vec<Value> {
    let response = preview(calls, json!({})).await.ok();
    response["records"].as_array().unwrap().clone()
}

/// The ids of those that a test itself finds to fit.
fn expected(records: &[Value], fits: impl Fn(&Value) -> bool) -> Vec<String> {
    let fitting = records.iter().filter(|record| fits(record));
    fitting
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

type Fits = fn(&Value) -> bool;

#[tokio::test]
async fn conditions_on_columns() {
    let calls = Calls::start().await;
    let all = everyone(&calls).await;
    assert_eq!(all.len(), 200);
    let on = |kind: &str, column: &str, more: Value| {
        let mut condition = json!({ "kind": kind, "columnSlug": column });
        for (name, value) in more.as_object().unwrap() {
            condition[name] = value.clone();
        }
        condition
    };
    fn text<'a>(record: &'a Value, column: &str) -> &'a str {
        record[column].as_str().unwrap_or("?")
    }
    let property = json!({
        "kind": "objectProperty", "columnSlug": "visits", "propertyName": "seconds",
        "operator": "greaterThan", "value": "100",
    });
    let cases: Vec<(Value, Fits)> = vec![
        (
            on(
                "string",
                "country",
                json!({ "operator": "is", "values": ["Spain", "Italy"] }),
            ),
            |r| ["Spain", "Italy"].contains(&text(r, "country")),
        ),
        (
            on(
                "string",
                "country",
                json!({ "operator": "isNot", "values": "Spain" }),
            ),
            |r| r["country"] != "Spain",
        ),
        (
            on(
                "string",
                "email",
                json!({ "operator": "contains", "values": "-19" }),
            ),
            |r| text(r, "email").contains("-19"),
        ),
        (
            on(
                "string",
                "email",
                json!({ "operator": "doesNotContain", "values": "-1" }),
            ),
            |r| !text(r, "email").contains("-1"),
        ),
        (
            on(
                "string",
                "email",
                json!({ "operator": "startsWith", "values": "contact-7" }),
            ),
            |r| text(r, "email").starts_with("contact-7"),
        ),
        (
            on(
                "string",
                "id",
                json!({ "operator": "endsWith", "values": "5" }),
            ),
            |r| text(r, "id").ends_with('5'),
        ),
        (
            on("string", "first_name", json!({ "operator": "isNull" })),
            |r| r["first_name"].is_null(),
        ),
        (
            on("string", "first_name", json!({ "operator": "isNotNull" })),
            |r| !r["first_name"].is_null(),
        ),
        (
            on("string", "first_name", json!({ "operator": "isEmpty" })),
            |r| r["first_name"] == "",
        ),
        (
            on("string", "first_name", json!({ "operator": "isNotEmpty" })),
            |r| text(r, "first_name") != "?" && r["first_name"] != "",
        ),
        (
            on(
                "number",
                "employees",
                json!({ "operator": "is", "value": 70 }),
            ),
            |r| r["employees"] == 70,
        ),
        (
            on(
                "number",
                "employees",
                json!({ "operator": "isNot", "value": 70 }),
            ),
            |r| r["employees"] != 70,
        ),
        (
            on(
                "number",
                "employees",
                json!({ "operator": "greaterThan", "value": 900.5 }),
            ),
            |r| r["employees"].as_f64().unwrap() > 900.5,
        ),
        (
            on(
                "number",
                "employees",
                json!({ "operator": "lowerThan", "value": 21 }),
            ),
            |r| r["employees"].as_f64().unwrap() < 21.0,
        ),
        (
            on(
                "number",
                "employees",
                json!({ "operator": "between", "firstValue": 7, "lastValue": 21 }),
            ),
            |r| (7..=21).contains(&r["employees"].as_i64().unwrap()),
        ),
        (
            on(
                "date",
                "signed_up_at",
                json!({ "operator": "is", "value": "2026-01-10" }),
            ),
            |r| text(r, "signed_up_at").starts_with("2026-01-10"),
        ),
        (
            on(
                "date",
                "signed_up_at",
                json!({ "operator": "greaterThan", "value": "2026-01-13T10:00:00Z" }),
            ),
            |r| text(r, "signed_up_at") > "2026-01-13T10:00:00.000Z",
        ),
        (
            on(
                "date",
                "signed_up_at",
                json!({ "operator": "lowerThan", "value": "2025-08-01" }),
            ),
            |r| text(r, "signed_up_at") < "2025-08-01",
        ),
        (
            on(
                "date",
                "signed_up_at",
                json!({ "operator": "between", "firstValue": "2026-01-01", "lastValue": "2026-01-03" }),
            ),
            |r| ("2026-01-01".."2026-01-04").contains(&text(r, "signed_up_at")),
        ),
        (
            on("boolean", "subscribed", json!({ "operator": "isTrue" })),
            |r| r["subscribed"] == true,
        ),
        (
            on("boolean", "subscribed", json!({ "operator": "isFalse" })),
            |r| r["subscribed"] == false,
        ),
        (
            on("boolean", "subscribed", json!({ "operator": "isNull" })),
            |r| r["subscribed"].is_null(),
        ),
        (
            on("object", "address", json!({ "operator": "isNull" })),
            |r| r["address"].is_null(),
        ),
        (
            on(
                "object",
                "address",
                json!({
                    "operator": "matchConditions", "conjonction": "or", "propertyConditions": [
                        { "kind": "objectProperty", "columnSlug": "address", "propertyName": "city", "operator": "is", "value": "Rome" },
                        { "kind": "objectProperty", "columnSlug": "address", "propertyName": "zip", "operator": "lowerThan", "value": "900" },
                    ],
                }),
            ),
            |r| {
                let zip = r["address"]["zip"]
                    .as_str()
                    .and_then(|zip| zip.parse::<u32>().ok());
                r["address"]["city"] == "Rome" || zip.is_some_and(|zip| zip < 900)
            },
        ),
        (
            on(
                "array",
                "visits",
                json!({ "operator": "matchConditions", "conjonction": "and", "propertyConditions": [property] }),
            ),
            |r| {
                let visits = r["visits"].as_array().into_iter().flatten();
                visits
                    .into_iter()
                    .any(|visit| visit["seconds"].as_u64() > Some(100))
            },
        ),
        (
            on("array", "visits", json!({ "operator": "isNotNull" })),
            |r| r["visits"].is_array(),
        ),
        (
            on(
                "objectProperty",
                "address",
                json!({ "propertyName": "city", "operator": "contains", "value": "a" }),
            ),
            |r| {
                r["address"]["city"]
                    .as_str()
                    .is_some_and(|city| city.contains('a'))
            },
        ),
        (
            on(
                "objectProperty",
                "address",
                json!({ "propertyName": "zip", "operator": "between", "value": "1000", "otherValue": "2000" }),
            ),
            |r| {
                let zip = r["address"]["zip"]
                    .as_str()
                    .and_then(|zip| zip.parse::<u32>().ok());
                zip.is_some_and(|zip| (1000..=2000).contains(&zip))
            },
        ),
        (
            on("vector", "embedding", json!({ "operator": "isNotNull" })),
            |r| r["embedding"].is_array(),
        ),
        (on("any", "notes", json!({ "operator": "isNull" })), |r| {
            r["notes"].is_null()
        }),
        (
            on("any", "employees", json!({ "operator": "isNotNull" })),
            |_| true,
        ),
        (
            json!({ "kind": "sql", "name": "big in Spain", "clause": "employees >= 500 AND (country = 'Spain' OR email LIKE '%-1_@%')" }),
            |r| {
                let email = text(r, "email");
                let like = email.len() == "contact-1x@example.com".len() && email.contains("-1");
                r["employees"].as_i64() >= Some(500) && (r["country"] == "Spain" || like)
            },
        ),
        (
            json!({ "kind": "sql", "name": "more", "clause": "NOT country IN ('Spain', 'France') AND employees BETWEEN 10 AND 400 AND subscribed IS NOT NULL" }),
            |r| {
                !["Spain", "France"].contains(&text(r, "country"))
                    && (10..=400).contains(&r["employees"].as_i64().unwrap())
                    && !r["subscribed"].is_null()
            },
        ),
    ];
    for (condition, fits) in cases {
        let wanted = expected(&all, fits);
        assert!(!wanted.is_empty(), "{condition}");
        assert_eq!(
            passing(&calls, condition.clone()).await,
            wanted,
            "{condition}"
        );
    }
}

#[tokio::test]
async fn conditions_on_what_is_around_a_record() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let all = everyone(&calls).await;
    let number = |record: &Value| -> usize {
        let id = record["id"].as_str().unwrap();
        id.trim_start_matches("contact-").parse::<usize>().unwrap() - 1
    };

    let related = json!({
        "kind": "number", "columnSlug": "revenue", "relatedModelUuid": fixtures.company_model_uuid,
        "operator": "greaterThan", "value": 17000,
    });
    let rich = expected(&all, |record| number(record) % 20 > 17);
    assert_eq!(passing(&calls, related).await, rich);

    let segment = |operator| json!({ "kind": "segment", "segmentUuid": fixtures.segment_uuid, "operator": operator });
    let even = expected(&all, |record| number(record).is_multiple_of(2));
    assert_eq!(passing(&calls, segment("in")).await, even);
    let odd = expected(&all, |record| number(record) % 2 == 1);
    assert_eq!(passing(&calls, segment("notIn")).await, odd);

    // The nth contact has n % 5 events, 1 to n % 5 days ago, opened and clicked by turns.
    let occurrence = |frequency: Value, period: Value, conditions: Value| {
        json!({
            "kind": "occurrence", "relatedModelUuid": fixtures.event_model_uuid,
            "frequency": frequency, "period": period, "conjonction": "and", "conditions": conditions,
        })
    };
    let within = |days: f64| json!({ "operator": "lessThan", "value": days, "unit": "day" });
    let cases = [
        (
            occurrence(json!({ "operator": "not" }), within(99.0), json!([])),
            [0].as_slice(),
        ),
        (
            occurrence(
                json!({ "operator": "exactly", "value": 2 }),
                within(2.5),
                json!([]),
            ),
            &[2, 3, 4],
        ),
        (
            occurrence(
                json!({ "operator": "moreThan", "value": 1 }),
                within(99.0),
                json!([{ "kind": "string", "columnSlug": "name", "operator": "is", "values": "clicked" }]),
            ),
            &[4],
        ),
        (
            occurrence(
                json!({ "operator": "lessThan", "value": 1 }),
                json!({ "operator": "moreThan", "value": 3.5, "unit": "day" }),
                json!([]),
            ),
            &[0, 1, 2, 3],
        ),
        (
            occurrence(
                json!({ "operator": "exactly", "value": 1 }),
                json!({ "operator": "exactly", "value": 4, "unit": "day" }),
                json!([]),
            ),
            &[4],
        ),
    ];
    for (condition, fives) in cases {
        let wanted = expected(&all, |record| fives.contains(&(number(record) % 5)));
        assert_eq!(
            passing(&calls, condition.clone()).await,
            wanted,
            "{condition}"
        );
    }

    let enrollment = |activity: &str, slug: Option<&str>| {
        let mut condition = json!({
            "kind": "enrollment", "workflowUuid": fixtures.play_workflow_uuid, "activityKind": activity,
            "frequency": { "operator": "exactly", "value": 1 }, "period": within(1.0),
        });
        if let Some(slug) = slug {
            condition["nodeSlug"] = slug.into();
        }
        condition
    };
    assert!(
        passing(&calls, enrollment("workflowEntered", None))
            .await
            .is_empty()
    );
    let ids = ["contact-2", "contact-4"];
    let data = json!({ "kind": "recordIds", "modelUuid": fixtures.model_uuid, "ids": ids });
    calls.create(json!(fixtures.play_workflow_uuid), data).await;
    calls.pass(300);
    for (activity, slug) in [
        ("workflowEntered", None),
        ("workflowLeft", None),
        ("workflowNodeExecuted", Some("enrich")),
    ] {
        assert_eq!(
            passing(&calls, enrollment(activity, slug)).await,
            ids,
            "{activity}"
        );
    }
    assert!(
        passing(&calls, enrollment("workflowNodeExecuted", Some("nowhere")))
            .await
            .is_empty()
    );
    calls.pass(86_400);
    assert!(
        passing(&calls, enrollment("workflowEntered", None))
            .await
            .is_empty(),
        "too long ago"
    );
}

#[tokio::test]
async fn groups_sort_and_limit() {
    let calls = Calls::start().await;
    let country = |name: &str| json!({ "kind": "string", "columnSlug": "country", "operator": "is", "values": name });
    let small = json!({ "kind": "number", "columnSlug": "employees", "operator": "lowerThan", "value": 50 });
    let group =
        |how: &str, conditions: Value| json!({ "conjonction": how, "conditions": conditions });
    let count = async |how: &str, groups: Value| {
        let data = json!({ "filter": { "conjonction": how, "groups": groups } });
        preview(&calls, data).await.ok()["count"].as_u64().unwrap()
    };
    let both = json!([
        group("or", json!([country("Spain"), country("Italy")])),
        group("and", json!([small]))
    ]);
    // The first eight have fewer than 50, and 143 to 150 begin anew at 1.
    let (and, or) = (count("and", both.clone()).await, count("or", both).await);
    let smalls = count("and", json!([group("and", json!([small]))])).await;
    assert_eq!(and + or, 100 + smalls);
    assert!(and > 0 && and < smalls);
    assert_eq!(
        count("or", json!([])).await,
        200,
        "a filter with no groups takes everything"
    );

    let sort = json!([
        { "columnSlug": "country", "kind": "desc" },
        { "columnSlug": "employees", "kind": "asc" },
    ]);
    let sorted = preview(&calls, json!({ "sort": sort, "limit": 60 }))
        .await
        .ok();
    let keys: Vec<(String, i64)> = sorted["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            let country = record["country"].as_str().unwrap().to_owned();
            (country, record["employees"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(keys.len(), 60);
    assert!(
        keys.is_sorted_by(|one, other| (&other.0, one.1) <= (&one.0, other.1)),
        "{keys:?}"
    );
    assert_eq!(
        (keys[0].0.as_str(), keys[59].0.as_str()),
        ("Spain", "Italy")
    );
    // What there is not comes last.
    let sort = json!([{ "columnSlug": "first_name", "kind": "asc" }]);
    let sorted = preview(&calls, json!({ "sort": sort })).await.ok();
    assert_eq!(sorted["records"][0]["first_name"], "");
    assert_eq!(sorted["records"][199]["first_name"], Value::Null);
    assert_eq!(
        preview(&calls, json!({ "limit": 0 })).await.ok()["count"],
        0
    );
}

#[tokio::test]
async fn mistakes_are_named() {
    let calls = Calls::start().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (condition, says) in [
        (
            json!({ "kind": "string", "columnSlug": "contry", "operator": "isNull" }),
            "contry",
        ),
        (
            json!({ "kind": "string", "columnSlug": "employees", "operator": "isNull" }),
            "column of number",
        ),
        (
            json!({ "kind": "date", "columnSlug": "signed_up_at", "operator": "is", "value": "soon" }),
            "\"soon\" is not a date",
        ),
        (
            json!({ "kind": "segment", "segmentUuid": unknown, "operator": "in" }),
            unknown,
        ),
        (
            json!({ "kind": "any", "columnSlug": "id", "relatedModelUuid": unknown, "operator": "isNull" }),
            unknown,
        ),
        (
            json!({ "kind": "sql", "name": "x", "clause": "height > 3" }),
            "height",
        ),
        (
            json!({ "kind": "sql", "name": "x", "clause": "country = " }),
            "x",
        ),
        (
            json!({ "kind": "sql", "name": "x", "clause": "country = 'a' 'b'" }),
            "left over",
        ),
        (
            json!({ "kind": "sql", "name": "x", "clause": "lower(country) = 'a'" }),
            "can't evaluate",
        ),
        (
            json!({ "kind": "sql", "name": "x", "clause": "(".repeat(5000) }),
            "x",
        ),
    ] {
        let response = preview(&calls, one(condition.clone())).await;
        assert_eq!(response.status, 400, "{condition}");
        assert!(response.message().contains(says), "{response:?}");
        let mut data = one(condition);
        data["kind"] = "filter".into();
        data["modelUuid"] = json!(calls.fixtures().model_uuid);
        let body = json!({ "workflowUuid": calls.fixtures().play_workflow_uuid, "data": data });
        let response = calls.post("/orchestration/batches", &body).await;
        assert_eq!(response.reason(), "dataError: invalidData", "{body}");
    }
    let sort = json!([{ "columnSlug": "height", "kind": "asc" }]);
    assert!(
        preview(&calls, json!({ "sort": sort }))
            .await
            .message()
            .contains("height")
    );
}
