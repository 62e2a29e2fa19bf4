//! The kinds of faults.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Something that goes wrong on purpose.
///
/// As JSON it is an object with the field `kind`, which is the name of the variant beginning with a
/// small letter: `{"kind": "resetAfterActing"}`, `{"kind": "stall", "seconds": 30}`. Fields that are
/// left out have the value named as their default here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// The derived functions know the form `{"stall": {…}}`, which is less ambiguous; the
// implementations below put `kind` into it.
#[serde(
    remote = "Self",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum Fault {
    /// The port is closed for a time, from the moment the plan is set: connections are refused by
    /// the system, and connections there are end after the request they are at. Only for the
    /// operations `*`, `api` and `storage`, as a port knows no operations, and only without
    /// `skip`, `count` and `probability`.
    ConnectionRefused {
        /// For how long, in seconds of tokio's time; 1 by default. The port then opens again.
        #[serde(default = "one")]
        seconds: f64,
    },
    /// A connection is accepted and closed at once, before anything is read from it. It is decided
    /// for each connection, not for each request. Only for `*`, `api` and `storage`.
    CloseOnAccept,
    /// The connection is reset once the head of the request has come; its body is not read and
    /// nothing is done.
    ResetBeforeReading,
    /// The connection is reset once the whole request has come; nothing is done.
    ResetBeforeActing,
    /// What is asked for is done, and the connection is reset before a byte of the response: the
    /// dangerous one.
    ResetAfterActing,
    /// Nothing comes for a time; then the regular response.
    Stall {
        /// For how long, in seconds of tokio's time; for ever by default.
        #[serde(default)]
        seconds: Option<f64>,
        /// Whether it is done before the wait rather than after it; false by default.
        #[serde(default)]
        acted: bool,
    },
    /// What is asked for is done some time after the whole request has come, whether or not the client
    /// is still there then: as behind a proxy, whose server goes on after the client has left.
    ActLate {
        /// How much later it is done, in seconds of tokio's time; 3 by default.
        #[serde(default = "three")]
        seconds: f64,
        /// What the client sees; `afterActing` by default.
        #[serde(default)]
        respond: LateResponse,
    },
    /// A response comes before the body of the request has been read, and the connection is closed
    /// after it; nothing is done. What still comes of the body is thrown away.
    EarlyResponse {
        /// The status, from 300 to 599; 413 by default.
        #[serde(default = "too_large")]
        status: u16,
    },
    /// The connection is closed some time after the regular response, unless it is used again before.
    /// The response doesn't say so. Over HTTP/2 nothing is changed.
    IdleClose {
        /// How much later, in seconds of tokio's time; 0, which is right after the response, by
        /// default.
        #[serde(default)]
        seconds: f64,
    },
    /// After the regular response there come bytes on the connection that belong to no request, unless
    /// it is used again before. Over HTTP/2 nothing is changed.
    StrayBytes {
        /// The bytes, as text; by default a second response with the status and the body of the
        /// regular one, which a client could take for the response to its next request.
        #[serde(default)]
        bytes: Option<String>,
        /// How much later, in seconds of tokio's time; 0, which is right after the response, by
        /// default.
        #[serde(default)]
        seconds: f64,
    },
    /// The request ends with `RST_STREAM(REFUSED_STREAM)`, which says that it was not processed; the
    /// connection stays. Only HTTP/2 has it: over HTTP/1 the connection is reset.
    RefusedStream {
        /// Whether what is asked for is done nevertheless; false by default. True is what haproxy 2.6
        /// does when its own connection to the server dies.
        #[serde(default)]
        acted: bool,
    },
    /// The connection ends with `GOAWAY(NO_ERROR)`, which says that this request and all later ones on
    /// it were not processed: those that follow are ignored, those before are still responded to. Only
    /// HTTP/2 has it: over HTTP/1 the connection is reset.
    GoAway {
        /// Whether what is asked for is done before, which makes it a lie, also of later requests that
        /// are under way; false by default.
        #[serde(default)]
        acted: bool,
    },
    /// The body of the regular response comes in small chunks.
    Trickle {
        /// How many bytes a chunk has; 16 by default.
        #[serde(default = "default_chunk")]
        bytes: u64,
        /// How long after one the next comes, in milliseconds of tokio's time; 100 by default.
        #[serde(default = "default_delay")]
        millis: u64,
    },
    /// The connection ends within the body of the regular response, whose `Content-Length` states the
    /// whole length.
    Truncate {
        /// How many bytes still come; half of them by default. When there aren't as many, all but
        /// one.
        #[serde(default)]
        bytes: Option<u64>,
    },
    /// The `Content-Length` of the regular response is wrong. When it is too large the connection ends
    /// after the body; when it is too small the body is cut to it.
    WrongLength {
        /// By how much; 10 by default. Negative for too small.
        #[serde(default = "ten")]
        by: i64,
    },
    /// 502 with a page of HTML, as a gateway responds.
    BadGateway {
        /// Whether what is asked for is done nevertheless; false by default.
        #[serde(default)]
        acted: bool,
    },
    /// 504 with a page of HTML.
    GatewayTimeout {
        /// Whether what is asked for is done nevertheless; true by default.
        #[serde(default = "yes")]
        acted: bool,
    },
    /// 500 without a body.
    ServerError {
        /// Whether what is asked for is done nevertheless; false by default.
        #[serde(default)]
        acted: bool,
    },
    /// 429; nothing is done.
    TooManyRequests {
        /// The seconds of `Retry-After`; without it by default.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Whether `Retry-After` is a date; false by default.
        #[serde(default)]
        as_date: bool,
    },
    /// The status 503. One that was acted on has `Via: 1.1 varnish`, as it is a proxy that says so:
    /// Varnish does of every failure behind it, with a `Retry-After`.
    Unavailable {
        /// The seconds of `Retry-After`; without it by default.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Whether `Retry-After` is a date; false by default.
        #[serde(default)]
        as_date: bool,
        /// Whether what is asked for is done nevertheless; false by default.
        #[serde(default)]
        acted: bool,
    },
    /// The token is replaced by another, and the request, with all that carry the old one, is
    /// rejected with 401. [`Sandbox::token`](crate::Sandbox::token) and `GET /sandbox/world` return the new
    /// one. Every hit renews it: without a `count` no token is good for more than nothing. Not for
    /// storage, which takes no token.
    RevokeToken,
    /// An error of the API, or any other status.
    ApiError {
        /// The status, from 300 to 599; 400 by default. (What is no final response can't be sent as one:
        /// for a 1xx there are [`StrayBytes`](Self::StrayBytes).)
        #[serde(default = "bad_request")]
        status: u16,
        /// The `reason`; without it by default.
        #[serde(default)]
        reason: Option<String>,
        /// The reason within `dataError`; without it by default.
        #[serde(default)]
        data_reason: Option<String>,
        /// The `errorMessage`; without it by default.
        #[serde(default)]
        message: Option<String>,
        /// Whether what is asked for is done nevertheless; false by default.
        #[serde(default)]
        acted: bool,
    },
    /// The regular response, if it is JSON, is broken at its end.
    InvalidJson,
    /// Every `status` in the regular response is one that no client knows.
    UnknownStatus {
        /// Which one; `hibernating` by default.
        #[serde(default = "status")]
        status: String,
    },
    /// Every `kind` and `nodeKind` in the regular response is one that no client knows.
    UnknownKind {
        /// Which one; `quantum` by default.
        #[serde(default = "kind")]
        value: String,
    },
    /// The objects of the regular response have a field more. Not those that the API's users name the
    /// fields of: records, configurations and the context of a run.
    ExtraFields,
    /// A page of a list overlaps the one before it: its `offset` is taken for a smaller one, as when
    /// items were added at the start of the list meanwhile. Only for lists.
    DuplicatePage {
        /// By how many items; 1 by default.
        #[serde(default = "item")]
        items: u64,
    },
    /// The items of a page come in another order. Only for lists.
    ReorderedPage,
    /// Storage responds that the signed URL has expired: 403. Only for storage.
    ExpiredUrl,
    /// The file has another content and another `ETag` from this request on, itself included. Only
    /// for `storage_get`.
    ChangedContent,
}

