//! What can be known of a batch before it is paid for.

mod columns;
mod header;
mod report;

use cargo_batch_types::{
    CreateBatchData, CreateBatchRequest, FormField, ModelUuid, Play, PreviewBatchErrorReason,
    Subscription, Tool, ToolCreditsCost, UsageBehaviorAction, UsageUnit, WorkflowUuid,
};
use reqwest::StatusCode;

pub use self::header::CsvHeader;
pub use self::report::{Problem, Report, Severity, Subject};
use crate::creation::omission::omission;
use crate::{Client, Error, ErrorKind, Reason};

impl Client {
    /// Checks a request before anything is paid for; nothing is started, and it costs nothing.
    ///
    /// - The workflow: whether it is a tool or a play, and takes data of this kind.
    /// - The columns of an uploaded file, or the fields of records, against the form fields of the release:
    ///   required ones that are missing, unknown ones, a byte order mark, another delimiter than the comma.
    /// - The number of records, by a [preview](Self::preview).
    /// - The credits that are left, by the subscription, which needs a token with the rights of an administrator.
    ///
    /// What can't be checked (a token without the rights, data that has no preview) is a problem with the
    /// severity [`Unknown`](Severity::Unknown), and no error. What a record will cost isn't known.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::CreateBatchRequest};
    /// # async fn run(client: Client, request: CreateBatchRequest) -> Result<(), Error> {
    /// let report = client.check(&request).await?;
    /// println!("{report}");
    /// if report.is_ok() {
    ///     client.create_batch_once(request).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Where the server can't be reached, doesn't accept the token, or fails.
    pub async fn check(&self, request: &CreateBatchRequest) -> Result<Report, Error> {
        let mut report = Report::default();
        check_request(request, &mut report);
        let owner = match request.workflow_uuid {
            Some(workflow) => self.owner(workflow, &mut report).await?,
            None => None,
        };
        check_kind(request, owner.as_ref(), &mut report);
        report.workflow = owner.as_ref().map(Owner::words);
        self.check_columns(request, &mut report).await?;
        self.check_count(request, &mut report).await?;
        self.check_credits(owner.as_ref(), &mut report).await;
        Ok(report)
    }

