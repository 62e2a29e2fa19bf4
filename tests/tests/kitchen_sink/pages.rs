//! Lists that ask for the pages a test wants.

use std::future::Future;

use crate::Error;
use crate::operation::Operation;
use crate::pending::Pending;

pub trait HasId {
    type Id;
    fn id(&self) -> Self::Id;
}

pub struct Pages<T> {
    pub operation: &'static Operation,
    pub limit: Option<u64>,
    pub offset: Option<u64>,
    pub ask: Box<dyn Fn(u64, u64) -> Pending<Received<T>>>,
}

impl<T: 'static> Pages<T> {
    pub fn new<F: Future<Output = Result<Received<T>, Error>> + Send + 'static>(
        operation: &'static Operation,
        limit: Option<u64>,
        offset: Option<u64>,
        ask: impl Fn(u64, u64) -> F + Send + 'static,
    ) -> Self {
        Self {
            operation,
            limit,
            offset,
            ask: Box::new(move |offset, limit| Pending::new(ask(offset, limit))),
        }
    }

    pub fn items(self) -> Items<T> {
        Items(self)
    }
}

pub struct Items<T>(pub Pages<T>);

pub struct Received<T> {
    pub items: Vec<T>,
    pub list: String,
    pub total: Option<u64>,
}

impl<T> Received<T> {
    pub fn read<R>(
        response: Result<R, Error>,
        list: &str,
        page: impl FnOnce(R) -> (Vec<T>, Option<u64>),
    ) -> Result<Self, Error> {
        let (items, total) = page(response?);
        Ok(Self {
            items,
            list: list.to_owned(),
            total,
        })
    }
}
