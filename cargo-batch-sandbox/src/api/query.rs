//! Reads parameters of a query, which was validated against the specification before.

use std::str::FromStr;

use crate::refusal::Refusal;

/// The parameters of a query.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn read(query: Option<&str>) -> Self {
        let query = query.unwrap_or_default().as_bytes();
        Self(form_urlencoded::parse(query).into_owned().collect())
    }

    /// A parameter, if it is there.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some((_, value)) = self.0.iter().find(|(known, _)| known == name) else {
            return Ok(None);
        };
        let wrong = |_| Refusal::malformed(format!("{name}: {value:?} is not as it should be."));
        value.parse().map(Some).map_err(wrong)
    }

    /// A whole number; one that is too large for us is as large as can be.
    pub fn whole(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let text: Option<String> = self.get(name)?;
        let digits = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
        match text.filter(|text| text.is_empty() || !digits(text)) {
            Some(text) => Err(Refusal::malformed(format!(
                "{name}: {text:?} is not a whole number."
            ))),
            None => Ok(self
                .get::<String>(name)?
                .map(|text| text.parse().unwrap_or(u64::MAX))),
        }
    }
}
