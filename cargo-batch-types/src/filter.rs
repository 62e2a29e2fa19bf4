//! Filters, in the words of the person who filters.

use crate::{Condition, Conjonction, Filter, FilterGroup};

impl Filter {
    /// Keeps the records that meet this and everything that is added [`with`](Self::with).
    ///
    /// A filter starts with a condition, because one without any enrols every record of the model.
    ///
    /// ```
    /// use cargo_batch_types::{Filter, FilterGroup, NumberCondition, StringCondition};
    ///
    /// let filter = Filter::all(StringCondition::is("country", ["France", "Spain"]))
    ///     .with(NumberCondition::greater_than("employees", 50))
    ///     .with(
    ///         FilterGroup::any(StringCondition::contains("title", "CTO"))
    ///             .with(StringCondition::contains("title", "founder")),
    ///     );
    /// assert_eq!(filter.groups.len(), 3);
    /// ```
    pub fn all(first: impl Into<FilterGroup>) -> Self {
        Self {
            conjonction: Conjonction::And,
            groups: vec![first.into()],
        }
    }

    /// Keeps the records that meet this or anything that is added [`with`](Self::with).
    pub fn any(first: impl Into<FilterGroup>) -> Self {
        Self {
            conjonction: Conjonction::Or,
            groups: vec![first.into()],
        }
    }

    /// Adds a condition, or a group of them.
    pub fn with(mut self, next: impl Into<FilterGroup>) -> Self {
        self.groups.push(next.into());
        self
    }
}

impl FilterGroup {
    /// Met when this and everything that is added [`with`](Self::with) is.
    pub fn all(first: impl Into<Condition>) -> Self {
        Self {
            conjonction: Conjonction::And,
            conditions: vec![first.into()],
        }
    }

    /// Met when this or anything that is added [`with`](Self::with) is.
    pub fn any(first: impl Into<Condition>) -> Self {
        Self {
            conjonction: Conjonction::Or,
            conditions: vec![first.into()],
        }
    }

    /// Adds a condition.
    pub fn with(mut self, next: impl Into<Condition>) -> Self {
        self.conditions.push(next.into());
        self
    }
}

/// A single condition is a group of one.
impl<C: Into<Condition>> From<C> for FilterGroup {
    fn from(condition: C) -> Self {
        Self::all(condition)
    }
}
