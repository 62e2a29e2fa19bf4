//! Tokens, and who has them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, RwLock};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::Error;
use crate::platform::{MaybeSend, MaybeSync};
use crate::redact::Redactor;

/// Provides tokens that expire to a client, which is built by
/// [`Client::builder_with_token_provider`](crate::Client::builder_with_token_provider).
///
/// A client requests a token once and stores it. It requests another only when the server has responded with 401:
/// at most once per request, so that a second token that is refused ends as an error. A token is not renewed before
/// it expires.
///
/// ```
/// use cargo_batch_client::{Client, TokenFuture, TokenProvider, secrecy::SecretString};
///
/// struct TokenFile(std::path::PathBuf);
///
/// impl TokenProvider for TokenFile {
///     fn token(&self) -> TokenFuture<'_> {
///         Box::pin(async {
///             let token = tokio::fs::read_to_string(&self.0).await?;
///             Ok(SecretString::from(token.trim()))
///         })
///     }
/// }
///
/// # fn run() -> Result<(), cargo_batch_client::Error> {
/// let tokens = TokenFile("/run/secrets/cargo-token".into());
/// let client = Client::builder_with_token_provider(tokens).build()?;
/// # Ok(()) }
/// ```
///
/// In a browser (`wasm32`), where nothing is `Send`, neither it nor its future need be.
pub trait TokenProvider: MaybeSend + MaybeSync + 'static {
    /// Returns a token to use from now on.
    ///
    /// # Errors
    /// Any error: the call that needed the token ends with [`Unauthorized`](crate::ErrorKind::Unauthorized).
    fn token(&self) -> TokenFuture<'_>;
}

/// The future of a [`TokenProvider`]'s token.
///
/// Of an error only the message is stored, with those of its sources; what may be a secret is redacted in it.
#[cfg(not(target_arch = "wasm32"))]
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Provided> + Send + 'a>>;
/// The future of a [`TokenProvider`]'s token; in a browser nothing is `Send`.
#[cfg(target_arch = "wasm32")]
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Provided> + 'a>>;

type Provided = Result<SecretString, Box<dyn std::error::Error + Send + Sync>>;

/// The provider of a client, which can be sent to another thread wherever there is one.
#[derive(Clone)]
pub(crate) struct Provider(
    #[cfg(not(target_arch = "wasm32"))] Arc<dyn TokenProvider>,
    #[cfg(target_arch = "wasm32")] Arc<send_wrapper::SendWrapper<Box<dyn TokenProvider>>>,
);

impl Provider {
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(provider: impl TokenProvider) -> Self {
        Self(Arc::new(provider))
    }

    #[cfg(target_arch = "wasm32")]
    pub fn new(provider: impl TokenProvider) -> Self {
        Self(Arc::new(send_wrapper::SendWrapper::new(Box::new(provider))))
    }
}

/// Where the header of a client comes from.
pub(crate) struct Auth {
    provider: Option<Provider>,
    header: RwLock<Option<HeaderValue>>,
    /// Held while a token is asked for, so that many requests ask once.
    asking: tokio::sync::Mutex<()>,
}

impl Auth {
    /// A token that never changes.
    pub fn fixed(token: &SecretString) -> Result<Self, Error> {
        Ok(Self {
            provider: None,
            header: RwLock::new(Some(header(token)?)),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// Tokens that can be renewed.
    pub fn provided(provider: Provider) -> Self {
        Self {
            provider: Some(provider),
            header: RwLock::new(None),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The header to send.
    pub async fn header(&self) -> Result<HeaderValue, Error> {
        match self.known() {
            Some(header) => Ok(header),
            None => self.ask(None).await,
        }
    }

    /// A header in place of one the server refused; nothing when there is no other.
    pub async fn renewed(&self, refused: &HeaderValue) -> Result<Option<HeaderValue>, Error> {
        if self.provider.is_none() {
            return Ok(None);
        }
        self.ask(Some(refused)).await.map(Some)
    }

    /// The header in use, where there is one yet.
    pub fn known(&self) -> Option<HeaderValue> {
        let header = self.header.read();
        header
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// What keeps the token out of what is shown.
    pub fn hide(&self) -> Redactor {
        Redactor::token(self.known().as_ref())
    }

    /// A token other than the one that was refused.
    async fn ask(&self, refused: Option<&HeaderValue>) -> Result<HeaderValue, Error> {
        let _asking = self.asking.lock().await;
        // Another request may have renewed it meanwhile.
        if let Some(header) = self.known()
            && refused != Some(&header)
        {
            return Ok(header);
        }
        let Some(provider) = &self.provider else {
            return Err(Error::configuration("there is no token"));
        };
        let header = header(&provider.0.token().await.map_err(Error::no_token)?)?;
        *self
            .header
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(header.clone());
        Ok(header)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

fn header(token: &SecretString) -> Result<HeaderValue, Error> {
    let token = token.expose_secret().trim();
    let wrong = |why: &str| Err(Error::configuration(format!("the token {why}")));
    if token.is_empty() {
        return wrong("is empty: give the API token of your workspace");
    }
    if let Some(cure) = mistaken(token) {
        return wrong(cure);
    }
    // Beyond these a header has no characters but bytes, which servers read in several ways.
    if let Some(place) = token.bytes().position(|byte| !byte.is_ascii_graphic()) {
        return wrong(&format!(
            "has a character that can't be in a token, after {place} others: is it broken over lines, \
             or copied with something else?"
        ));
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Error::configuration("the token can't be in a header"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// What to do about a text that is a token with something around it, or in its place.
fn mistaken(token: &str) -> Option<&'static str> {
    let within = |first, last| token.starts_with(first) && token.ends_with(last);
    let begins = |prefix: &str| {
        let start = token.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if begins("Bearer ") || begins("Bearer:") || begins("Authorization:") {
        Some("is a header: give what comes after `Bearer `")
    } else if begins("Basic ") || begins("Token ") {
        Some("is a header of another kind: give the API token of your workspace by itself")
    } else if begins("export ") || begins("set ") || is_setting(token) {
        Some("is a line of settings: give what comes after `CARGO_API_TOKEN=`")
    } else if within("\"", "\"") || within("'", "'") || within("`", "`") {
        Some("is in quotation marks: give it without them")
    } else if token.starts_with('$') || within("%", "%") || within("{{", "}}") {
        Some(
            "is the name of a variable that was not filled in: put the API token of your workspace in its place",
        )
    } else if within("<", ">") || within("[", "]") || within("{", "}") {
        Some("is a placeholder: put the API token of your workspace in its place")
    } else {
        None
    }
}

/// Whether a text is `CARGO_API_TOKEN=…`, or a variable of another name for it.
fn is_setting(text: &str) -> bool {
    let name = text.split(['=', ':']).next().unwrap_or_default();
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    // A token may end in `=`.
    let has_value = !text[name.len()..]
        .trim_start_matches(['=', ':', ' '])
        .is_empty();
    is_name && name.contains("TOKEN") && has_value
}
