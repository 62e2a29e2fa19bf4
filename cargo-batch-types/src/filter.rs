//! Filters of records.

use crate::{Condition, Conjonction, Filter, FilterGroup};

impl Filter {
    /// Creates a filter of the records that meet this and everything that is added [`with`](Self::with).
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

    /// Creates a filter of the records that meet this or anything that is added [`with`](Self::with).
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
    /// Creates a group that is met when this and everything that is added [`with`](Self::with) is.
    pub fn all(first: impl Into<Condition>) -> Self {
        Self {
            conjonction: Conjonction::And,
            conditions: vec![first.into()],
        }
    }

    /// Creates a group that is met when this or anything that is added [`with`](Self::with) is.
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

/// A single condition, or a group of them, is a filter.
///
/// ```
/// use cargo_batch_types::{CreateFilterData, InvalidId, ModelUuid, StringCondition};
///
/// let model: ModelUuid = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse()?;
/// CreateFilterData::new(model, StringCondition::is("country", ["France"])).limit(500);
/// // All records of the model, each of which may cost credits, need a constructor of their own.
/// CreateFilterData::whole_model(model);
/// # Ok::<(), InvalidId>(())
/// ```
///
/// A filter that was forgotten doesn't compile:
///
/// ```compile_fail,E0061
/// # let model: cargo_batch_types::ModelUuid = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap();
/// cargo_batch_types::CreateFilterData::new(model);
/// ```
impl<C: Into<Condition>> From<C> for Filter {
    fn from(condition: C) -> Self {
        Self::all(condition)
    }
}

impl From<FilterGroup> for Filter {
    fn from(group: FilterGroup) -> Self {
        Self::all(group)
    }
}

/// A single condition is a group of one.
impl<C: Into<Condition>> From<C> for FilterGroup {
    fn from(condition: C) -> Self {
        Self::all(condition)
    }
}
