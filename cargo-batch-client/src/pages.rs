//! Lists, page by page and item by item.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cargo_batch_types::from_json;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;
use crate::operation::Operation;
use crate::pending::Pending;
use crate::platform::MaybeSend;

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items of the page, without those that were on an earlier page.
    pub items: Vec<T>,
    /// The number of items on all pages; `None` where the API doesn't return it, as for batches.
    pub total: Option<u64>,
    /// How many items the page had as it was received.
    pub(crate) received: u64,
}

/// An item of a list, which has an id.
pub trait HasId {
    /// The type of the id.
    type Id: Copy + Eq + Hash + Send + Unpin + 'static;
    /// Returns the id.
    fn id(&self) -> Self::Id;
}

/// Requests the page at an offset, with at most so many items.
#[cfg(not(target_arch = "wasm32"))]
type Ask<T> = Box<dyn Fn(u64, u64) -> Pending<Received<T>> + Send>;
#[cfg(target_arch = "wasm32")]
type Ask<T> = Box<dyn Fn(u64, u64) -> Pending<Received<T>>>;

/// The items of a page; an item that can't be read is an error in its place.
type PageItems<T> = Vec<Result<T, Error>>;

/// A page as it was received; an item that can't be read is an error in its place.
pub(crate) struct Received<T> {
    pub items: PageItems<T>,
    pub total: Option<u64>,
}

impl<T: DeserializeOwned> Received<T> {
    /// Reads the page of a response, whose items are in its field `list`; item by item where it can't be read
    /// at once.
    pub(crate) fn read<R>(
        response: Result<R, Error>,
        list: &str,
        page: impl FnOnce(R) -> (Vec<T>, Option<u64>),
    ) -> Result<Self, Error> {
        match response.map(page) {
            Ok((items, total)) => Ok(Self {
                items: items.into_iter().map(Ok).collect(),
                total,
            }),
            Err(error) => one_by_one(error, list),
        }
    }
}

/// Reads the items of a response one by one, as long as it holds a list of that name.
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

/// A list as a [`Stream`] of pages; returned by the `pages` method of operations that list.
///
/// A page has as many items as the API permits (100 for batches, see
/// [`Pagination`](crate::operation::Pagination)), unless the request sets a limit.
///
/// Every item is returned once. The API pages by offset, so items that move between pages while they are read are
/// received twice, or not at all if others before them disappear. The stream ends at an empty page. A
/// server that returns the same page endlessly is an error.
///
/// Where the API returns the number of items, the pages behind the second are requested ahead of their time: at
/// most 4 requests are in flight.
///
/// An item that can't be read is an error of its own after its page, with its JSON as its
/// [`body`](Error::body), and doesn't end the list. Any other error ends it.
///
/// ```no_run
/// # use cargo_batch_client::{Client, Error};
/// # async fn run(client: Client) -> Result<(), Error> {
/// let mut pages = client.list_batches().pages();
/// while let Some(page) = pages.next().await {
///     println!("{} batches", page?.items.len());
/// }
/// # Ok(()) }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Pages<T: HasId> {
    operation: &'static Operation,
    ask: Ask<T>,
    limit: u64,
    offset: u64,
    seen: HashSet<T::Id>,
    seen_unreadable: HashSet<Bytes>,
    stale: u32,
    /// Items on the fullest page so far: the page size of the server.
    fullest: u64,
    /// Of the last page: how many items it had, and the total that it named.
    received: u64,
    total: Option<u64>,
    /// The next page, and those behind it that were requested ahead.
    in_flight: VecDeque<InFlight<T>>,
    /// Items of the last page that can't be read.
    unreadable: VecDeque<Error>,
    /// An item that can't be read makes its page an error.
    is_strict: bool,
    done: bool,
}

impl<T: HasId> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("operation", &self.operation.id)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// A page that was requested.
struct InFlight<T> {
    offset: u64,
    /// The page before it was in flight, too: the server may have read this one first.
    is_ahead: bool,
    response: Response<T>,
}

