//! HTTP by hand: what a client library would hide, such as how a connection ended.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back on a connection, up to its end.
#[derive(Debug)]
pub struct Raw {
    /// The status.
    pub status: u16,
    /// The headers, in small letters.
    pub headers: Vec<(String, String)>,
    /// What came of the body.
    pub body: Vec<u8>,
}

impl Raw {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The length that the headers tell.
    pub fn announced(&self) -> Option<usize> {
        self.header("content-length")?.parse().ok()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it isn't.
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }

    /// The `errorMessage` of the body.
    ///
    /// # Panics
    /// When there is none.
    pub fn message(&self) -> String {
        let json = self.json();
        let message = json["errorMessage"].as_str();
        message.unwrap_or_else(|| panic!("{json}")).to_owned()
    }

    fn read(text: &[u8]) -> io::Result<Self> {
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let end = text.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = text.split_at(end.ok_or_else(broken)?);
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Ok(Self {
            status: status
                .and_then(|status| status.parse().ok())
                .ok_or_else(broken)?,
            headers: headers.collect(),
            body: body.get(4..).unwrap_or_default().to_vec(),
        })
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    host: String,
    line: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Ask {
    /// A request to an URL: of its own origin, path and query nothing is encoded.
    ///
    /// # Panics
    /// When the URL isn't one of HTTP.
    pub fn new(method: &str, url: &str) -> Self {
        let rest = url.strip_prefix("http://").expect("an URL of HTTP");
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Self {
            host: host.to_owned(),
            line: format!("{method} /{path} HTTP/1.1"),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    /// With a token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// With a body, but without a media type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a body of JSON.
    #[must_use]
    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// Sends it on a connection of its own, and reads until the other side ends that.
    ///
    /// # Errors
    /// When there is no connection, it is reset, or it ends without a head.
    pub async fn send(self) -> io::Result<Raw> {
        let mut stream = TcpStream::connect(&self.host).await?;
        let mut request = format!(
            "{}\r\nHost: {}\r\nConnection: close\r\n",
            self.line, self.host
        );
        for header in &self.headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let request = [request.as_bytes(), &self.body].concat();
        stream.write_all(&request).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        Raw::read(&response)
    }
}
