//! Lists, page by page and item by item.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cargo_batch_types::{Batch, BatchUuid, ListRunsRequest, Run, RunUuid};
use futures_core::Stream;

use crate::batches::ListBatches;
use crate::call::Pending;
use crate::operation::Operation;
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

/// Asks for the page at an offset, with at most so many items.
type Ask<'a, T> = Box<dyn Fn(u64, u64) -> Pending<'a, Page<T>> + Send + 'a>;

/// A list as a [`Stream`] of pages.
///
/// Every item comes once: the API pages by offset, so items that move between pages while you read
/// are met twice or, if others before them disappear, not at all. It ends at an empty page; a
/// server that gives the same page for ever is an error.
///
/// Where the API says how many items there are, the pages behind the second are asked for ahead of their time: at
/// most 4 requests are in flight.
#[must_use = "a stream does nothing until it is polled"]
pub struct Pages<'a, T: Identified> {
    operation: &'static Operation,
    ask: Ask<'a, T>,
    limit: u64,
    offset: u64,
    seen: HashSet<T::Id>,
    stale: u32,
    /// Items on the fullest page so far: the size that the server gives.
    fullest: u64,
    /// The most items that a page has said there are.
    total: Option<u64>,
    /// The next page, and those behind it that were asked for ahead.
    in_flight: VecDeque<InFlight<'a, T>>,
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
    Pending(Pending<'a, Page<T>>),
    Ready(Result<Page<T>, Error>),
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
            stale: 0,
            fullest: 0,
            total: None,
            in_flight: VecDeque::new(),
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
    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Result<Page<T>, Error>> {
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
            self.total = match is_ahead {
                true => self.total.max(total),
                false => total,
            };
            return Poll::Ready(page);
        }
    }

    /// Takes a page in: forgets what was seen, and finds the next offset or the end.
    fn accept(&mut self, mut page: Page<T>) -> Result<Option<Page<T>>, Error> {
        let received = page.received;
        if received == 0 {
            self.done = true;
            return Ok(None);
        }
        // A server may give fewer than asked for at its own limit, so a short page is not the end;
        // the total is, where there is one.
        self.offset += received;
        page.items.retain(|item| self.seen.insert(item.id()));
        self.fullest = self.fullest.max(received);
        if page.items.is_empty() && received < self.fullest {
            // The last page, pushed on by what has come in at the head of the list meanwhile.
            self.done = true;
        } else if page.items.is_empty() {
            self.stale += 1;
            if self.stale == STALE_PAGES {
                self.done = true;
                let what =
                    format!("{STALE_PAGES} pages in a row held nothing new: the list doesn't end");
                return Err(Error::endless(self.operation, what));
            }
        } else {
            self.stale = 0;
        }
        if page.total.is_some_and(|total| self.offset >= total) {
            self.done = true;
        }
        Ok(Some(page))
    }
}

impl<T: Identified + Unpin> Stream for Pages<'_, T> {
    type Item = Result<Page<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        while !this.done {
            let page = ready!(this.poll_page(context));
            match page.and_then(|page| this.accept(page)) {
                Ok(Some(page)) if page.items.is_empty() => {}
                Ok(Some(page)) => return Poll::Ready(Some(Ok(page))),
                Ok(None) => {}
                Err(error) => {
                    this.done = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// A list as a [`Stream`] of items; made by [`Pages::items`].
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<'a, T: Identified> {
    pages: Pages<'a, T>,
    page: std::vec::IntoIter<T>,
}

impl<T: Identified + Unpin> Items<'_, T> {
    /// The next item; nothing after the last.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All that is left, in memory.
    ///
    /// # Errors
    /// The first that a page ends with.
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
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut this.pages).poll_next(context)) {
                Some(Ok(page)) => this.page = page.items.into_iter(),
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
            Box::pin(async move {
                let items = request.await?.batches;
                Ok(Page {
                    received: items.len() as u64,
                    items,
                    total: None,
                })
            })
        });
        Pages::new(&operations::LIST_BATCHES, limit, offset, ask)
    }

    /// All batches of the list, from the offset on, as a stream; `limit` is the size of a page.
    pub fn items(self) -> Items<'a, Batch> {
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
                let answer = client.list_runs(request).await?;
                Ok(Page {
                    received: answer.runs.len() as u64,
                    items: answer.runs,
                    total: answer.count,
                })
            })
        });
        Pages::new(&operations::LIST_RUNS, limit, offset, ask)
    }
}
