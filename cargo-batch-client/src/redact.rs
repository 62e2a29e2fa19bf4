//! What must not be shown: tokens, signed URLs, and more of a server's message than fits into a log.

use std::fmt;

use reqwest::header::HeaderValue;

/// The longest message of a server that is repeated.
const LONGEST: usize = 500;

/// The shortest token that is redacted.
const SHORTEST: usize = 8;

/// Makes a server's message fit to be shown.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    token: Option<String>,
}

impl Redactor {
    /// Redacts the token of an `Authorization` header, too, should the server repeat it.
    ///
    /// A token that is shorter than those that servers issue is not redacted: it would be found in the middle of words.
    pub fn token(header: Option<&HeaderValue>) -> Self {
        let text = header.and_then(|header| header.to_str().ok());
        let token = text.map(|text| text.trim_start_matches("Bearer ").to_owned());
        Self {
            token: token.filter(|token| token.len() >= SHORTEST),
        }
    }

    /// Returns a text without the token, without the secrets of URLs, without control characters
    /// (that would move the cursor of a terminal, or begin a new line of a log), and not too long.
    pub fn redact(&self, text: &str) -> String {
        let redacted = match &self.token {
            // Before the URLs, whose ends may be in the middle of it.
            Some(token) => without_url_secrets(&without_token(text, token)),
            None => without_url_secrets(text),
        };
        escaped(&redacted, LONGEST)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Returns a text in one line, cut where it is too long.
pub(crate) fn escaped(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index == longest {
            shown.push('…');
            break;
        }
        // Also the marks that turn the direction of writing.
        if letter.is_control()
            || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Returns a text without a token, in whatever way a server may repeat it: as it is, or with any of its
/// characters percent-encoded, as in a URL, or behind a backslash, as in JSON.
fn without_token(text: &str, token: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        // As long as the letter at least, and of ASCII alone: both cuts are between letters.
        if let Some(length) = repeated(rest.as_bytes(), token.as_bytes()) {
            shown.push_str("[REDACTED]");
            rest = &rest[length..];
        } else {
            shown.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    shown
}

/// Returns how many bytes at the start of a text are a token.
fn repeated(text: &[u8], token: &[u8]) -> Option<usize> {
    if text.starts_with(token) {
        return Some(token.len());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let encoded = |high, low| Some(digit(high)? * 16 + digit(low)?);
    let mut rest = text;
    for wanted in token {
        rest = match rest {
            [b'%', high, low, rest @ ..] if encoded(*high, *low) == Some(u32::from(*wanted)) => {
                rest
            }
            [byte, rest @ ..] | [b'\\', byte, rest @ ..] if byte == wanted => rest,
            _ => return None,
        };
    }
    Some(text.len() - rest.len())
}

/// Returns a text without the query of any URL in it: in a signed URL that is the secret.
fn without_url_secrets(text: &str) -> String {
    let hide = |word: &str| match word.find('?') {
        _ if has_user(word) => "[REDACTED]".to_owned(),
        Some(query) if word[query..].contains('=') => format!("{}?[REDACTED]", &word[..query]),
        _ if word.to_ascii_lowercase().contains("signature=") => "[REDACTED]".to_owned(),
        _ => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace)
        .map(|word| match word.char_indices().next_back() {
            Some((end, space)) if space.is_whitespace() => format!("{}{space}", hide(&word[..end])),
            _ => hide(word),
        })
        .collect()
}

/// Returns a URL without what precedes its host, which may be a password.
pub(crate) fn without_user(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("[REDACTED]@{host}"),
        None => url.to_owned(),
    }
}

/// Returns whether a word is a URL with a user name, and maybe a password, before its host.
fn has_user(word: &str) -> bool {
    let authority = word.split_once("://").map(|(_, rest)| rest);
    authority.is_some_and(|rest| {
        rest.split(['/', '?', '#'])
            .next()
            .is_some_and(|host| host.contains('@'))
    })
}

/// Returns a text without the values that follow names such as `client_secret`, and without what follows
/// `Bearer`: for the message of a token provider, which is about nothing else.
pub(crate) fn without_secrets(text: &str) -> String {
    const NAMES: [&str; 11] = [
        "secret",
        "token",
        "passw",
        "pwd",
        "api_key",
        "apikey",
        "api-key",
        "credential",
        "authorization",
        "private_key",
        "assertion",
    ];
    let mut shown = String::new();
    let mut is_next_secret = false;
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        let lower = word.to_ascii_lowercase();
        let is_scheme = matches!(
            lower.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()),
            "bearer" | "basic"
        );
        let name = NAMES.iter().filter_map(|name| lower.find(name)).min();
        let separator = name.and_then(|at| Some(at + lower.get(at..)?.find(['=', ':'])?));
        let mut parts = separator.map(|at| word.split_at(at + 1));
        if word.is_empty() {
            // More space.
        } else if is_scheme {
            shown.push_str(word);
            is_next_secret = true;
        } else if is_next_secret {
            shown.push_str("[REDACTED]");
            is_next_secret = false;
        } else if let Some((name, value)) = parts.take() {
            shown.push_str(name);
            match value.trim_matches(['"', '\'', '`']).is_empty() {
                true => is_next_secret = true,
                false => shown.push_str("[REDACTED]"),
            }
        } else {
            shown.push_str(word);
        }
        shown.push_str(&part[word.len()..]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_link_is_hidden() {
        for (text, clean) in [
            (
                "gone: https://s3.example/a?X-Sig=abc try again? no",
                "gone: https://s3.example/a?[REDACTED] try again? no",
            ),
            ("see /bucket/key?sig=abc", "see /bucket/key?[REDACTED]"),
            ("X-Amz-Signature=abc&x=1 expired", "[REDACTED] expired"),
            ("a = b, really?", "a = b, really?"),
        ] {
            assert_eq!(Redactor::default().redact(text), clean);
        }
    }

    #[test]
    fn values_of_secret_names_are_redacted() {
        for (text, clean) in [
            (
                "POST failed: client_secret=hush&x=1",
                "POST failed: client_secret=[REDACTED]",
            ),
            (
                "refresh_token: hush expired",
                "refresh_token: [REDACTED] expired",
            ),
            (
                r#"{"access_token":"hush", "a": 1}"#,
                r#"{"access_token":[REDACTED] "a": 1}"#,
            ),
            (
                r#"{"password": "hush", "a": 1}"#,
                r#"{"password": [REDACTED] "a": 1}"#,
            ),
            (
                "Authorization: Bearer hush",
                "Authorization: Bearer [REDACTED]",
            ),
            ("sent bearer  hush to it", "sent bearer  [REDACTED] to it"),
            ("the token has expired", "the token has expired"),
            (
                "no connection to 10.0.0.1:80",
                "no connection to 10.0.0.1:80",
            ),
        ] {
            assert_eq!(without_secrets(text), clean);
        }
        let clean =
            Redactor::default().redact("proxy http://me:hush@proxy.example:1/ and https://a/b@c");
        assert_eq!(clean, "proxy [REDACTED] and https://a/b@c");
        assert_eq!(
            Redactor::default().redact("write to me@x.example"),
            "write to me@x.example"
        );
    }

    #[test]
    fn a_token_that_is_repeated_is_hidden() {
        let header = HeaderValue::from_static("Bearer to/k+1=%\"x?");
        let hide = Redactor::token(Some(&header));
        for (text, clean) in [
            (
                "no such token: 'to/k+1=%\"x?', \u{e9}",
                "no such token: '[REDACTED]', \u{e9}",
            ),
            ("to%2Fk%2b1%3D%25%22x%3F!", "[REDACTED]!"),
            ("to/k%2B1=%%22x?a=b", "[REDACTED]a=b"),
            (r#"{"to\/k+1=%\"x?"}"#, r#"{"[REDACTED]"}"#),
            ("toto/k+1=%\"x?", "to[REDACTED]"),
            ("to/k+1=%\"x", "to/k+1=%\"x"),
            ("to%2", "to%2"),
            ("to%zz", "to%zz"),
        ] {
            assert_eq!(hide.redact(text), clean);
        }
        assert_eq!(format!("{hide:?}"), "[REDACTED]");
    }

    #[test]
    fn a_token_as_short_as_a_word_garbles_nothing() {
        let hide = |header| Redactor::token(Some(&HeaderValue::from_static(header)));
        let text = "the batch of 12345678";
        assert_eq!(hide("Bearer t").redact(text), text);
        assert_eq!(hide("Bearer 1234567").redact(text), text);
        assert_eq!(
            hide("Bearer 12345678").redact(text),
            "the batch of [REDACTED]"
        );
    }

    #[test]
    fn a_log_is_neither_flooded_nor_broken() {
        let clean = Redactor::default().redact(&"x\n".repeat(100_000));
        assert_eq!(clean.chars().filter(|letter| *letter == 'x').count(), 250);
        assert!(!clean.contains('\n') && clean.ends_with('…'));
        assert_eq!(escaped("\u{1b}[2J\u{202e}", 9), "\\u{1b}[2J\\u{202e}");
    }
}