    /// Checks the header of a file on this machine against the form fields of a workflow, before it is uploaded.
    ///
    /// The number of records and the credits aren't looked up: [`check`](Self::check) does that once the file is
    /// uploaded.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::WorkflowUuid};
    /// # async fn run(client: Client, workflow: WorkflowUuid) -> Result<(), Error> {
    /// client.check_file("leads.csv", workflow).await?.require()?;
    /// let file = client.upload("leads.csv").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io) when the file can't be read, and where the server can't be reached, doesn't accept
    /// the token, or fails.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn check_file(
        &self,
        path: impl AsRef<std::path::Path>,
        workflow: impl Into<WorkflowUuid>,
    ) -> Result<Report, Error> {
        let header = CsvHeader::read(path).await?;
        let mut report = Report::default();
        let workflow = workflow.into();
        let owner = self.owner(workflow, &mut report).await?;
        let request = CreateBatchRequest::new(CreateBatchData::file("")).workflow(workflow);
        check_kind(&request, owner.as_ref(), &mut report);
        report.workflow = owner.as_ref().map(Owner::words);
        if header.has_byte_order_mark {
            let message = "the file begins with a byte order mark (BOM), which may become part of the name of \
                           the first column: save it without one";
            report.add(Severity::Warning, Subject::Columns, message);
        }
        if header.is_unreadable {
            let message = "the header isn't UTF-8: save the file as UTF-8";
            report.add(Severity::Error, Subject::Columns, message);
        }
        if header.columns.is_empty() {
            report.add(Severity::Error, Subject::Columns, "the file has no header");
            return Ok(report);
        }
        report.columns = header.columns;
        report.add_names();
        if let Some(fields) = self.form_fields(&request, &mut report).await? {
            report.form_fields = fields;
        }
        report.add_fields();
        Ok(report)
    }

    /// Finds the tool or the play of a workflow.
    async fn owner(
        &self,
        workflow: WorkflowUuid,
        report: &mut Report,
    ) -> Result<Option<Owner>, Error> {
        let mut is_listed = true;
        let mut tools = Vec::new();
        match self.list_tools().await {
            Ok(response) => tools = response.tools,
            Err(error) => {
                is_listed = false;
                report.note(Subject::Workflow, error)?;
            }
        }
        if let Some(tool) = tools.into_iter().find(|it| it.workflow_uuid == workflow) {
            return Ok(Some(Owner::Tool(tool)));
        }
        let mut plays = Vec::new();
        match self.list_plays().await {
            Ok(response) => plays = response.plays,
            Err(error) => {
                is_listed = false;
                report.note(Subject::Workflow, error)?;
            }
        }
        let at = plays.iter().position(|it| it.workflow_uuid == workflow);
        if at.is_none() && is_listed {
            let message = format!(
                "no tool and no play of the workspace has the workflow {workflow}: check the id, and whether the \
                 token is of the workspace that you mean"
            );
            report.add(Severity::Warning, Subject::Workflow, message);
        }
        Ok(at.map(|at| {
            let play = plays.swap_remove(at);
            Owner::Play {
                play,
                others: plays,
            }
        }))
    }

    /// Checks the columns of a file, or the fields of records.
    async fn check_columns(
        &self,
        request: &CreateBatchRequest,
        report: &mut Report,
    ) -> Result<(), Error> {
        let records = match &request.data {
            CreateBatchData::File(data) => {
                let columns = match self.list_file_columns(&data.s3_filename).await {
                    Ok(response) => response.columns,
                    Err(error) => return report.note(Subject::Columns, error),
                };
                report.columns = columns.into_iter().map(|column| column.name).collect();
                let mappings = data.mappings.clone().unwrap_or_default();
                for (one, other) in columns::rename(&mut report.columns, &mappings) {
                    let message = format!("mappings: the file has neither {one:?} nor {other:?}");
                    report.add(Severity::Error, Subject::Columns, message);
                }
                report.add_names();
                None
            }
            CreateBatchData::Records(data) => Some(&data.records),
            CreateBatchData::Form(data) => Some(&data.records),
            _ => return Ok(()),
        };
        let fields = self.form_fields(request, report).await?;
        report.form_fields = fields.unwrap_or_default();
        if let Some(records) = records {
            let names: std::collections::BTreeSet<_> =
                records.iter().flat_map(|it| it.keys()).collect();
            report.columns = names.into_iter().cloned().collect();
            for field in report.form_fields.clone() {
                let lacking = records
                    .iter()
                    .filter(|it| !it.contains_key(&field.slug))
                    .count();
                if field.is_required == Some(true)
                    && lacking > 0
                    && report.columns.contains(&field.slug)
                {
                    let message =
                        format!("{lacking} records lack the required field {:?}", field.slug);
                    report.add(Severity::Error, Subject::Columns, message);
                }
            }
        }
        if records.is_none_or(|records| !records.is_empty()) {
            report.add_fields();
        }
        Ok(())
    }

    /// Returns the form fields of the release that is executed; `None` where there are none, or it isn't known.
    async fn form_fields(
        &self,
        request: &CreateBatchRequest,
        report: &mut Report,
    ) -> Result<Option<Vec<FormField>>, Error> {
        if request.nodes.is_some() {
            let message = "what the columns must be called: form fields are those of a release, and the request \
                           has `nodes`";
            report.add(Severity::Unknown, Subject::Columns, message);
            return Ok(None);
        }
        let release = match (request.release_uuid, request.workflow_uuid) {
            (Some(release), _) => self.get_release(release).await.map(|it| it.release),
            (None, Some(workflow)) => self
                .get_deployed_release(workflow)
                .await
                .map(|it| it.release),
            (None, None) => return Ok(None),
        };
        match release {
            Ok(release) => Ok(release.form_fields),
            Err(error) => report.note(Subject::Workflow, error).map(|()| None),
        }
    }

    async fn check_count(
        &self,
        request: &CreateBatchRequest,
        report: &mut Report,
    ) -> Result<(), Error> {
        match self.count_records(request).await {
            Ok(Ok(count)) => {
                report.count = Some(count);
                if count == 0 {
                    report.add(
                        Severity::Error,
                        Subject::Count,
                        "the data selects no records",
                    );
                }
            }
            Ok(Err(why)) => report.add(
                Severity::Unknown,
                Subject::Count,
                format!("the number of records: {why}"),
            ),
            Err(error) => report.note(Subject::Count, error)?,
        }
        Ok(())
    }

    async fn check_credits(&self, owner: Option<&Owner>, report: &mut Report) {
        let subscription = match self.get_subscription().await {
            Ok(response) => response.subscription,
            Err(error) => {
                let message = format!("the credits that are left: {error}");
                return report.add(Severity::Unknown, Subject::Credits, message);
            }
        };
        let Some(left) = left(&subscription) else {
            let message = "the credits that are left: the subscription doesn't say";
            return report.add(Severity::Unknown, Subject::Credits, message);
        };
        report.credits_left = Some(left);
        let bought = subscription
            .additional_available_credits_count
            .unwrap_or(0.0);
        if left <= 0.0 && bought <= 0.0 {
            let severity = match is_denied(&subscription) {
                true => Severity::Error,
                false => Severity::Warning,
            };
            return report.add(severity, Subject::Credits, "no credits are left");
        }
        let cost = owner.and_then(Owner::least_cost).zip(report.count);
        #[allow(clippy::cast_precision_loss)] // An estimate.
        let least = cost.map(|(each, count)| each * count as f64);
        if let Some(least) = least.filter(|least| *least > left + bought) {
            let message = format!(
                "the tool is said to cost at least {least:.2} credits for these records, and {:.2} are left",
                left + bought
            );
            report.add(Severity::Warning, Subject::Credits, message);
        }
    }
}

