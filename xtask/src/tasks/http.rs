//! A minimal HTTP client for the sandbox: a task needs no TLS.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// Sends a request to a server on loopback and reads its JSON.
pub fn send(
    origin: &str,
    method: &str,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> Result<Value, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{method} {path}: {error}");
    let host = origin.trim_start_matches("http://");
    let content = body.map(Value::to_string).unwrap_or_default();
    let mut request = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\n");
    request.push_str(&format!("authorization: Bearer {token}\r\n"));
    if body.is_some() {
        request.push_str("content-type: application/json\r\n");
    }
    request.push_str(&format!(
        "content-length: {}\r\n\r\n{content}",
        content.len()
    ));
    let mut stream = TcpStream::connect(host).map_err(|error| failed(&error))?;
    stream
        .write_all(request.as_bytes())
        .map_err(|error| failed(&error))?;
    let mut response = String::new();
    stream
        .read_to_string(&mut response)
        .map_err(|error| failed(&error))?;
    let (head, text) = response
        .split_once("\r\n\r\n")
        .ok_or_else(|| failed(&"the response has no end of its head"))?;
    let line = head.lines().next().unwrap_or_default();
    if !line.contains(" 2") {
        return Err(failed(&format!("{line}\n{text}")));
    }
    serde_json::from_str(text).map_err(|error| failed(&error))
}
