//! What can be known before a batch is paid for.

use cargo_batch_client::types::{
    CreateBatchData, CreateBatchRequest, CreateFileData, CreateFilterData, Node, Record,
    RunsFilter, RunsFilterByRuns, RunsReset, WorkflowUuid,
};
use cargo_batch_client::{Client, CsvHeader, ErrorKind, Report, Severity, Subject};
use cargo_batch_sandbox::{Fault, Rule, Sandbox};
use cargo_batch_tests::sandbox::{Checked, made};
use cargo_batch_tests::script::{Script, json, status, uuid};
use serde_json::{Value, json as value};

async fn check_csv(client: &Client, workflow: WorkflowUuid, text: &str) -> Report {
    let file = client
        .upload_file("leads.csv", text.to_owned())
        .await
        .unwrap();
    let request = CreateBatchRequest::new(file).workflow(workflow);
    client.check(&request).await.unwrap()
}

/// An error of the API without a reason.
fn refused_with(status: u16) -> Rule {
    Rule::new(Fault::ApiError {
        status,
        reason: None,
        data_reason: None,
        message: None,
        acted: false,
    })
}

/// The problems of a report, without their messages.
fn found(report: &Report) -> Vec<(Severity, Subject)> {
    let problems = report.problems.iter();
    problems.map(|it| (it.severity, it.subject)).collect()
}

fn assert_says(report: &Report, severity: Severity, subject: Subject, words: &str) {
    let mut problems = report.problems.iter();
    assert!(
        problems.any(|it| it.severity == severity
            && it.subject == subject
            && it.message.contains(words)),
        "{words:?} in {report}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_in_order_is_ready_and_nothing_is_spent() {
    let (sandbox, client) = Checked::set_up(Sandbox::builder().credits(50.0)).await;
    let tool = sandbox.fixtures().tool_workflow_uuid;
    let report = check_csv(&client, tool, "email,country\nada@example.com,France\n").await;
    assert_eq!(found(&report), []);
    assert_eq!(
        report.to_string(),
        "ready: 1 record for the tool \"Enrich lead\", 50.00 credits left"
    );
    assert_eq!((report.count, report.credits_left), (Some(1), Some(50.0)));
    assert_eq!(report.columns, ["email", "country"]);
    assert_eq!(report.form_fields[0].slug, "email");
    assert!(report.is_ok() && report.clone().require().unwrap() == report);
    let play = CreateFilterData::whole_model(sandbox.fixtures().model_uuid).limit(5);
    let play = CreateBatchRequest::new(play).workflow(sandbox.fixtures().play_workflow_uuid);
    let report = client.check(&play).await.unwrap();
    assert_eq!((found(&report), report.count), (vec![], Some(5)));
    assert!(report.workflow.unwrap().contains("Route contacts"));
    assert_eq!(made(&sandbox), 0);
}

#[tokio::test(start_paused = true)]
async fn columns_are_held_against_the_form_fields() {
    use Severity::{Error, Warning};
    let (sandbox, client) = Checked::start().await;
    let tool = sandbox.fixtures().tool_workflow_uuid;
    for (text, severity, words) in [
        (
            "country\nFrance\n",
            Error,
            "the required column \"email\" is missing",
        ),
        (
            "Email ,country\na,b\n",
            Error,
            "rename the column \"Email \"",
        ),
        ("email;country\na;b\n", Error, "separated by semicolons"),
        ("email\tcountry\na\tb\n", Error, "separated by tabs"),
        ("email|country\na|b\n", Error, "separated by bars"),
        ("email,shoe\na,b\n", Warning, "\"shoe\" is no form field"),
        (
            "email,email\na,b\n",
            Warning,
            "more than one column \"email\"",
        ),
        ("email,\na,b\n", Warning, "a column without a name"),
    ] {
        let report = check_csv(&client, tool, text).await;
        assert_says(&report, severity, Subject::Columns, words);
        assert_eq!(report.is_ok(), severity == Warning, "{text:?}: {report}");
        assert_eq!(report.problems.len(), 1, "{report}");
    }
    let report = check_csv(&client, tool, "country\nFrance\n").await;
    assert!(report.to_string().starts_with("not ready: 1 record"));
    let error = report.require().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("\"email\" is missing"),
        "{error}"
    );
    assert!(error.is_final() && !error.may_have_spent());
    // No such file; nothing but a header.
    let gone = CreateBatchRequest::new(CreateBatchData::file("gone.csv")).workflow(tool);
    let report = client.check(&gone).await.unwrap();
    assert_says(&report, Error, Subject::Columns, "noColumnsFound");
    let report = check_csv(&client, tool, "email\n").await;
    assert_eq!(found(&report), [(Error, Subject::Count)]);
}

