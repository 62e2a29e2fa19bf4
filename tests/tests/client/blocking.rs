//! `Blocking` where it must not be used, and where it may.

use std::sync::Arc;

use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Blocking, Client, Error, ErrorKind};
use cargo_batch_tests::connections::Server;
use cargo_batch_tests::script::{TOKEN, batch, uuid};
use serde_json::json as value;
use tokio::runtime::{Builder, Runtime};

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.enable_all().build().unwrap())
}

fn server() -> (Server, Client) {
    let body = value!({ "batch": batch(value!({ "uuid": uuid(1) })) });
    let server = Server::start("127.0.0.1:0", body.to_string());
    let client = Client::builder(TOKEN).base_url(server.base_url());
    (server, client.build().unwrap())
}

fn says_what_to_do(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    let text = error.to_string();
    assert!(text.contains("async") && text.contains(".await"), "{text}");
    assert!(!error.is_ambiguous() && !error.is_retryable(), "{text}");
}

#[test]
fn in_async_code_every_call_is_an_error_and_dropping_is_not() {
    let (server, client) = server();
    for runtime in runtimes() {
        let cargo = Arc::new(Blocking::new(client.clone()).unwrap());
        let (own, shared) = (Blocking::new(client.clone()).unwrap(), cargo.clone());
        let (root, task) = runtime.block_on(async {
            drop(own);
            let root = calls(&cargo);
            (
                root,
                tokio::spawn(async move { calls(&shared) }).await.unwrap(),
            )
        });
        for error in root.iter().chain(&task) {
            says_what_to_do(error);
        }
        // Outside nothing has changed.
        assert_eq!(
            cargo
                .block_on(cargo.client().get_batch(id()))
                .unwrap()
                .batch
                .uuid,
            id()
        );
    }
    assert_eq!(server.received().requests.len(), 2);
}

fn calls(cargo: &Blocking) -> Vec<Error> {
    let client = cargo.client();
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
    vec![
        Blocking::new(client.clone()).unwrap_err(),
        cargo.block_on(client.get_batch(id())).unwrap_err(),
        cargo
            .block_on(client.create_batch_once(request))
            .unwrap_err(),
        cargo
            .block_on(client.upload_from("a.csv", &b"a\n"[..]))
            .unwrap_err(),
        cargo
            .block_on(async { client.get_batch(id()).await.map(drop) })
            .unwrap_err(),
        cargo.iter(client.watch(id())).next().unwrap().unwrap_err(),
        cargo
            .iter(client.list_batches().items())
            .next()
            .unwrap()
            .unwrap_err(),
    ]
}

#[test]
fn a_thread_that_may_wait_waits() {
    let (_server, client) = server();
    for runtime in runtimes() {
        // The thread of a blocking task.
        let own = client.clone();
        let waited = runtime.block_on(async {
            let waited = tokio::task::spawn_blocking(move || {
                let cargo = Blocking::new(own)?;
                cargo.block_on(cargo.client().get_batch(id()))
            });
            waited.await.unwrap()
        });
        assert_eq!(waited.unwrap().batch.uuid, id());
        // One that has entered a runtime and does nothing for it.
        let _entered = runtime.enter();
        let cargo = Blocking::new(client.clone()).unwrap();
        assert_eq!(
            cargo
                .block_on(cargo.client().get_batch(id()))
                .unwrap()
                .batch
                .uuid,
            id()
        );
    }
}

#[test]
fn futures_awaited_in_async_code_continue() {
    let (_server, client) = server();
    for runtime in runtimes() {
        runtime.block_on(async {
            // Asking whether this is a task takes its budget, which comes back.
            Blocking::new(client.clone()).unwrap_err();
            assert_eq!(client.get_batch(id()).await.unwrap().batch.uuid, id());
        });
    }
}
