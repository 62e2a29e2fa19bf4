//! Conditions written in SQL.
//!
//! The dialect of the API is not documented. The sandbox knows the columns of the model, literals,
//! comparisons, `LIKE`, `IN`, `BETWEEN`, `IS NULL`, `IS TRUE`, `AND`, `OR`, `NOT` and parentheses.

use std::cmp::Ordering;

use cargo_batch_types::Record;
use serde_json::{Value, json};
use sqlparser::ast::{BinaryOperator as Binary, Expr, InTarget, UnaryOperator, Value as Literal};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::order;
use crate::fixtures::Model;

/// Whether the record passes the clause.
pub fn passes(clause: &str, model: &Model, record: &Record) -> Result<bool, String> {
    let mut parser = Parser::new(&GenericDialect {})
        .with_recursion_limit(30)
        .try_with_sql(clause)
        .map_err(|error| error.to_string())?;
    let expression = parser.parse_expr().map_err(|error| error.to_string())?;
    let rest = parser.peek_token();
    if rest.token != sqlparser::tokenizer::Token::EOF {
        return Err(format!("{rest} is left over at the end of the clause"));
    }
    let row = Row { model, record };
    Ok(row.truth(&expression)? == Some(true))
}

struct Row<'a> {
    model: &'a Model,
    record: &'a Record,
}

impl Row<'_> {
    /// True, false, or unknown where a value is missing.
    fn truth(&self, expression: &Expr) -> Result<Option<bool>, String> {
        let not = |negated: bool, truth: Option<bool>| truth.map(|truth| truth != negated);
        Ok(match expression {
            Expr::Nested(inner) => self.truth(inner)?,
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => not(true, self.truth(expr)?),
            Expr::BinaryOp { left, op, right } => match op {
                Binary::And => match (self.truth(left)?, self.truth(right)?) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                },
                Binary::Or => match (self.truth(left)?, self.truth(right)?) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                },
                other => {
                    let order = compared(&self.value(left)?, &self.value(right)?);
                    let fits = fits(other)?;
                    order.map(fits)
                }
            },
            Expr::IsNull(inner) => Some(self.value(inner)?.is_null()),
            Expr::IsNotNull(inner) => Some(!self.value(inner)?.is_null()),
            Expr::IsTrue(inner) => Some(self.truth(inner)? == Some(true)),
            Expr::IsFalse(inner) => Some(self.truth(inner)? == Some(false)),
            Expr::In {
                expr,
                target: InTarget::List(list),
                negated,
                global: false,
            } => {
                let value = self.value(expr)?;
                let mut any = false;
                for item in list {
                    any |= compared(&value, &self.value(item)?) == Some(Ordering::Equal);
                }
                not(*negated, (!value.is_null()).then_some(any))
            }
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let value = self.value(expr)?;
                let low = compared(&value, &self.value(low)?);
                let high = compared(&value, &self.value(high)?);
                let both = low.zip(high).map(|(low, high)| low.is_ge() && high.is_le());
                not(*negated, both)
            }
            Expr::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char: None,
            } => match (self.value(expr)?, self.value(pattern)?) {
                (Value::String(text), Value::String(pattern)) => {
                    let pattern: Vec<char> = pattern.chars().collect();
                    let text: Vec<char> = text.chars().collect();
                    Some(like(&text, &pattern) != *negated)
                }
                _ => None,
            },
            other => self.value(other)?.as_bool(),
        })
    }

    fn value(&self, expression: &Expr) -> Result<Value, String> {
        let column = |name: &str| match self.model.column(name) {
            Some(_) => Ok(self.record.get(name).cloned().unwrap_or_default()),
            None => Err(format!("there is no column {name:?}")),
        };
        match expression {
            Expr::Nested(inner) => self.value(inner),
            Expr::Identifier(name) => column(&name.value),
            Expr::Value(literal) => match &literal.value {
                Literal::Number(text, _) => text
                    .parse::<f64>()
                    .map(|number| json!(number))
                    .map_err(|error| error.to_string()),
                Literal::SingleQuotedString(text) => Ok(json!(text)),
                Literal::Boolean(truth) => Ok(json!(truth)),
                Literal::Null => Ok(Value::Null),
                other => Err(format!("the sandbox knows no literal {other}")),
            },
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match self.value(expr)?.as_f64() {
                Some(number) => Ok(json!(-number)),
                None => Err(format!("{expr} is no number")),
            },
            other => Err(format!("the sandbox can't evaluate {other}")),
        }
    }
}

/// Nothing where a value is missing.
fn compared(one: &Value, other: &Value) -> Option<Ordering> {
    (!one.is_null() && !other.is_null()).then(|| order(one, other))
}

fn fits(operator: &Binary) -> Result<fn(Ordering) -> bool, String> {
    Ok(match operator {
        Binary::Eq => Ordering::is_eq,
        Binary::NotEq => Ordering::is_ne,
        Binary::Lt => Ordering::is_lt,
        Binary::LtEq => Ordering::is_le,
        Binary::Gt => Ordering::is_gt,
        Binary::GtEq => Ordering::is_ge,
        other => return Err(format!("the sandbox knows no operator {other}")),
    })
}

/// `%` is any text, `_` any character.
fn like(text: &[char], pattern: &[char]) -> bool {
    // Which beginnings of the text the pattern so far matches.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        match wanted {
            '%' => {
                let first = ends.iter().position(|end| *end).unwrap_or(next.len());
                next.iter_mut().skip(first).for_each(|end| *end = true);
            }
            wanted => {
                for (n, is) in text.iter().enumerate() {
                    next[n + 1] = ends[n] && (*wanted == '_' || wanted == is);
                }
            }
        }
        ends = next;
    }
    ends.last() == Some(&true)
}
