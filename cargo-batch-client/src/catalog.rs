//! From a name to what has it: tools, plays, models, segments.

use cargo_batch_types::{
    FormField, Model, Play, Segment, Tool, WorkflowUuid, Workspace, from_json,
};
use serde_json::Value;

use crate::operation::Operation;
use crate::pages::{HasId, Items, Pages, Received};
use crate::pending::Pending;
use crate::redact::escaped;
use crate::{Client, Error, operations};

impl Client {
    /// Returns the tools of the workspace, to find one by its name; nothing is sent.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::*};
    /// # async fn run(client: Client, records: Vec<Record>) -> Result<(), Error> {
    /// let tool = client.tools().find("Enrich lead").await?;
    /// for field in client.columns(tool.workflow_uuid).await? {
    ///     println!("{}", field.slug);
    /// }
    /// let request = CreateBatchRequest::new(CreateBatchData::records(records)).workflow(tool.workflow_uuid);
    /// # Ok(()) }
    /// ```
    pub fn tools(&self) -> Catalog<Tool> {
        Catalog {
            client: self.clone(),
            operation: &operations::LIST_TOOLS,
            noun: "tool",
            list: |client| {
                Pending::new(async move {
                    Received::read(client.list_tools().await, "tools", |page| {
                        (page.tools, None)
                    })
                })
            },
            label: |tool| Label::new(tool.uuid, &tool.name, None, tool.deleted_at.is_some()),
        }
    }

    /// Returns the plays of the workspace, enabled or not, to find one by its name; nothing is sent.
    pub fn plays(&self) -> Catalog<Play> {
        Catalog {
            client: self.clone(),
            operation: &operations::LIST_PLAYS,
            noun: "play",
            list: |client| {
                Pending::new(async move {
                    Received::read(client.list_plays().await, "plays", |page| {
                        (page.plays, None)
                    })
                })
            },
            label: |play| Label::new(play.uuid, &play.name, None, play.deleted_at.is_some()),
        }
    }

    /// Returns the models of the workspace, to find one by its name or slug; nothing is sent.
    pub fn models(&self) -> Catalog<Model> {
        Catalog {
            client: self.clone(),
            operation: &operations::LIST_MODELS,
            noun: "model",
            list: |client| {
                Pending::new(async move {
                    Received::read(client.list_models().await, "models", |page| {
                        (page.models, None)
                    })
                })
            },
            label: |model| {
                let is_deleted = model.deleted_at.is_some();
                Label::new(model.uuid, &model.name, Some(&model.slug), is_deleted)
            },
        }
    }

    /// Returns the segments of the workspace, those of plays included, to find one by its name or slug; nothing
    /// is sent.
    pub fn segments(&self) -> Catalog<Segment> {
        Catalog {
            client: self.clone(),
            operation: &operations::LIST_SEGMENTS,
            noun: "segment",
            list: |client| {
                Pending::new(async move {
                    Received::read(client.list_segments().await, "segments", |page| {
                        (page.segments, None)
                    })
                })
            },
            label: |segment| {
                let slug = segment.slug.as_deref();
                Label::new(segment.uuid, &segment.name, slug, false)
            },
        }
    }

    /// Fetches the workspace that this client talks to: the one of its token, or the one that it was
    /// [set up for](crate::ClientBuilder::workspace), as by `CARGO_WORKSPACE_UUID`.
    ///
    /// A token of another workspace than was meant shows otherwise only in that nothing is found, or in a batch of the
    /// wrong workspace.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error};
    /// # async fn run() -> Result<(), Error> {
    /// let client = Client::from_env()?;
    /// println!("workspace {}", client.workspace().await?.name);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) where the server names another workspace than the client was
    /// set up for. Else as [`get_current_workspace`](Self::get_current_workspace).
    pub async fn workspace(&self) -> Result<Workspace, Error> {
        let workspace = self.get_current_workspace().await?.workspace;
        match self.inner.workspace_uuid {
            Some(wanted) if wanted != workspace.uuid => Err(Error::configuration(format!(
                "the client was set up for the workspace {wanted}, and the server answers for {} \"{}\"",
                workspace.uuid,
                escaped(&self.inner.auth.hide().redact(&workspace.name), 100)
            ))),
            _ => Ok(workspace),
        }
    }

    /// Returns the input fields of a workflow's deployed release: their slugs are what the columns of a file for a
    /// tool, and the fields of its records, must be called.
    ///
    /// It is empty where the release has no form, as that of a play, whose records have the columns of its model.
    ///
    /// # Errors
    /// As [`get_deployed_release`](Self::get_deployed_release): also for a workflow that was never deployed.
    pub async fn columns(
        &self,
        workflow: impl Into<WorkflowUuid>,
    ) -> Result<Vec<FormField>, Error> {
        let release = self.get_deployed_release(workflow).await?.release;
        Ok(release.form_fields.unwrap_or_default())
    }
}

/// The tools, plays, models or segments of a workspace; returned by [`Client::tools`] and the like.
pub struct Catalog<T> {
    client: Client,
    operation: &'static Operation,
    /// What one of them is called in errors.
    noun: &'static str,
    list: fn(Client) -> Pending<Received<T>>,
    label: fn(&T) -> Label,
}

/// What an item is known by.
struct Label {
    uuid: String,
    name: String,
    slug: Option<String>,
    is_deleted: bool,
}

