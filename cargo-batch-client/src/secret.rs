//! What must not be shown: tokens, signed links, and more of a server's words than a log can bear.

use std::fmt;

use reqwest::header::HeaderValue;

/// The longest text of a server that is repeated.
const LONGEST: usize = 500;

/// Makes a server's words fit to be shown.
#[derive(Clone, Default)]
pub(crate) struct Hide {
    token: Option<String>,
}

impl Hide {
    /// Hides the token of an `Authorization` header, too, should the server repeat it.
    pub fn token(header: Option<&HeaderValue>) -> Self {
        let text = header.and_then(|header| header.to_str().ok());
        let token = text.map(|text| text.trim_start_matches("Bearer ").to_owned());
        Self {
            token: token.filter(|token| !token.is_empty()),
        }
    }

    /// The text without the token, without what is secret in links, without control characters
    /// (that would move the cursor of a terminal, or begin a new line of a log), and not too long.
    pub fn clean(&self, text: &str) -> String {
        let mut text = without_links(text);
        if let Some(token) = &self.token {
            text = text.replace(token.as_str(), "[hidden]");
        }
        escaped(&text, LONGEST)
    }
}

impl fmt::Debug for Hide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A text in one line, cut where it is too long.
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

/// A text without the query of any link in it: in a signed link that is the secret.
fn without_links(text: &str) -> String {
    let hide = |word: &str| match word.find('?') {
        Some(query) if word[query..].contains('=') => format!("{}?[hidden]", &word[..query]),
        _ if word.to_ascii_lowercase().contains("signature=") => "[hidden]".to_owned(),
        _ => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace)
        .map(|word| match word.char_indices().next_back() {
            Some((end, space)) if space.is_whitespace() => format!("{}{space}", hide(&word[..end])),
            _ => hide(word),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_link_is_hidden() {
        for (text, clean) in [
            (
                "gone: https://s3.example/a?X-Sig=abc try again? no",
                "gone: https://s3.example/a?[hidden] try again? no",
            ),
            ("see /bucket/key?sig=abc", "see /bucket/key?[hidden]"),
            ("X-Amz-Signature=abc&x=1 expired", "[hidden] expired"),
            ("a = b, really?", "a = b, really?"),
        ] {
            assert_eq!(Hide::default().clean(text), clean);
        }
    }

    #[test]
    fn a_token_that_is_repeated_is_hidden() {
        let header = HeaderValue::from_static("Bearer tok-1");
        let hide = Hide::token(Some(&header));
        assert_eq!(
            hide.clean("no such token: 'tok-1'"),
            "no such token: '[hidden]'"
        );
        assert_eq!(format!("{hide:?}"), "[hidden]");
    }

    #[test]
    fn a_log_is_neither_flooded_nor_broken() {
        let clean = Hide::default().clean(&"x\n".repeat(100_000));
        assert_eq!(clean.chars().filter(|letter| *letter == 'x').count(), 250);
        assert!(!clean.contains('\n') && clean.ends_with('…'));
        assert_eq!(escaped("\u{1b}[2J\u{202e}", 9), "\\u{1b}[2J\\u{202e}");
    }
}
