//! The models, and the records in them.

use std::collections::HashMap;
use std::sync::Arc;

use cargo_batch_types::{ModelUuid, Record};
use serde_json::{Value, json};

use crate::clock::{days_before, written};

/// How many records the play's model has.
pub const CONTACTS: usize = 200;

const COMPANIES: usize = 20;

const PAGES: [&str; 3] = ["pricing", "docs", "blog"];
const CITIES: [&str; 4] = ["Paris", "Madrid", "Berlin", "Rome"];

/// Records of one form.
#[derive(Debug)]
pub struct Model {
    pub uuid: ModelUuid,
    pub slug: &'static str,
    pub name: &'static str,
    /// Slug and type of each column.
    pub columns: &'static [(&'static str, &'static str)],
    pub records: Vec<Arc<Record>>,
    /// By id.
    index: HashMap<String, usize>,
}

impl Model {
    fn new(
        uuid: ModelUuid,
        (slug, name): (&'static str, &'static str),
        columns: &'static [(&'static str, &'static str)],
        records: impl Iterator<Item = Record>,
    ) -> Self {
        let records: Vec<_> = records.map(Arc::new).collect();
        let ids = records.iter().enumerate().filter_map(|(n, record)| {
            let id = record.get("id")?.as_str()?;
            Some((id.to_owned(), n))
        });
        Self {
            index: ids.collect(),
            uuid,
            slug,
            name,
            columns,
            records,
        }
    }

    /// A record by its id.
    pub fn record(&self, id: &str) -> Option<&Arc<Record>> {
        self.records.get(*self.index.get(id)?)
    }

    /// The column that holds what a record is called.
    pub fn title_column(&self) -> &'static str {
        let named = |wanted: &str| self.columns.iter().any(|(slug, _)| *slug == wanted);
        ["email", "name"]
            .into_iter()
            .find(|slug| named(slug))
            .unwrap_or("id")
    }

    /// The type of a column.
    pub fn column(&self, slug: &str) -> Option<&'static str> {
        let (_, kind) = self.columns.iter().find(|(known, _)| *known == slug)?;
        Some(kind)
    }
}

pub fn contact_id(n: usize) -> String {
    format!("contact-{n}")
}

fn company_id(n: usize) -> String {
    format!("company-{}", n % COMPANIES + 1)
}

/// The model of the play. Its columns are of every type.
pub fn contacts(uuid: ModelUuid) -> Model {
    let columns = &[
        ("id", "string"),
        ("email", "string"),
        ("country", "string"),
        ("employees", "number"),
        ("first_name", "string"),
        ("company_id", "string"),
        ("signed_up_at", "date"),
        ("subscribed", "boolean"),
        ("address", "object"),
        ("visits", "array"),
        ("embedding", "vector"),
        ("notes", "any"),
    ];
    let names = ("contacts", "Contacts");
    Model::new(uuid, names, columns, (0..CONTACTS).map(contact))
}

fn contact(n: usize) -> Record {
    let id = contact_id(n + 1);
    let first_name = match n % 10 {
        0 => Value::Null,
        1 => json!(""),
        _ => json!(["Ada", "Grace", "Alan", "Edsger", "Barbara"][n % 5]),
    };
    let visits: Vec<Value> = (0..n % 4)
        .map(|visit| json!({ "page": PAGES[visit % 3], "seconds": visit * 30 + n }))
        .collect();
    Record::from_iter([
        ("id", json!(id)),
        ("email", json!(format!("{id}@example.com"))),
        (
            "country",
            json!(["France", "Spain", "Germany", "Italy"][n % 4]),
        ),
        ("employees", json!(n * 7 % 1000)),
        ("first_name", first_name),
        ("company_id", json!(company_id(n))),
        ("signed_up_at", json!(written(days_before(n as i64)))),
        (
            "subscribed",
            [json!(true), json!(false), Value::Null][n % 3].clone(),
        ),
        (
            "address",
            match n % 6 {
                5 => Value::Null,
                _ => json!({ "city": CITIES[n % 4], "zip": format!("{:05}", n * 101) }),
            },
        ),
        (
            "visits",
            if n % 8 == 7 {
                Value::Null
            } else {
                Value::Array(visits)
            },
        ),
        (
            "embedding",
            if n.is_multiple_of(2) {
                json!([0.5, 0.25])
            } else {
                Value::Null
            },
        ),
        (
            "notes",
            if n.is_multiple_of(5) {
                json!({ "any": n })
            } else {
                Value::Null
            },
        ),
    ])
}

/// What contacts work for.
pub fn companies(uuid: ModelUuid) -> Model {
    let columns = &[
        ("id", "string"),
        ("name", "string"),
        ("revenue", "number"),
        ("public", "boolean"),
    ];
    let company = |n: usize| {
        Record::from_iter([
            ("id", json!(company_id(n))),
            ("name", json!(format!("Company {}", n + 1))),
            ("revenue", json!(n * 1000)),
            ("public", json!(n.is_multiple_of(2))),
        ])
    };
    let names = ("companies", "Companies");
    Model::new(uuid, names, columns, (0..COMPANIES).map(company))
}

/// What contacts did: the nth of them n % 5 times, a day apart from each other.
pub fn events(uuid: ModelUuid) -> Model {
    let columns = &[
        ("id", "string"),
        ("contact_id", "string"),
        ("name", "string"),
        ("occurred_at", "date"),
    ];
    let event = |(contact, n): (usize, usize)| {
        Record::from_iter([
            ("id", json!(format!("event-{contact}-{n}"))),
            ("contact_id", json!(contact_id(contact + 1))),
            ("name", json!(["opened", "clicked"][n % 2])),
            ("occurred_at", json!(written(days_before(n as i64 + 1)))),
        ])
    };
    let all = (0..CONTACTS).flat_map(|contact| (0..contact % 5).map(move |n| (contact, n)));
    Model::new(uuid, ("events", "Events"), columns, all.map(event))
}
