//! From a name to what has it, and to the columns of a workflow.

use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record, WorkflowUuid};
use cargo_batch_client::{Client, ErrorKind};
use cargo_batch_tests::sandbox::Checked;
use cargo_batch_tests::script::{Script, TOKEN, json, uuid};
use serde_json::{Value, json as value};

/// A server with these tools, of which a value that isn't an object is a name.
async fn tools(tools: Vec<Value>) -> (Script, Client) {
    let tools: Vec<Value> = tools
        .into_iter()
        .enumerate()
        .map(|(n, tool)| match tool {
            Value::String(name) => {
                value!({ "uuid": uuid(n), "name": name, "workflowUuid": uuid(100 + n) })
            }
            tool => tool,
        })
        .collect();
    let script = Script::start(move |_| json(value!({ "tools": tools }))).await;
    let client = script.client();
    (script, client)
}

fn names(names: &[&str]) -> Vec<Value> {
    names.iter().copied().map(Value::from).collect()
}

#[tokio::test(start_paused = true)]
async fn from_the_name_of_a_tool_to_its_columns_and_a_batch() {
    let (sandbox, client) = Checked::start().await;
    // As a task, which has to be `Send`.
    let finder = client.clone();
    let tool = tokio::spawn(async move { finder.tools().find("Enrich lead").await });
    let tool = tool.await.unwrap().unwrap();
    assert_eq!(tool.uuid, sandbox.fixtures().tool_uuid);
    let columns = client.columns(tool.workflow_uuid).await.unwrap();
    let required: Vec<&str> = columns
        .iter()
        .filter(|column| column.is_required == Some(true))
        .map(|column| column.slug.as_str())
        .collect();
    assert_eq!((required.as_slice(), columns.len()), (&["email"][..], 7));
    let data = CreateBatchData::records([Record::from_iter([("email", "ada@example.com")])]);
    let request = CreateBatchRequest::new(data).workflow(tool.workflow_uuid);
    let batch = client.create_batch_once(request).await.unwrap();
    assert_eq!(batch.workflow_uuid, sandbox.fixtures().tool_workflow_uuid);
}

#[tokio::test(start_paused = true)]
async fn a_play_has_no_form_and_what_was_never_deployed_no_columns() {
    let (sandbox, client) = Checked::start().await;
    let play = client.plays().find("Route contacts").await.unwrap();
    assert_eq!(play.uuid, sandbox.fixtures().play_uuid);
    assert_eq!(client.columns(play.workflow_uuid).await.unwrap(), []);
    // One that isn't enabled is found, too.
    let paused = client
        .plays()
        .find("Route contacts by country")
        .await
        .unwrap();
    let error = client.columns(paused.workflow_uuid).await.unwrap_err();
    assert_eq!(error.reason().unwrap().as_str(), "releaseNotFound");
}

#[tokio::test(start_paused = true)]
async fn models_and_segments_are_found_by_name_slug_and_uuid() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let model = client.models().find("contacts").await.unwrap();
    assert_eq!(model.uuid, fixtures.model_uuid);
    for name in [model.name.clone(), model.uuid.to_string()] {
        assert_eq!(client.models().find(&name).await.unwrap(), model, "{name}");
    }
    for name in ["every_second", "Every second contact", " EVERY_SECOND "] {
        let segment = client.segments().find(name).await.unwrap();
        assert_eq!(segment.uuid, fixtures.segment_uuid, "{name}");
    }
    let all = client.segments().items().try_collect().await.unwrap();
    assert_eq!(all, client.list_segments().await.unwrap().segments);
}

#[tokio::test(start_paused = true)]
async fn what_nothing_is_called_names_what_there_is() {
    let (sandbox, client) = Checked::start().await;
    let error = client.tools().find("Enrich leads").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.is_final() && !error.is_retryable() && !error.may_have_spent());
    let fixtures = sandbox.fixtures();
    let expected = format!(
        "list_tools: no tool is called \"Enrich leads\"; there are \"Enrich lead\" ({}), \"Score lead\" ({}), \
         \"Score lead\" ({}). Check the name, and that the token belongs to the intended workspace",
        fixtures.tool_uuid, fixtures.broken_tool_uuid, fixtures.unstoppable_tool_uuid
    );
    assert_eq!(error.to_string(), expected);
    let error = client.models().find("leads").await.unwrap_err().to_string();
    assert!(
        error.contains("no model is called \"leads\"; there are"),
        "{error}"
    );
    let known = format!("(contacts, {})", fixtures.model_uuid);
    assert!(error.contains(&known), "{error}");
    assert_eq!(sandbox.created(), []);
}

#[tokio::test(start_paused = true)]
async fn what_several_are_called_is_an_error_with_the_uuids_that_tell_them_apart() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    for name in ["Score lead", "score LEAD"] {
        let error = client.tools().find(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotUnique);
        assert!(error.is_final());
        let expected = format!(
            "2 tools are called \"{name}\": \"Score lead\" ({}), \"Score lead\" ({})",
            fixtures.broken_tool_uuid, fixtures.unstoppable_tool_uuid
        );
        assert!(error.to_string().contains(&expected), "{error}");
    }
    let uuid = fixtures.unstoppable_tool_uuid;
    let tool = client.tools().find(&uuid.to_string()).await.unwrap();
    assert_eq!(tool.uuid, uuid);
}

