//! What holds for every generated type, checked on samples created from its schema.

use std::fmt::Debug;

use cargo_batch_tests::{Samples, document, generated, pinned};
use cargo_batch_types::{DecodeError, from_json};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A type, as far as these tests use it.
pub struct Codec {
    pub name: &'static str,
    /// The `Debug` of what is read, and what that writes.
    round_trip: fn(&Value) -> Result<(String, Value), String>,
    /// Are both read, and as the same?
    same: fn(&Value, &Value) -> Result<bool, String>,
    /// The error where a text isn't read, and the path that `serde_path_to_error` gives it.
    pub failure: fn(&[u8]) -> Option<(DecodeError, String)>,
}

macro_rules! codecs {
    ($($name:ident),+ $(,)?) => {
        pub const CODECS: &[Codec] = &[$(Codec {
            name: stringify!($name),
            round_trip: round_trip::<cargo_batch_types::$name>,
            same: same::<cargo_batch_types::$name>,
            failure: failure::<cargo_batch_types::$name>,
        }),+];
    };
}

const CODECS_ARE: &str = concat!(file!(), ":", line!());

#[rustfmt::skip] // A list to look up, not to read.
codecs! {
    AbortMultipartUploadRequest, Action, AgentExecution, AgentNode, AgentUuid, AnyCondition,
    ApiError, ArrayCondition, ArrayFormField, Batch, BatchData, BatchDataError,
    BatchDataErrorReason, BatchDataKind, BatchRunsStatus, BatchStatus, BatchUuid,
    BooleanComparison, BooleanCondition, CancelBatchError, CancelBatchErrorReason,
    CancelRunsError, CancelRunsErrorReason, CancelRunsRequest, ChangeData, ChangeKind,
    ChangeUuid, ChatUuid, Column, ColumnType, CompleteMultipartUploadRequest,
    CompleteMultipartUploadResponse, Condition, Conjonction, ConnectorExecution, ConnectorNode,
    ConnectorUuid, CountRunsRequest, CountRunsResponse, CreateBatchData, CreateBatchError,
    CreateBatchErrorReason, CreateBatchRequest, CreateBatchResponse, CreateChangeData,
    CreateFileData, CreateFilterData, CreateFormData, CreateMultipartUploadRequest,
    CreateMultipartUploadResponse, CreateRecordIdsData, CreateRecordsData, CreateRunError,
    CreateRunErrorReason, CreateRunRequest, CreateRunResponse, CreateRunsData,
    CreateScheduleData, CreateSegmentData, CronSchedule, DateComparison, DateCondition,
    DateOperand, DateRange, DbtSchedule, DependencySchedule, DownloadBatchError,
    DownloadBatchErrorReason, DownloadBatchRequest, DownloadResponse, DownloadRunOutputsError,
    DownloadRunOutputsErrorReason, DownloadRunOutputsRequest, DownloadRunsRequest,
    EnrollmentActivityKind, EnrollmentCondition, EnumFormField, ExecuteActionBatchError,
    ExecuteActionBatchErrorReason, ExecuteActionBatchRequest, ExecuteActionBatchResponse,
    ExecuteActionError, ExecuteActionErrorReason, ExecuteActionRequest, ExecuteActionResponse,
    Execution, ExecutionNode, ExecutionStatus, ExecutionsCondition, ExecutionsConditionKind,
    ExecutionsConditionStatus, ExecutionsFilter, ExecutionsFilterGroup, FileColumn,
    FileColumnType, FileData, Filter, FilterData, FilterGroup, FormData, FormField,
    FormFieldKind, Frequency, FrequencyCount, GetBatchResponse, GetCurrentWorkspaceResponse,
    GetDeployedReleaseError, GetDeployedReleaseErrorReason, GetDeployedReleaseResponse,
    GetPlayError, GetPlayErrorReason, GetPlayResponse, GetReleaseResponse, GetRunMetricsRequest,
    GetRunMetricsResponse, GetRunResponse, GetSegmentResponse, GetSubscriptionResponse,
    GetToolError, GetToolErrorReason, GetToolResponse, GetUsageMetricsResponse, GroupData,
    ListBatchesResponse, ListFileColumnsError, ListFileColumnsErrorReason,
    ListFileColumnsResponse, ListModelsResponse, ListPlaysResponse, ListRunsRequest,
    ListRunsResponse, ListSegmentChangesResponse, ListSegmentsResponse, ListToolsResponse,
    MessageUuid, Model, ModelKind, ModelUuid, NativeExecution, NativeNode, Node, NodeKind,
    NodePosition, NodeRetry, NodeUuid, NumberComparison, NumberCondition, NumberOperand,
    NumberRange, ObjectComparison, ObjectCondition, ObjectPropertyComparison,
    ObjectPropertyCondition, ObjectPropertyOperand, ObjectPropertyRange, OccurrenceCondition,
    Period, PeriodOperator, PeriodUnit, Play, PlayRunCreationRule, PlaySchedule,
    PlayScheduleType, PlayUuid, PresenceComparison, PreviewBatchData, PreviewBatchError,
    PreviewBatchErrorReason, PreviewBatchRequest, PreviewBatchResponse, PreviewChangeData,
    PreviewFileData, PreviewFilterData, PreviewGroupData, PreviewRecordIdsData,
    PreviewRecordsData, PreviewRunsData, PreviewScheduleData, PreviewSegmentData, PropertyMatch,
    Record, RecordIdsData, RecordStatus, RecordsData, Release, ReleaseStatus, ReleaseUuid, Run,
    RunMetric, RunOutputsFormat, RunStatus, RunUuid, RunsData, RunsFilter, RunsFilterByRecords,
    RunsFilterByRuns, RunsFilterKind, RunsReset, RunsResetNode, ScheduleData, Segment,
    SegmentChange, SegmentCondition, SegmentData, SegmentLastChange, SegmentMembership,
    SegmentUuid, SignMultipartPartRequest, SignMultipartPartResponse, SignedUrl, Sort,
    SortDirection, SqlCondition, StringComparison, StringCondition, StringOperand, StringValues,
    Subscription, SubscriptionCadence, SubscriptionPlan, Tool, ToolCreditsCost, ToolCronTrigger,
    ToolCustomCost, ToolExecution, ToolNode, ToolTrigger, ToolUuid, TraceUuid, UploadFileError,
    UploadFileErrorReason, UploadedFile, UploadedPart, UsageBehavior, UsageBehaviorAction,
    UsageGroup, UsageItem, UsageMetric, UsageUnit, UserUuid, VectorCondition,
    WatchedRecordsData, WebhookSecret, WebhookUrl, WorkflowUuid, Workspace, WorkspaceUuid
}