enum Response<T> {
    Pending(Pending<Received<T>>),
    Ready(Result<Received<T>, Error>),
}

impl<T> InFlight<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        if let Response::Pending(pending) = &mut self.response
            && let Poll::Ready(response) = Pin::new(pending).poll(context)
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

impl<T: HasId> Pages<T> {
    /// Returns a list of which `ask` requests the page at an offset, with at most so many items.
    pub(crate) fn new<F>(
        operation: &'static Operation,
        limit: Option<u64>,
        offset: Option<u64>,
        ask: impl Fn(u64, u64) -> F + MaybeSend + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Received<T>, Error>> + MaybeSend + 'static,
    {
        let size = operation
            .pagination
            .as_ref()
            .map_or(100, |pagination| pagination.page_size);
        Self {
            operation,
            ask: Box::new(move |offset, limit| Pending::new(ask(offset, limit))),
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

    /// Returns the list as a stream of its items.
    pub fn items(self) -> Items<T> {
        Items {
            pages: self,
            page: Vec::new().into_iter(),
        }
    }

    /// Returns the next page, or `None` after the last one.
    ///
    /// # Errors
    /// Those of the operation, each with its retries. After an error that isn't about a single item `None` follows.
    ///
    /// # Cancel safety
    /// When the future is dropped, nothing is lost: the requests in flight continue with the next call.
    pub async fn next(&mut self) -> Option<Result<Page<T>, Error>>
    where
        T: Unpin,
    {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Makes a page with an item that can't be read an error: a search must not take what can't be
    /// read for absent.
    pub(crate) fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Resumes after an error, with the page that it was about.
    pub(crate) fn resume(&mut self) {
        self.done = false;
        self.in_flight.clear();
    }

    /// Requests the next page, and those behind it where it is known that there are any.
    fn ask(&mut self) {
        // A page was shorter than those before it: what was requested ahead has the wrong offset.
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

    /// Returns the next page once it has arrived.
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

    /// Accepts a page: removes items that were seen, and finds the next offset or the end.
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
        // A server may return fewer than requested at its own limit, so a short page is not the end;
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
            // The last page, moved by items that were added at the head of the list meanwhile.
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
        Error::endless_list(self.operation, what)
    }

    /// Returns the items of the next page, in their order, or `None` after the last page.
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

impl<T: HasId + Unpin> Stream for Pages<T> {
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

/// A list as a [`Stream`] of items; returned by [`Pages::items`] and by the `items` method of operations that list.
///
/// Pages are fetched as they are needed. An item that can't be read is an error in its place, with its JSON as its
/// [`body`](Error::body), and doesn't end the list. Any other error ends it.
///
/// ```no_run
/// # use cargo_batch_client::{Client, Error};
/// # async fn run(client: Client) -> Result<(), Error> {
/// let mut batches = client.list_batches().items();
/// while let Some(batch) = batches.next().await {
///     println!("{}", batch?.uuid);
/// }
/// # Ok(()) }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<T: HasId> {
    pages: Pages<T>,
    page: std::vec::IntoIter<Result<T, Error>>,
}

impl<T: HasId> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

impl<T: HasId + Unpin> Items<T> {
    /// Returns the next item, or `None` after the last one.
    ///
    /// # Errors
    /// Those of the operation, each with its retries. After an error that isn't about a single item `None` follows.
    ///
    /// # Cancel safety
    /// When the future is dropped, nothing is lost: the requests in flight continue with the next call.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Collects all remaining items in memory.
    ///
    /// # Errors
    /// The first error, also that of an item that can't be read. [`next`](Self::next) continues after such an item.
    pub async fn try_collect(mut self) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await {
            items.push(item?);
        }
        Ok(items)
    }
}

impl<T: HasId + Unpin> Stream for Items<T> {
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