/// What the client sees of a request that is [acted on late](Fault::ActLate). As JSON it is the name
/// beginning with a small letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum LateResponse {
    /// Nothing until it is done; then the regular response. The default.
    #[default]
    AfterActing,
    /// The connection is reset at once.
    Reset,
    /// 504 at once, with a page of HTML.
    GatewayTimeout,
}

fn three() -> f64 {
    3.0
}
fn too_large() -> u16 {
    413
}
fn one() -> f64 {
    1.0
}
fn default_chunk() -> u64 {
    16
}
fn default_delay() -> u64 {
    100
}
fn ten() -> i64 {
    10
}
fn yes() -> bool {
    true
}
fn bad_request() -> u16 {
    400
}
fn status() -> String {
    "hibernating".to_owned()
}
fn kind() -> String {
    "quantum".to_owned()
}
fn item() -> u64 {
    1
}

impl Fault {
    /// Its `kind`.
    pub fn kind(&self) -> String {
        match serde_json::to_value(self) {
            Ok(value) => value["kind"].as_str().unwrap_or_default().to_owned(),
            Err(_) => String::new(),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let derived = Self::serialize(self, serde_json::value::Serializer);
        let mut object = Map::new();
        match derived.map_err(S::Error::custom)? {
            Value::Object(outer) => {
                for (kind, fields) in outer {
                    object.insert("kind".to_owned(), kind.into());
                    if let Value::Object(fields) = fields {
                        object.extend(fields);
                    }
                }
            }
            kind => {
                object.insert("kind".to_owned(), kind);
            }
        }
        object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let kind = match fields.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(other) => return Err(D::Error::custom(format!("kind: {other} is not a string"))),
            None => return Err(D::Error::missing_field("kind")),
        };
        let outer = |inner: Value| Value::Object(Map::from_iter([(kind.clone(), inner)]));
        // A variant without fields is known by that.
        if let Ok(plain) = Self::deserialize(outer(Value::Null)) {
            return match fields.keys().next() {
                Some(name) => Err(D::Error::custom(format!(
                    "{name}: the kind {kind} has no fields"
                ))),
                None => Ok(plain),
            };
        }
        let mut track = serde_path_to_error::Track::new();
        let value = outer(Value::Object(fields));
        Self::deserialize(serde_path_to_error::Deserializer::new(value, &mut track)).map_err(
            |error| {
                let path = track.path().to_string();
                match path.strip_prefix(&format!("{kind}.")) {
                    Some(field) => D::Error::custom(format!("{field}: {error}")),
                    None => D::Error::custom(error),
                }
            },
        )
    }
}
