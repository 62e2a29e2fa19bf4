//! Every `$ref` leads somewhere, and every named schema is used.

use std::collections::HashSet;

use crate::spec::walk::each_reference;
use crate::spec::{Document, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut used = HashSet::new();
    each_reference(
        document,
        &mut |place, target| match target.strip_prefix("#/components/schemas/") {
            Some(name) if document.schema(name).is_some() => {
                used.insert(name.to_owned());
            }
            // The rule of keys says that only schemas are referred to.
            _ if is_foreign(document, place, target) => {}
            _ => problems.push(document.problem(
                place,
                format!("`{target}` leads nowhere: name a schema under components.schemas"),
            )),
        },
    );
    for name in document
        .schemas()
        .keys()
        .filter(|name| !used.contains(*name))
    {
        problems.push(document.problem(
            &Place::schema(name),
            "nothing refers to this schema: use it or delete it",
        ));
    }
    problems
}

/// Whether it is what OpenAPI allows and nothing here reads: a reference from elsewhere than a schema.
fn is_foreign(document: &Document, place: &Place, target: &str) -> bool {
    let pointer = target.strip_prefix('#').unwrap_or_default();
    let is_schema = place.keys().any(|key| ["schemas", "schema"].contains(&key));
    !is_schema && document.root().pointer(pointer).is_some()
}