#[tokio::test(start_paused = true)]
async fn mappings_rename_columns_whichever_side_they_are_on() {
    let (sandbox, client) = Checked::start().await;
    let tool = sandbox.fixtures().tool_workflow_uuid;
    let file = client.upload_file("f.csv", "Mail\na\n").await.unwrap();
    for (pair, problems) in [
        (("Mail", "email"), vec![]),
        (("email", "Mail"), vec![]),
        (
            ("no", "none"),
            vec![
                (Severity::Error, Subject::Columns),
                (Severity::Error, Subject::Columns),
                (Severity::Warning, Subject::Columns),
            ],
        ),
    ] {
        let data = CreateFileData::new(&file.s3_filename).mappings([pair]);
        let request = CreateBatchRequest::new(data).workflow(tool);
        let report = client.check(&request).await.unwrap();
        assert_eq!(found(&report), problems, "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn records_are_held_against_the_form_fields_too() {
    let (sandbox, client) = Checked::start().await;
    let tool = sandbox.fixtures().tool_workflow_uuid;
    let with = |field: &str| Record::from_iter([(field, "x")]);
    for (records, severity, words) in [
        (
            vec![with("country")],
            Severity::Error,
            "\"email\" is missing",
        ),
        (
            vec![with("email"), with("country")],
            Severity::Error,
            "1 records lack",
        ),
        (
            vec![Record::from_iter([("email", "x"), ("shoe", "y")])],
            Severity::Warning,
            "shoe",
        ),
    ] {
        let data = CreateBatchData::records(records);
        let request = CreateBatchRequest::new(data).workflow(tool);
        let report = client.check(&request).await.unwrap();
        assert_says(&report, severity, Subject::Columns, words);
        assert_eq!(report.problems.len(), 1, "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn kinds_of_data_are_held_against_tools_and_plays() {
    use Severity::{Error, Unknown, Warning};
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let file = client.upload_file("f.csv", "email\na\n").await.unwrap();
    let file = CreateBatchData::from(file);
    let filter = |model| CreateBatchData::from(CreateFilterData::whole_model(model).limit(1));
    let of_runs = RunsFilter::new(RunsFilterByRuns::new().record_id("r1"));
    let (tool, play) = (fixtures.tool_workflow_uuid, fixtures.play_workflow_uuid);
    let ids = CreateBatchData::record_ids(fixtures.company_model_uuid, ["a"]);
    for (workflow, data, severity, words) in [
        (
            play,
            file.clone(),
            Error,
            "a play takes no data of kind file",
        ),
        (
            tool,
            filter(fixtures.model_uuid),
            Error,
            "a tool takes no data of kind filter",
        ),
        (
            play,
            filter(fixtures.company_model_uuid),
            Error,
            "the play works on the model",
        ),
        (play, ids, Error, "the play works on the model"),
        (
            play,
            CreateBatchData::segment(fixtures.play_segment_uuid),
            Error,
            "\"Route contacts\" keeps for itself",
        ),
        (
            play,
            CreateBatchData::segment(fixtures.paused_play_segment_uuid),
            Error,
            "\"Route contacts by country\" keeps for itself",
        ),
        (
            tool,
            CreateBatchData::runs(of_runs, RunsReset::FirstNode),
            Unknown,
            "isn't documented",
        ),
        (
            uuid(9).parse().unwrap(),
            file.clone(),
            Warning,
            "no tool and no play",
        ),
    ] {
        let request = CreateBatchRequest::new(data).workflow(workflow);
        let report = client.check(&request).await.unwrap();
        assert_says(&report, severity, Subject::Workflow, words);
        if severity == Error {
            // The server agrees.
            assert!(client.create_batch(request).await.is_err(), "{words}");
        }
    }
    // Counting isn't possible, and said so.
    let segment = CreateBatchRequest::new(CreateBatchData::segment(fixtures.segment_uuid));
    let report = client.check(&segment).await.unwrap();
    assert_says(&report, Error, Subject::Request, "workflowUuid");
    assert_says(&report, Error, Subject::Workflow, "the workflow of a play");
    assert_says(&report, Unknown, Subject::Count, "workflowUuid");
    let both = CreateBatchRequest::new(file)
        .workflow(tool)
        .release(fixtures.release_uuid)
        .nodes(Vec::<Node>::new());
    let report = client.check(&both).await.unwrap();
    assert_says(&report, Error, Subject::Request, "not both");
    assert_says(&report, Unknown, Subject::Columns, "`nodes`");
    assert_eq!(made(&sandbox), 0);
}

#[tokio::test(start_paused = true)]
async fn credits_that_are_left_or_unknown() {
    let (sandbox, client) = Checked::set_up(Sandbox::builder().credits(0.0)).await;
    let tool = sandbox.fixtures().tool_workflow_uuid;
    let report = check_csv(&client, tool, "email\na\n").await;
    assert_eq!(found(&report), [(Severity::Error, Subject::Credits)]);
    assert_eq!(report.credits_left, Some(0.0));
    for code in [401, 403] {
        let fault = refused_with(code);
        let builder = Sandbox::builder().faults(fault.on("get_subscription"));
        let (sandbox, client) = Checked::set_up(builder).await;
        let tool = sandbox.fixtures().tool_workflow_uuid;
        let report = check_csv(&client, tool, "email\na\n").await;
        assert_eq!(found(&report), [(Severity::Unknown, Subject::Credits)]);
        assert_eq!((report.is_ok(), report.credits_left), (true, None));
        assert!(
            report.to_string().contains("credits left: unknown"),
            "{report}"
        );
    }
}

/// A server of one tool, whose subscription and file are as a test says.
async fn server(columns: Value, subscription: Value) -> (Script, CreateBatchRequest) {
    let script = Script::start(move |seen| {
        json(match seen.line.as_str() {
            "GET /v1/orchestration/tools/list" => value!({ "tools": [{
                "uuid": uuid(1), "name": "T", "workflowUuid": uuid(7),
                "creditsCost": { "kind": "custom", "min": 2, "max": 3 },
            }] }),
            "GET /v1/orchestration/releases/deployed" => value!({ "release": {
                "uuid": uuid(2), "workflowUuid": uuid(7), "nodes": [], "status": "deployed",
                "formFields": [
                    { "name": "Email", "slug": "email", "kind": "string", "isRequired": true },
                ],
            } }),
            "GET /v1/workspaceManagement/files/listColumns" => value!({ "columns": columns }),
            "POST /v1/orchestration/batches/preview" => {
                value!({ "records": [], "columns": [], "count": 10 })
            }
            "GET /v1/billing/subscriptions" => value!({ "subscription": subscription }),
            _ => return status(404),
        })
    })
    .await;
    let workflow: WorkflowUuid = uuid(7).parse().unwrap();
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv")).workflow(workflow);
    (script, request)
}

fn email(name: &str) -> Value {
    value!([{ "type": "string", "name": name }])
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_that_became_part_of_a_name_is_named() {
    let rich = value!({
        "subscriptionAvailableCreditsCount": 100, "subscriptionCreditsUsedCount": 10.5,
    });
    let (script, request) = server(email("\u{feff}email"), rich).await;
    let report = script.client().check(&request).await.unwrap();
    assert_says(
        &report,
        Severity::Error,
        Subject::Columns,
        "byte order mark (BOM)",
    );
    assert_eq!(report.credits_left, Some(89.5));
}

#[tokio::test(start_paused = true)]
async fn what_a_tool_is_said_to_cost_is_held_against_what_is_left() {
    let with = |left: f64, bought: f64, action: &str| {
        value!({
            "subscriptionAvailableCreditsCount": left, "subscriptionCreditsUsedCount": 0,
            "additionalAvailableCreditsCount": bought,
            "creditsOverageBehaviors": [{ "unit": "billing.credits", "action": action }],
        })
    };
    let credits = Subject::Credits;
    for (subscription, problems) in [
        (with(19.0, 0.0, "deny"), vec![(Severity::Warning, credits)]),
        (with(19.0, 1.0, "deny"), vec![]),
        (with(0.0, 0.0, "deny"), vec![(Severity::Error, credits)]),
        (with(0.0, 0.0, "allow"), vec![(Severity::Warning, credits)]),
        (value!({}), vec![(Severity::Unknown, credits)]),
    ] {
        let (script, request) = server(email("email"), subscription.clone()).await;
        let report = script.client().check(&request).await.unwrap();
        assert_eq!(found(&report), problems, "{subscription}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_is_an_error_and_no_report() {
    for operation in [
        "list_tools",
        "list_plays",
        "preview_batch",
        "list_file_columns",
    ] {
        let fault = refused_with(500);
        let (sandbox, client) =
            Checked::set_up(Sandbox::builder().faults(fault.on(operation))).await;
        let file = client.upload_file("f.csv", "email\na\n").await.unwrap();
        let workflow = match operation {
            "list_plays" => sandbox.fixtures().play_workflow_uuid,
            _ => sandbox.fixtures().tool_workflow_uuid,
        };
        let request = CreateBatchRequest::new(file).workflow(workflow);
        let error = client.check(&request).await.unwrap_err();
        assert_eq!(error.operation().unwrap().id, operation);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_checked_before_it_is_uploaded() {
    use Severity::{Error, Warning};
    let (sandbox, client) = Checked::start().await;
    let tool = sandbox.fixtures().tool_workflow_uuid;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leads.csv");
    for (bytes, severity, words) in [
        (
            &b"\xEF\xBB\xBFemail,country\na,b\n"[..],
            Warning,
            "byte order mark",
        ),
        (b"country\nFrance\n", Error, "\"email\" is missing"),
        (b"email;country\n", Error, "semicolons"),
        (b"email,shoe\n", Warning, "shoe"),
        (b"email,caf\xe9\n", Error, "UTF-8"),
        (b"e\0m\0a\0i\0l\0\n", Error, "UTF-8"),
        (b"", Error, "no header"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let report = client.check_file(&path, tool).await.unwrap();
        assert_says(&report, severity, Subject::Columns, words);
        assert_eq!(report.is_ok(), severity == Warning, "{report}");
    }
    std::fs::write(&path, "\r\n\"email\",\"country\"\r\na,b\r\n").unwrap();
    let report = client.check_file(&path, tool).await.unwrap();
    assert_eq!((found(&report), report.count), (vec![], None));
    assert_eq!(report.columns, ["email", "country"]);
    let play = sandbox.fixtures().play_workflow_uuid;
    let report = client.check_file(&path, play).await.unwrap();
    assert_says(
        &report,
        Error,
        Subject::Workflow,
        "a play takes no data of kind file",
    );
    let error = client.check_file(folder.path().join("no.csv"), tool).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Io);
    assert!(
        sandbox
            .requests()
            .iter()
            .all(|it| it.operation.as_deref() != Some("upload_file")),
        "nothing is uploaded"
    );
}

#[test]
fn headers_are_read_as_csv() {
    for (text, columns) in [
        ("a,b", vec!["a", "b"]),
        ("a,b\r\n1,2", vec!["a", "b"]),
        ("\"a,\"\"b\"\"\",c\n", vec!["a,\"b\"", "c"]),
        ("\"a\nb\",c\nd", vec!["a\nb", "c"]),
        ("a\"b,c", vec!["a\"b", "c"]),
        ("\n\na,\n", vec!["a", ""]),
        ("", vec![]),
        ("\"never closed", vec!["never closed"]),
    ] {
        assert_eq!(
            CsvHeader::parse(text.as_bytes()).columns,
            columns,
            "{text:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_keeps_the_batch_from_running_and_what_is_not_permitted_is_unknown() {
    for (code, is_ready) in [(404, false), (403, true), (405, true)] {
        let script = Script::start(move |seen| match seen.line.as_str() {
            "GET /v1/orchestration/tools/list" => json(value!({ "tools": [{
                "uuid": uuid(1), "name": "T", "workflowUuid": uuid(7),
            }] })),
            "GET /v1/orchestration/plays/list" => json(value!({ "plays": [] })),
            _ => status(code),
        })
        .await;
        let workflow: WorkflowUuid = uuid(7).parse().unwrap();
        let request = CreateBatchRequest::new(CreateBatchData::file("f.csv")).workflow(workflow);
        let report = script.client().check(&request).await.unwrap();
        assert_eq!(report.is_ok(), is_ready, "{code}: {report}");
        assert_eq!(report.require().is_ok(), is_ready);
    }
}
