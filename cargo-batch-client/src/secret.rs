//! What must not be shown.

/// A server's words without the query of any link in them: in a signed link that is the secret.
pub(crate) fn without_links(text: &str) -> String {
    let hide = |word: &str| match (word.find("://"), word.find('?')) {
        (Some(_), Some(query)) => format!("{}?[hidden]", &word[..query]),
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
    #[test]
    fn the_query_of_a_link_is_hidden() {
        let hidden = super::without_links("gone: https://s3.example/a?X-Sig=abc try again? no");
        assert_eq!(hidden, "gone: https://s3.example/a?[hidden] try again? no");
    }
}
