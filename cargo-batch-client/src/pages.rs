//! Lists, page by page and item by item.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cargo_batch_types::{
    Batch, BatchUuid, ChangeUuid, ListRunsRequest, Run, RunUuid, SegmentChange, from_json,
};
use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::batches::ListBatches;
use crate::call::Pending;
use crate::operation::Operation;
use crate::segments::ListSegmentChanges;
use crate::{Client, Error, operations};

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// What is on it; what was on an earlier page already is left out.
    pub items: Vec<T>,
    /// How many items there are on all pages, where the API says it.
    pub total: Option<u64>,
    /// How many items the page had as it was received.
    pub(crate) received: u64,
}

/// An item that can be told from the others.
pub trait Identified {
    /// What tells it apart.
    type Id: Copy + Eq + Hash + Send + Unpin + 'static;
    /// Its own.
    fn id(&self) -> Self::Id;
}

impl Identified for Batch {
    type Id = BatchUuid;
    fn id(&self) -> BatchUuid {
        self.uuid
    }
}

impl Identified for Run {
    type Id = RunUuid;
    fn id(&self) -> RunUuid {
        self.uuid
    }
}

impl Identified for SegmentChange {
    type Id = ChangeUuid;
    fn id(&self) -> ChangeUuid {
        self.uuid
    }
}

/// Requests the page at an offset, with at most so many items.
type Ask<'a, T> = Box<dyn Fn(u64, u64) -> Pending<'a, Received<T>> + Send + 'a>;

/// The items of a page; what can't be read of it is an error in its place.
type PageItems<T> = Vec<Result<T, Error>>;

/// A page as it was received: what can't be read of it is an error in its place.
pub(crate) struct Received<T> {
    pub items: PageItems<T>,
    pub total: Option<u64>,
}

/// Reads the items of a response that can't be read as a whole, each by itself, as long as it holds a list
/// of that name.
fn one_by_one<T: DeserializeOwned>(error: Error, list: &str) -> Result<Received<T>, Error> {
    let whole = error.body().and_then(|body| from_json::<Value>(body).ok());
    let Some(Value::Array(items)) = whole.as_ref().and_then(|whole| whole.get(list)) else {
        return Err(error);
    };
    let read = |(index, item): (usize, &Value)| {
        let json = item.to_string();
        from_json(json.as_bytes())
            .map_err(|why| error.of_item(&format!("{list}[{index}]"), json, &why))
    };
    let items: Vec<_> = items.iter().enumerate().map(read).collect();
    match items.iter().any(Result::is_err) {
        true => Ok(Received {
            items,
            total: whole
                .as_ref()
                .and_then(|whole| whole.get("count")?.as_u64()),
        }),
        // What can't be read is something beside the list.
        false => Err(error),
    }
}

/// A list as a [`Stream`] of pages.
///
/// Every item comes once: the API pages by offset, so items that move between pages while you read
/// are met twice or, if others before them disappear, not at all. It ends at an empty page; a
/// server that gives the same page for ever is an error.
///
/// Where the API says how many items there are, the pages behind the second are asked for ahead of their time: at
/// most 4 requests are in flight.
///
/// An item that can't be read is an error of its own after its page, with its JSON as its
/// [`body`](Error::body), and doesn't end the list. Any other error does.
#[must_use = "a stream does nothing until it is polled"]
pub struct Pages<'a, T: Identified> {
    operation: &'static Operation,
    ask: Ask<'a, T>,
    limit: u64,
    offset: u64,
    seen: HashSet<T::Id>,
    seen_unreadable: HashSet<Bytes>,
    stale: u32,
    /// Items on the fullest page so far: the size that the server gives.
    fullest: u64,
    /// Of the last page: how many items it had, and the total that came with it.
    received: u64,
    total: Option<u64>,
    /// The next page, and those behind it that were asked for ahead.
    in_flight: VecDeque<InFlight<'a, T>>,
    /// Items of the last page that can't be read.
    unreadable: VecDeque<Error>,
    /// One item that can't be read makes its whole page an error.
    is_strict: bool,
    done: bool,
}

/// A page that was asked for.
struct InFlight<'a, T> {
    offset: u64,
    /// The page before it was in flight, too: the server may have read this one first.
    is_ahead: bool,
    response: Response<'a, T>,
}

enum Response<'a, T> {
    Pending(Pending<'a, Received<T>>),
    Ready(Result<Received<T>, Error>),
}

impl<T> InFlight<'_, T> {
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        if let Response::Pending(pending) = &mut self.response
            && let Poll::Ready(response) = pending.as_mut().poll(context)
        {
            self.response = Response::Ready(response);
        }
        matches!(self.response, Response::Ready(_))
    }
}

/// The most requests for pages of one list in flight.
const IN_FLIGHT: usize = 4;