/// What a workflow belongs to.
enum Owner {
    Tool(Tool),
    /// With the other plays of the workspace.
    Play {
        play: Play,
        others: Vec<Play>,
    },
}

impl Owner {
    fn words(&self) -> String {
        match self {
            Self::Tool(tool) => format!("the tool {:?}", tool.name),
            Self::Play { play, .. } => format!("the play {:?}", play.name),
        }
    }

    /// Returns what one run costs at least, where someone has entered it.
    fn least_cost(&self) -> Option<f64> {
        match self {
            Self::Tool(tool) => match &tool.credits_cost {
                Some(ToolCreditsCost::Custom(cost)) => Some(cost.min),
                _ => None,
            },
            Self::Play { .. } => None,
        }
    }
}

impl Report {
    /// Adds an error of one of the operations: what the server refused is an error, what it doesn't permit
    /// isn't known.
    fn note(&mut self, subject: Subject, error: Error) -> Result<(), Error> {
        let severity = match (error.kind(), error.status()) {
            (ErrorKind::Status, Some(StatusCode::FORBIDDEN)) => Severity::Unknown,
            (ErrorKind::Status, Some(status)) if error.reason().is_some() => {
                match error.reason() {
                    // Where the records are kept couldn't be reached now.
                    Some(Reason::PreviewBatch(
                        PreviewBatchErrorReason::FailedToFetchFromClient,
                    )) => Severity::Warning,
                    _ if status.is_client_error() => Severity::Error,
                    _ => return Err(error),
                }
            }
            (ErrorKind::Status, Some(StatusCode::NOT_FOUND)) => Severity::Error,
            (ErrorKind::Status, Some(status))
                if status.is_client_error() && !error.is_retryable() =>
            {
                Severity::Unknown
            }
            (ErrorKind::InvalidResponse, _) if error.is_of_value() => Severity::Unknown,
            _ => return Err(error),
        };
        self.add(severity, subject, error.to_string());
        Ok(())
    }
}