/// An item of a list and what it is known by, also where the item can't be read.
struct Entry<T> {
    label: Label,
    item: Result<T, Error>,
}

impl<T: HasId + Unpin + 'static> Catalog<T> {
    /// Returns all of them as a stream; [`try_collect`](Items::try_collect) gives a list.
    ///
    /// One that can't be read is an error in its place and doesn't end the stream.
    pub fn items(&self) -> Items<T> {
        let (client, list) = (self.client.clone(), self.list);
        let pages = Pages::new(self.operation, None, None, move |_, _| {
            let received = list(client.clone());
            async move {
                // The API gives all of them at once: there is no second page to ask for.
                let mut received = received.await?;
                received.total = Some(received.items.len() as u64);
                Ok(received)
            }
        });
        pages.items()
    }

    /// Returns the only one of this name, slug or uuid; where none is called exactly so, the only one that differs
    /// in upper and lower case, or in spaces around it. What is deleted isn't found.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is none, [`NotUnique`](crate::ErrorKind::NotUnique) where
    /// there are several, as names and slugs aren't unique: both list what there is, with uuids.
    /// [`InvalidResponse`](crate::ErrorKind::InvalidResponse) where it can't be read, and as the list itself.
    pub async fn find(&self, name: &str) -> Result<T, Error> {
        let mut entries = self.entries().await?;
        let same: [fn(&str, &str) -> bool; 2] = [
            |is, wanted| is == wanted,
            |is, wanted| folded(is) == folded(wanted),
        ];
        for is_same in same {
            let (mut found, others): (Vec<_>, Vec<_>) = entries
                .into_iter()
                .partition(|entry| entry.label.all().any(|label| is_same(label, name)));
            if found.len() > 1 {
                let what = format!(
                    "{} {}s are called {}: {}",
                    found.len(),
                    self.noun,
                    self.quoted(name),
                    self.described(&found)
                );
                return Err(Error::not_unique(self.operation, what));
            }
            if let Some(found) = found.pop() {
                return found.item;
            }
            entries = others;
        }
        let what = format!(
            "no {} is called {}; there {}",
            self.noun,
            self.quoted(name),
            match entries.len() {
                0 => "is none".to_owned(),
                1 => format!("is {}", self.described(&entries)),
                _ => format!("are {}", self.described(&entries)),
            }
        );
        Err(Error::not_found(self.operation, what))
    }

    async fn entries(&self) -> Result<Vec<Entry<T>>, Error> {
        let mut items = self.items();
        let mut entries = Vec::new();
        while let Some(item) = items.next().await {
            let entry = match item {
                Err(error) if error.is_of_item() => Entry {
                    label: Label::unread(&error),
                    item: Err(error),
                },
                item => {
                    let item = item?;
                    Entry {
                        label: (self.label)(&item),
                        item: Ok(item),
                    }
                }
            };
            if !entry.label.is_deleted {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// Returns the names of some with their uuids, and how many more there are.
    fn described(&self, entries: &[Entry<T>]) -> String {
        /// Of more than these only the number is given.
        const SHOWN: usize = 10;
        let shown = entries.iter().take(SHOWN).map(|Entry { label, item }| {
            let mut details = Vec::new();
            details.extend(label.slug.as_deref().map(|slug| self.redact(slug)));
            details.push(self.redact(&label.uuid));
            if item.is_err() {
                details.push("can't be read".to_owned());
            }
            format!("{} ({})", self.quoted(&label.name), details.join(", "))
        });
        let mut text = shown.collect::<Vec<_>>().join(", ");
        if let Some(more) = entries.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!(" and {more} more"));
        }
        text
    }

    fn quoted(&self, name: &str) -> String {
        format!("\"{}\"", self.redact(name))
    }

    /// Returns a name as it may be shown: it comes from the server, or from a user.
    fn redact(&self, name: &str) -> String {
        /// The longest name that is shown whole.
        const LONGEST: usize = 100;
        escaped(&self.client.inner.auth.hide().redact(name), LONGEST)
    }
}

impl Label {
    fn new(uuid: impl ToString, name: &str, slug: Option<&str>, is_deleted: bool) -> Self {
        Self {
            uuid: uuid.to_string(),
            name: name.to_owned(),
            slug: slug.map(ToOwned::to_owned),
            is_deleted,
        }
    }

    /// Returns what can be read of an item that otherwise can't.
    fn unread(error: &Error) -> Self {
        let json = error.json().and_then(|json| from_json::<Value>(json).ok());
        let json = json.unwrap_or_default();
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        let is_deleted = json.get("deletedAt").is_some_and(Value::is_string);
        let (uuid, name) = (text("uuid"), text("name"));
        let (uuid, name) = (uuid.unwrap_or_default(), name.unwrap_or_default());
        Self::new(uuid, name, text("slug"), is_deleted)
    }

    /// Returns everything that it can be found by.
    fn all(&self) -> impl Iterator<Item = &str> {
        let all = [self.uuid.as_str(), &self.name];
        let all = all.into_iter().chain(self.slug.as_deref());
        all.filter(|label| !label.is_empty())
    }
}

/// Returns a name as it is compared where none is exactly the wanted one.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

impl<T> Clone for Catalog<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            ..*self
        }
    }
}

impl<T> std::fmt::Debug for Catalog<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog")
            .field("of", &self.noun)
            .finish_non_exhaustive()
    }
}
