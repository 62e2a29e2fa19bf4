//! One server, and one way to be let in: a bearer token.

use super::object;
use crate::spec::{Document, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |place: &Place, message: &str| problems.push(document.problem(place, message));
    let root = document.root();
    let servers = Place::root().join("servers");
    match root["servers"].as_array().map(Vec::as_slice) {
        Some([server]) => {
            let url = server["url"].as_str().unwrap_or_default();
            let rest = url.strip_prefix("https://").unwrap_or_default();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:".contains(c);
            if rest.is_empty() || rest.ends_with('/') || !rest.chars().all(plain) {
                say(
                    &servers.join("0").join("url"),
                    "it becomes `BASE_URL`: an `https` URL without variables, a query or a slash at its end",
                );
            }
        }
        Some([_, second @ ..]) if !second.is_empty() => say(
            &servers.join("1"),
            "there is one `BASE_URL`: leave one server, programs name another with `base_url`",
        ),
        _ => say(
            &servers,
            "the server is missing: its `url` becomes `BASE_URL`",
        ),
    }
    let schemes = Place::root().join("components").join("securitySchemes");
    let mut bearer = None;
    for (name, scheme) in object(&root["components"]["securitySchemes"]) {
        let place = schemes.join(name);
        if scheme["type"] != "http" || scheme["scheme"] != "bearer" {
            say(
                &place,
                "the client sends a bearer token and nothing else: `type: http`, `scheme: bearer`",
            );
        } else if bearer.replace(name).is_some() {
            say(&place, "one scheme is enough: the client sends one token");
        }
    }
    let security = Place::root().join("security");
    let listed = root["security"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if listed.is_empty() {
        say(
            &security,
            "it names the scheme of the bearer token: `- bearerAuth: []`",
        );
    }
    for (i, requirement) in listed.iter().enumerate() {
        let place = security.join(&i.to_string());
        let names: Vec<&String> = object(requirement).map(|(name, _)| name).collect();
        if i > 0 || names.len() != 1 {
            say(
                &place,
                "the client sends one token with every request: name its scheme, alone",
            );
        } else if Some(names[0]) != bearer {
            say(
                &place.join(names[0]),
                "it is no scheme of a bearer token under components.securitySchemes",
            );
        } else if requirement[names[0]]
            .as_array()
            .is_none_or(|scopes| !scopes.is_empty())
        {
            say(
                &place.join(names[0]),
                "a bearer token has no scopes here: `[]`",
            );
        }
    }
    problems
}
