//! The feature `schemars`: the JSON schema of a type accepts what the type reads.

use cargo_batch_tests::{Samples, document};
use cargo_batch_types::{Batch, CreateBatchRequest, Filter, Run};
use schemars::JsonSchema;
use serde_json::{Value, json};

fn validator<T: JsonSchema>() -> jsonschema::Validator {
    let schema = schemars::schema_for!(T).to_value();
    jsonschema::validator_for(&schema).expect("it is a schema")
}

fn errors(validator: &jsonschema::Validator, json: &Value) -> Vec<String> {
    validator
        .iter_errors(json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn accepts<T: JsonSchema>(name: &str) {
    let validator = validator::<T>();
    for samples in [Samples::full(document()), Samples::minimal(document())] {
        for sample in samples.of(name) {
            assert_eq!(errors(&validator, &sample), [""; 0], "{name}: {sample}");
        }
    }
}

#[test]
fn json_schema_of_a_batch() {
    accepts::<Batch>("Batch");
}

#[test]
fn json_schema_of_a_run() {
    accepts::<Run>("Run");
}

#[test]
fn json_schema_of_a_filter() {
    accepts::<Filter>("Filter");
}

#[test]
fn json_schema_of_a_request() {
    accepts::<CreateBatchRequest>("CreateBatchRequest");
}

#[test]
fn unknown_fields_and_values_satisfy_the_schema() {
    let mut batch = Samples::full(document()).of("Batch").remove(0);
    batch["status"] = json!("hibernating");
    batch["data"] = json!({ "kind": "telepathy", "minds": 3 });
    batch["nodes"][0]["kind"] = json!("quantum");
    batch["more"] = json!(true);
    assert_eq!(errors(&validator::<Batch>(), &batch), [""; 0]);
}

#[test]
fn invalid_batches_violate_the_schema() {
    let validator = validator::<Batch>();
    let batch = Samples::minimal(document()).of("Batch").remove(0);
    for (name, value) in [
        ("uuid", json!(3)),
        ("runsCount", json!("3")),
        ("createdAt", json!(0)),
        ("data", json!([])),
    ] {
        let mut batch = batch.clone();
        batch[name] = value;
        assert!(!errors(&validator, &batch).is_empty(), "{name}");
        batch
            .as_object_mut()
            .map(|fields| fields.shift_remove(name));
        assert!(!errors(&validator, &batch).is_empty(), "{name} is missing");
    }
}