/// Pages in a row without anything new, before the list is taken to be endless.
const STALE_PAGES: u32 = 3;

impl<'a, T: Identified> Pages<'a, T> {
    fn new(
        operation: &'static Operation,
        limit: Option<u64>,
        offset: Option<u64>,
        ask: Ask<'a, T>,
    ) -> Self {
        let size = operation
            .pagination
            .as_ref()
            .map_or(100, |pagination| pagination.page_size);
        Self {
            operation,
            ask,
            limit: limit.unwrap_or(size).max(1),
            offset: offset.unwrap_or(0),
            seen: HashSet::new(),
            seen_unreadable: HashSet::new(),
            stale: 0,
            fullest: 0,
            received: 0,
            total: None,
            in_flight: VecDeque::new(),
            unreadable: VecDeque::new(),
            is_strict: false,
            done: false,
        }
    }

    /// The same list as a stream of items.
    pub fn items(self) -> Items<'a, T> {
        Items {
            pages: self,
            page: Vec::new().into_iter(),
        }
    }

    /// The next page; nothing after the last.
    pub async fn next(&mut self) -> Option<Result<Page<T>, Error>>
    where
        T: Unpin,
    {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Makes a page with an item that can't be read an error: for searches, which must not take what can't be
    /// read for absent.
    pub(crate) fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Goes on after an error, with the page that it was about.
    pub(crate) fn resume(&mut self) {
        self.done = false;
        self.in_flight.clear();
    }

    /// Asks for the next page, and for those behind it where it is known that there are any.
    fn ask(&mut self) {
        // A page was shorter than those before it: what was asked for ahead is in the wrong place.
        if self
            .in_flight
            .front()
            .is_some_and(|next| next.offset != self.offset)
        {
            self.in_flight.clear();
        }
        loop {
            let last = self.in_flight.back().map(|last| last.offset);
            let offset = match (last, self.total) {
                (None, _) => self.offset,
                (Some(last), Some(total)) if last + self.fullest < total => last + self.fullest,
                _ => return,
            };
            if self.in_flight.len() == IN_FLIGHT {
                return;
            }
            self.in_flight.push_back(InFlight {
                offset,
                is_ahead: last.is_some(),
                response: Response::Pending((self.ask)(offset, self.limit)),
            });
        }
    }

    /// Returns the next page once it is there.
    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Result<Received<T>, Error>> {
        loop {
            self.ask();
            for page in &mut self.in_flight {
                page.poll(context);
            }
            let Some(front) = self.in_flight.pop_front() else {
                continue;
            };
            let (is_ahead, page) = match front.response {
                Response::Ready(page) => (front.is_ahead, page),
                Response::Pending(_) => {
                    self.in_flight.push_front(front);
                    return Poll::Pending;
                }
            };
            // Items that came in after it was read have moved others from the page before to this one.
            let total = page.as_ref().ok().and_then(|page| page.total);
            if is_ahead && total < self.total {
                self.in_flight.clear();
                continue;
            }
            return Poll::Ready(page);
        }
    }

    /// Takes a page in: forgets what was seen, and finds the next offset or the end.
    fn accept(&mut self, page: Received<T>) -> Result<Option<PageItems<T>>, Error> {
        let mut items = page.items;
        if self.is_strict {
            let all: Result<Vec<T>, Error> = items.into_iter().collect();
            items = all?.into_iter().map(Ok).collect();
        }
        let received = items.len() as u64;
        if received == 0 {
            self.done = true;
            return Ok(None);
        }
        // A server may give fewer than asked for at its own limit, so a short page is not the end;
        // the total is, where there is one.
        self.offset += received;
        items.retain(|item| match item {
            Ok(item) => self.seen.insert(item.id()),
            // It has no id, but its JSON.
            Err(error) => error
                .json()
                .is_none_or(|json| self.seen_unreadable.insert(json.clone())),
        });
        self.fullest = self.fullest.max(received);
        if items.is_empty() && received < self.fullest {
            // The last page, pushed on by what has come in at the head of the list meanwhile.
            self.done = true;
        } else if items.is_empty() {
            self.stale += 1;
            if self.stale == STALE_PAGES {
                self.done = true;
                return Err(self.endless());
            }
        } else {
            self.stale = 0;
        }
        if page.total.is_some_and(|total| self.offset >= total) {
            self.done = true;
        }
        self.received = received;
        self.total = page.total;
        Ok(Some(items))
    }

    fn endless(&self) -> Error {
        let what = format!("{STALE_PAGES} pages in a row held nothing new: the list doesn't end");
        Error::endless(self.operation, what)
    }

    /// The items of the next page, in their order; nothing after the last.
    fn poll_items(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<PageItems<T>, Error>>> {
        while !self.done {
            let page = ready!(self.poll_page(context));
            match page.and_then(|page| self.accept(page)) {
                Ok(Some(items)) if items.is_empty() => {}
                Ok(Some(items)) => return Poll::Ready(Some(Ok(items))),
                Ok(None) => {}
                Err(error) => {
                    self.done = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(None)
    }
}

impl<T: Identified + Unpin> Stream for Pages<'_, T> {
    type Item = Result<Page<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(error) = this.unreadable.pop_front() {
                return Poll::Ready(Some(Err(error)));
            }
            let items = match ready!(this.poll_items(context)) {
                Some(Ok(items)) => items,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            let mut page = Page {
                items: Vec::with_capacity(items.len()),
                total: this.total,
                received: this.received,
            };
            for item in items {
                match item {
                    Ok(item) => page.items.push(item),
                    Err(error) => this.unreadable.push_back(error),
                }
            }
            if !page.items.is_empty() {
                return Poll::Ready(Some(Ok(page)));
            }
        }
    }
}

/// A list as a [`Stream`] of items; made by [`Pages::items`].
///
/// An item that can't be read is an error in its place, with its JSON as its [`body`](Error::body), and
/// doesn't end the list. Any other error does.
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<'a, T: Identified> {
    pages: Pages<'a, T>,
    page: std::vec::IntoIter<Result<T, Error>>,
}

impl<T: Identified + Unpin> Items<'_, T> {
    /// The next item; nothing after the last.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All that is left, in memory.
    ///
    /// # Errors
    /// The first: also of an item that can't be read, which [`next`](Self::next) goes on after.
    pub async fn collect(mut self) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await {
            items.push(item?);
        }
        Ok(items)
    }
}