/// Checks what the request itself says.
fn check_request(request: &CreateBatchRequest, report: &mut Report) {
    let mut wrong = |message: &str| report.add(Severity::Error, Subject::Request, message);
    if let Some(missing) = omission(&request.data) {
        wrong(missing);
    }
    if request.release_uuid.is_some() && request.nodes.is_some() {
        wrong("give `releaseUuid` or `nodes`, not both");
    }
    if request.workflow_uuid.is_none() && request.nodes.is_none() {
        wrong("give `workflowUuid`, or `nodes` for a graph that is executed once");
    }
}

/// Checks whether the workflow takes data of this kind.
fn check_kind(request: &CreateBatchRequest, owner: Option<&Owner>, report: &mut Report) {
    let kind = request.data.tag();
    let is_of_play = matches!(kind, "segment" | "change" | "filter" | "recordIds");
    let is_of_tool = matches!(kind, "file" | "records");
    if !is_of_play && !is_of_tool {
        let message = format!("which workflows take data of kind {kind} isn't documented");
        return report.add(Severity::Unknown, Subject::Workflow, message);
    }
    match owner {
        Some(Owner::Tool(_)) if is_of_play => {
            let message = format!("a tool takes no data of kind {kind}, but file or records");
            report.add(Severity::Error, Subject::Workflow, message);
        }
        Some(Owner::Play { .. }) if is_of_tool => {
            let message = format!(
                "a play takes no data of kind {kind}, but filter, recordIds, segment or change"
            );
            report.add(Severity::Error, Subject::Workflow, message);
        }
        Some(Owner::Play { play, others }) => check_source(request, play, others, report),
        None if is_of_play && request.workflow_uuid.is_none() => {
            let message = format!("data of kind {kind} needs the workflow of a play");
            report.add(Severity::Error, Subject::Workflow, message);
        }
        _ => {}
    }
}

/// Checks where the records for a play come from.
fn check_source(request: &CreateBatchRequest, play: &Play, others: &[Play], report: &mut Report) {
    let mut is_of_model = |model: ModelUuid| {
        if model != play.model_uuid {
            let message = format!(
                "the play works on the model {}, and the records are of the model {model}",
                play.model_uuid
            );
            report.add(Severity::Error, Subject::Workflow, message);
        }
    };
    match &request.data {
        CreateBatchData::Filter(data) => is_of_model(data.model_uuid),
        CreateBatchData::RecordIds(data) => is_of_model(data.model_uuid),
        CreateBatchData::Segment(data) => {
            let mut plays = std::iter::once(play).chain(others);
            let owner = plays.find(|it| it.segment_uuid == Some(data.segment_uuid));
            if let Some(owner) = owner {
                let message = format!(
                    "the segment is the one that the play {:?} keeps for itself, which is refused: use data of \
                     kind filter with the model {}",
                    owner.name, owner.model_uuid
                );
                report.add(Severity::Error, Subject::Workflow, message);
            }
        }
        _ => {}
    }
}

/// Returns the credits of the period that are left.
fn left(subscription: &Subscription) -> Option<f64> {
    let available = subscription.subscription_available_credits_count?;
    Some(available - subscription.subscription_credits_used_count?)
}

/// Returns whether nothing is executed once no credits are left.
fn is_denied(subscription: &Subscription) -> bool {
    let mut behaviors = subscription.credits_overage_behaviors.iter().flatten();
    behaviors
        .any(|it| it.unit == UsageUnit::BillingCredits && it.action == UsageBehaviorAction::Deny)
}