fn read<T: DeserializeOwned>(json: &Value) -> Result<T, String> {
    from_json(json.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn round_trip<T: DeserializeOwned + Serialize + Debug>(
    json: &Value,
) -> Result<(String, Value), String> {
    let value: T = read(json)?;
    Ok((
        format!("{value:?}"),
        serde_json::to_value(&value).map_err(|error| error.to_string())?,
    ))
}

fn same<T: DeserializeOwned + PartialEq>(one: &Value, other: &Value) -> Result<bool, String> {
    Ok(read::<T>(one)? == read::<T>(other)?)
}

fn failure<T: DeserializeOwned>(json: &[u8]) -> Option<(DecodeError, String)> {
    let error = from_json::<T>(json).err()?;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::deserialize::<_, T>(&mut deserializer);
    // What comes after the value has no field.
    let path = tracked.map_or_else(|error| error.path().to_string(), |_| ".".to_owned());
    Some((error, path))
}

/// Fails with all that is wrong, not with the first.
pub fn report(wrong: Vec<String>) {
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_generated_type_is_covered() {
    pinned(
        CODECS_ARE,
        generated().types.iter().map(|chunk| chunk.name.as_str()),
        CODECS.iter().map(|codec| codec.name),
    );
}

/// Nothing that the specification knows is lost, and no known kind ends up as an unknown one.
#[test]
fn a_full_value_is_read_and_written_back_unchanged() {
    each_sample_survives(&Samples::full(document()));
}

/// What is optional and absent is left out again, not written as null.
#[test]
fn a_minimal_value_is_read_and_written_back_unchanged() {
    each_sample_survives(&Samples::minimal(document()));
}

fn each_sample_survives(samples: &Samples<'_>) {
    let mut wrong = Vec::new();
    for codec in CODECS {
        for sample in samples.of(codec.name) {
            match (codec.round_trip)(&sample) {
                Ok((text, _)) if text.contains("Unknown(") => {
                    wrong.push(format!("{}: {sample} is read as {text}", codec.name));
                }
                Ok((_, written)) if written != sample => {
                    wrong.push(format!("{}: {sample} is written as {written}", codec.name));
                }
                Ok(_) => {}
                Err(error) => wrong.push(format!("{}: {sample}: {error}", codec.name)),
            }
        }
    }
    report(wrong);
}

#[test]
fn null_reads_like_an_absent_field() {
    let (full, minimal) = (Samples::full(document()), Samples::minimal(document()));
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for codec in CODECS {
        let fields = full.fields(codec.name);
        for field in fields
            .iter()
            .filter(|field| field.optional || field.nullable)
        {
            for mut null in full
                .of(codec.name)
                .into_iter()
                .chain(minimal.of(codec.name))
            {
                let mut absent = null.clone();
                null[&field.name] = Value::Null;
                absent
                    .as_object_mut()
                    .map(|fields| fields.shift_remove(&field.name));
                looked_at += 1;
                match (codec.same)(&null, &absent) {
                    Ok(true) => {}
                    Ok(false) => {
                        wrong.push(format!("{}.{}: null is not absent", codec.name, field.name))
                    }
                    Err(error) => wrong.push(format!("{}.{}: {error}", codec.name, field.name)),
                }
            }
        }
    }
    report(wrong);
    assert!(
        looked_at > 300,
        "only {looked_at} optional fields were looked at"
    );
}

#[test]
fn a_required_field_that_is_missing_is_an_error() {
    let minimal = Samples::minimal(document());
    let mut wrong = Vec::new();
    for codec in CODECS {
        for field in minimal
            .fields(codec.name)
            .iter()
            .filter(|field| !field.optional)
        {
            for mut sample in minimal.of(codec.name) {
                sample
                    .as_object_mut()
                    .map(|fields| fields.shift_remove(&field.name));
                match (codec.round_trip)(&sample) {
                    Ok((text, _)) => {
                        wrong.push(format!(
                            "{}.{}: read without it as {text}",
                            codec.name, field.name
                        ));
                    }
                    Err(error) if error.contains(&format!("missing field `{}`", field.name)) => {}
                    Err(error) => wrong.push(format!("{}.{}: {error}", codec.name, field.name)),
                }
            }
        }
    }
    report(wrong);
}

#[test]
fn unknown_fields_are_ignored() {
    let mut wrong = Vec::new();
    for codec in CODECS {
        let schema = document().schema(codec.name).unwrap_or(&Value::Null);
        // A map consists of fields that no specification names.
        if schema["additionalProperties"] == true {
            continue;
        }
        for sample in Samples::full(document()).of(codec.name) {
            let mut more = sample.clone();
            let Some(fields) = more.as_object_mut() else {
                continue;
            };
            fields.insert(
                "addedTomorrow".into(),
                json!({ "kind": "new", "deep": [1, null] }),
            );
            match (codec.same)(&sample, &more) {
                Ok(true) => {}
                Ok(false) => wrong.push(format!("{}: {more} is another value", codec.name)),
                Err(error) => wrong.push(format!("{}: {error}", codec.name)),
            }
        }
    }
    report(wrong);
}

#[test]
fn every_enum_keeps_a_value_it_does_not_know() {
    let mut wrong = Vec::new();
    let enums = CODECS.iter().filter(|codec| {
        document()
            .schema(codec.name)
            .is_some_and(|schema| schema.get("enum").is_some())
    });
    for codec in enums {
        let new = json!("added tomorrow");
        match (codec.round_trip)(&new) {
            Ok((text, written)) if written == new && text == r#"Unknown("added tomorrow")"# => {}
            other => wrong.push(format!("{}: {other:?}", codec.name)),
        }
        if (codec.round_trip)(&json!(3)).is_ok() {
            wrong.push(format!("{}: reads a number", codec.name));
        }
    }
    report(wrong);
}

#[test]
fn every_union_keeps_a_kind_it_does_not_know() {
    let mut wrong = Vec::new();
    for codec in CODECS {
        let Some(schema) = document().schema(codec.name) else {
            continue;
        };
        let Some(tag) = schema["discriminator"]["propertyName"].as_str() else {
            continue;
        };
        let new = json!({ tag: "addedTomorrow", "z": [{ "deep": null }], "a": 1.0, "b": u64::MAX });
        match (codec.round_trip)(&new) {
            Ok((text, written)) if written == new && text.starts_with("Unknown(") => {}
            other => wrong.push(format!("{}: {other:?}", codec.name)),
        }
    }
    report(wrong);
}

#[test]
fn a_list_that_is_null_is_absent() {
    for json in [json!({}), json!({ "statuses": null })] {
        let request: cargo_batch_types::ListRunsRequest = read(&json).unwrap();
        assert_eq!(request.statuses, None);
        assert_eq!(serde_json::to_value(request).unwrap(), json!({}));
    }
}

/// Checks a property on many samples of many types; the bytes choose what is in the sample.
fn on_any(newer: bool, property: fn(&Codec, &Value) -> Result<(), String>) {
    let config = Config {
        cases: 2000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    };
    let bytes = prop::collection::vec(any::<u8>(), 0..400);
    TestRunner::new(config)
        .run(&(0..CODECS.len(), bytes), |(index, bytes)| {
            let codec = &CODECS[index];
            for sample in Samples::any(document(), &bytes, newer).of(codec.name) {
                property(codec, &sample).map_err(|why| {
                    TestCaseError::fail(format!("{}: {sample}: {why}", codec.name))
                })?;
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_value_of_any_type_is_written_back_unchanged() {
    on_any(false, |codec, sample| match (codec.round_trip)(sample)? {
        (text, _) if text.contains("Unknown(") => Err(format!("is read as {text}")),
        (_, written) if written != *sample => Err(format!("is written as {written}")),
        _ => Ok(()),
    });
}

/// With fields, kinds and values that no specification names, and null for what may be absent: what is read of it
/// is written, and read as the same again.
#[test]
fn any_value_of_tomorrow_is_read() {
    on_any(true, |codec, sample| {
        let (text, written) = (codec.round_trip)(sample)?;
        let (again, rewritten) = (codec.round_trip)(&written)?;
        if (&text, &written) == (&again, &rewritten) && (codec.same)(sample, &written)? {
            Ok(())
        } else {
            Err(format!("is {text}, and after a round trip {again}"))
        }
    });
}
