//! How one value compares.

use std::borrow::Cow;
use std::cmp::Ordering;

use cargo_batch_types::{
    BooleanComparison, DateComparison, NumberComparison, ObjectComparison,
    ObjectPropertyComparison, ObjectPropertyCondition, PresenceComparison, StringComparison,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use super::{Verdict, combine, order};

fn unknown(operator: &str) -> Verdict {
    Err(format!(
        "an operator {operator:?} without the operands of that operator"
    ))
}

pub fn string(value: &Value, comparison: &StringComparison) -> Verdict {
    use StringComparison as Is;
    let text = value.as_str();
    let any = |operands: &cargo_batch_types::StringOperand, meets: fn(&str, &str) -> bool| {
        let mut operands = operands.values.as_slice().iter();
        text.is_some_and(|text| operands.any(|operand| meets(text, operand)))
    };
    let contains = |text: &str, operand: &str| text.contains(operand);
    Ok(match comparison {
        Is::Is(to) => any(to, |text, operand| text == operand),
        Is::IsNot(to) => !any(to, |text, operand| text == operand),
        Is::Contains(to) => any(to, contains),
        Is::DoesNotContain(to) => !any(to, contains),
        Is::StartsWith(to) => any(to, |text, operand| text.starts_with(operand)),
        Is::EndsWith(to) => any(to, |text, operand| text.ends_with(operand)),
        Is::IsNull => value.is_null(),
        Is::IsNotNull => !value.is_null(),
        Is::IsEmpty => text == Some(""),
        Is::IsNotEmpty => text.is_some_and(|text| !text.is_empty()),
        other => return unknown(other.tag()),
    })
}

pub fn number(value: &Value, comparison: &NumberComparison) -> Verdict {
    use NumberComparison as Is;
    let number = value.as_f64();
    let compared = |to: f64| number.map(|number| number.total_cmp(&to));
    Ok(match comparison {
        Is::Is(to) => number == Some(to.value),
        Is::IsNot(to) => number != Some(to.value),
        Is::GreaterThan(to) => compared(to.value) == Some(Ordering::Greater),
        Is::LowerThan(to) => compared(to.value) == Some(Ordering::Less),
        Is::Between(range) => {
            number.is_some_and(|number| (range.first_value..=range.last_value).contains(&number))
        }
        Is::IsNull => value.is_null(),
        Is::IsNotNull => !value.is_null(),
        other => return unknown(other.tag()),
    })
}

/// A moment, and whether it means the entire day.
fn moment(text: &str) -> Result<(DateTime<Utc>, bool), String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok((moment.to_utc(), false));
    }
    let day = text.parse::<NaiveDate>().ok();
    let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0));
    midnight
        .map(|midnight| (midnight.and_utc(), true))
        .ok_or_else(|| format!("{text:?} is not a date such as 2026-01-15 or 2026-01-15T10:00:00Z"))
}

pub fn date(value: &Value, comparison: &DateComparison) -> Verdict {
    use DateComparison as Is;
    let is = value.as_str().and_then(|text| moment(text).ok());
    let compared = |to: &str| {
        let (to, day) = moment(to)?;
        Ok::<_, String>(is.map(|(is, _)| match day {
            true => is.date_naive().cmp(&to.date_naive()),
            false => is.cmp(&to),
        }))
    };
    Ok(match comparison {
        Is::Is(to) => compared(&to.value)? == Some(Ordering::Equal),
        Is::IsNot(to) => compared(&to.value)? != Some(Ordering::Equal),
        Is::GreaterThan(to) => compared(&to.value)? == Some(Ordering::Greater),
        Is::LowerThan(to) => compared(&to.value)? == Some(Ordering::Less),
        Is::Between(range) => {
            let first = compared(&range.first_value)?;
            let last = compared(&range.last_value)?;
            first.is_some_and(Ordering::is_ge) && last.is_some_and(Ordering::is_le)
        }
        Is::IsNull => value.is_null(),
        Is::IsNotNull => !value.is_null(),
        other => return unknown(other.tag()),
    })
}