impl<T: Identified + Unpin> Stream for Items<'_, T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.page.next() {
                return Poll::Ready(Some(item));
            }
            match ready!(this.pages.poll_items(context)) {
                Some(Ok(items)) => this.page = items.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<'a> ListBatches<'a> {
    /// All pages of the list, from the offset on, as a stream; `limit` is the size of a page.
    pub fn pages(self) -> Pages<'a, Batch> {
        let (limit, offset) = (
            self.limit.clone().ok().flatten(),
            self.offset.clone().ok().flatten(),
        );
        let ask: Ask<'a, Batch> = Box::new(move |offset, limit| {
            let request = self.clone().offset(offset).limit(limit);
            Box::pin(async move { request.received().await })
        });
        Pages::new(&operations::LIST_BATCHES, limit, offset, ask)
    }

    /// One page, read batch by batch where it can't be read as a whole.
    pub(crate) async fn received(self) -> Result<Received<Batch>, Error> {
        match self.await {
            Ok(answer) => Ok(Received {
                items: answer.batches.into_iter().map(Ok).collect(),
                total: None,
            }),
            Err(error) => one_by_one(error, "batches"),
        }
    }

    /// All batches of the list, from the offset on, as a stream; `limit` is the size of a page.
    pub fn items(self) -> Items<'a, Batch> {
        self.pages().items()
    }
}

impl<'a> ListSegmentChanges<'a> {
    /// Returns all pages of the list, from the offset on, as a stream; `limit` is the size of a page.
    pub fn pages(self) -> Pages<'a, SegmentChange> {
        let (limit, offset) = (
            self.limit.clone().ok().flatten(),
            self.offset.clone().ok().flatten(),
        );
        let ask: Ask<'a, SegmentChange> = Box::new(move |offset, limit| {
            let request = self.clone().offset(offset).limit(limit);
            Box::pin(async move {
                match request.await {
                    Ok(response) => Ok(Received {
                        items: response.changes.into_iter().map(Ok).collect(),
                        total: None,
                    }),
                    Err(error) => one_by_one(error, "changes"),
                }
            })
        });
        Pages::new(&operations::LIST_SEGMENT_CHANGES, limit, offset, ask)
    }

    /// Returns all changes of the list, from the offset on, as a stream; `limit` is the size of a page.
    pub fn items(self) -> Items<'a, SegmentChange> {
        self.pages().items()
    }
}

impl Client {
    /// All pages of the runs that match, as a stream; `limit` is the size of a page.
    pub fn run_pages(&self, request: impl Into<ListRunsRequest>) -> Pages<'static, Run> {
        let (client, request) = (self.clone(), request.into());
        let (limit, offset) = (request.limit, request.offset);
        let ask: Ask<'static, Run> = Box::new(move |offset, limit| {
            let (client, request) = (client.clone(), request.clone().offset(offset).limit(limit));
            Box::pin(async move {
                match client.list_runs(request).await {
                    Ok(answer) => Ok(Received {
                        items: answer.runs.into_iter().map(Ok).collect(),
                        total: answer.count,
                    }),
                    Err(error) => one_by_one(error, "runs"),
                }
            })
        });
        Pages::new(&operations::LIST_RUNS, limit, offset, ask)
    }
}