#[tokio::test(start_paused = true)]
async fn a_slug_that_is_the_name_of_another_is_not_unique() {
    let model =
        |n: usize, slug: &str, name: &str| value!({ "uuid": uuid(n), "slug": slug, "name": name });
    let models = [model(1, "leads", "Old"), model(2, "new_leads", "leads")];
    let script = Script::start(move |_| json(value!({ "models": models }))).await;
    let models = script.client().models();
    let error = models.find("leads").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotUnique);
    assert_eq!(
        models.find("new_leads").await.unwrap().uuid.to_string(),
        uuid(2)
    );
}

#[tokio::test(start_paused = true)]
async fn upper_and_lower_case_count_where_both_are_there() {
    let (_script, client) = tools(names(&["ENRICH", "Enrich", "Écrire", "other"])).await;
    let find = async |name: &str| client.tools().find(name).await;
    assert_eq!(find("Enrich").await.unwrap().name, "Enrich");
    assert_eq!(find("ENRICH").await.unwrap().name, "ENRICH");
    assert_eq!(
        find("enrich").await.unwrap_err().kind(),
        ErrorKind::NotUnique
    );
    assert_eq!(find("éCRIRE").await.unwrap().name, "Écrire");
    assert_eq!(find("").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn of_many_ten_are_named_and_none_of_nothing() {
    let many: Vec<String> = (0..13).map(|n| format!("tool {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (script, client) = tools(names(&many)).await;
    let text = client.tools().find("absent").await.unwrap_err().to_string();
    assert!(
        text.contains(&format!("\"tool 9\" ({}) and 3 more.", uuid(9))),
        "{text}"
    );
    assert!(!text.contains("tool 10"), "{text}");
    assert_eq!(script.seen().len(), 1);
    let (_script, client) = tools(Vec::new()).await;
    let text = client.tools().find("absent").await.unwrap_err().to_string();
    assert!(
        text.contains("no tool is called \"absent\"; there is none."),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_is_not_found() {
    let tool = |n: usize, deleted: Value| value!({ "uuid": uuid(n), "name": "Enrich", "workflowUuid": uuid(9), "deletedAt": deleted });
    let deleted = tool(1, value!("2026-01-01T00:00:00.000Z"));
    let (_script, client) = tools(vec![deleted.clone(), tool(2, Value::Null)]).await;
    let found = client.tools().find("Enrich").await.unwrap();
    assert_eq!(found.uuid.to_string(), uuid(2));
    assert_eq!(client.tools().items().try_collect().await.unwrap().len(), 2);
    let (_script, client) = tools(vec![deleted]).await;
    let error = client.tools().find("Enrich").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_read_hides_no_other_and_is_taken_for_none() {
    let odd = value!({ "uuid": uuid(7), "name": "Odd", "workflowUuid": 7 });
    let twin = value!({ "uuid": uuid(8), "name": "Enrich", "workflowUuid": 7 });
    let (_script, client) = tools(vec!["Enrich".into(), odd]).await;
    assert_eq!(client.tools().find("Enrich").await.unwrap().name, "Enrich");
    let error = client.tools().find("Odd").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(error.field_path(), Some("tools[1].workflowUuid"));
    let text = client.tools().find("absent").await.unwrap_err().to_string();
    assert!(
        text.contains(&format!("\"Odd\" ({}, can't be read)", uuid(7))),
        "{text}"
    );
    // It may be the one that is meant.
    let (_script, client) = tools(vec!["Enrich".into(), twin]).await;
    let error = client.tools().find("Enrich").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotUnique);
    let mut items = client.tools().items();
    assert!(items.next().await.unwrap().is_ok());
    assert!(items.next().await.unwrap().is_err());
    assert!(items.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn names_are_shown_without_the_token_cut_and_in_one_line() {
    let long = "x".repeat(1000);
    let odd = format!("a\n{TOKEN}\u{202e}b");
    let (_script, client) = tools(names(&[&odd, &long])).await;
    let error = client.tools().find(&odd.to_uppercase()).await.unwrap();
    assert_eq!(error.name, odd);
    for wanted in [odd.replace('a', "c"), long.replace('x', "y")] {
        let text = client.tools().find(&wanted).await.unwrap_err().to_string();
        assert!(
            !text.contains(TOKEN) && !text.contains(['\n', '\u{202e}']),
            "{text}"
        );
        assert!(text.len() < 800, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_had_is_its_own_error() {
    let (_sandbox, client) = Checked::start().await;
    let nowhere = Client::builder("wrong")
        .base_url(_sandbox.base_url())
        .build()
        .unwrap();
    let error = nowhere.tools().find("Enrich lead").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let unknown: WorkflowUuid = uuid(9).parse().unwrap();
    assert!(client.columns(unknown).await.is_err());
}

#[test]
fn without_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sandbox, client) = runtime.block_on(Checked::start());
    let cargo = cargo_batch_client::Blocking::new(client).unwrap();
    let tools = cargo.client().tools();
    let tool = cargo.block_on(Box::pin(tools.find("Enrich lead"))).unwrap();
    assert_eq!(tool.uuid, sandbox.fixtures().tool_uuid);
    assert_eq!(cargo.iter(tools.items()).count(), 3);
}