pub fn boolean(value: &Value, comparison: &BooleanComparison) -> Verdict {
    use BooleanComparison as Is;
    Ok(match comparison {
        Is::IsTrue => *value == true,
        Is::IsFalse => *value == false,
        Is::IsNull => value.is_null(),
        Is::IsNotNull => !value.is_null(),
        other => return unknown(other.tag()),
    })
}

/// An object, or an array in which one item is enough.
pub fn object(value: &Value, comparison: &ObjectComparison) -> Verdict {
    use ObjectComparison as Is;
    match comparison {
        Is::MatchConditions(to) => {
            let fits = |item: &Value| {
                let conditions = to.property_conditions.iter();
                combine(
                    &to.conjonction,
                    conditions.map(|condition| property(item, condition)),
                )
            };
            match value {
                Value::Array(items) => items
                    .iter()
                    .try_fold(false, |any, item| Ok(fits(item)? || any)),
                Value::Object(_) => fits(value),
                // Nothing fits, but a mistake in the conditions is found all the same.
                other => fits(other).map(|_| false),
            }
        }
        Is::IsNull => Ok(value.is_null()),
        Is::IsNotNull => Ok(!value.is_null()),
        other => unknown(other.tag()),
    }
}

pub fn property(value: &Value, condition: &ObjectPropertyCondition) -> Verdict {
    use ObjectPropertyComparison as Is;
    let value = value.get(&condition.property_name).unwrap_or(&Value::Null);
    let text = (!value.is_null()).then(|| text(value));
    let meets = |meets: &dyn Fn(&str) -> bool| text.as_deref().is_some_and(meets);
    // As numbers if both are, as text otherwise.
    let compared = |to: &str| {
        let text = text.as_deref()?;
        Some(match (text.parse::<f64>(), to.parse::<f64>()) {
            (Ok(is), Ok(to)) => is.total_cmp(&to),
            _ => text.cmp(to),
        })
    };
    Ok(match &condition.operator {
        Is::Is(to) => meets(&|text| text == to.value),
        Is::IsNot(to) => !meets(&|text| text == to.value),
        Is::Contains(to) => meets(&|text| text.contains(&to.value)),
        Is::DoesNotContain(to) => !meets(&|text| text.contains(&to.value)),
        Is::StartsWith(to) => meets(&|text| text.starts_with(&to.value)),
        Is::EndsWith(to) => meets(&|text| text.ends_with(&to.value)),
        Is::GreaterThan(to) => compared(&to.value) == Some(Ordering::Greater),
        Is::LowerThan(to) => compared(&to.value) == Some(Ordering::Less),
        Is::Between(range) => {
            compared(&range.value).is_some_and(Ordering::is_ge)
                && compared(&range.other_value).is_some_and(Ordering::is_le)
        }
        Is::IsNull => value.is_null(),
        Is::IsNotNull => !value.is_null(),
        Is::IsEmpty => meets(&str::is_empty),
        Is::IsNotEmpty => meets(&|text| !text.is_empty()),
        other => return unknown(other.tag()),
    })
}

pub fn presence(value: &Value, comparison: &PresenceComparison) -> Verdict {
    match comparison {
        PresenceComparison::IsNull => Ok(value.is_null()),
        PresenceComparison::IsNotNull => Ok(!value.is_null()),
        other => unknown(other.tag()),
    }
}

/// A value as text: that of a string as it is, others as JSON.
pub fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// The order of values in a column: what there is not comes last.
pub fn values(one: &Option<Value>, other: &Option<Value>) -> Ordering {
    let there = |value: &Option<Value>| value.clone().filter(|value| !value.is_null());
    match (there(one), there(other)) {
        (Some(one), Some(other)) => order(&one, &other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}
