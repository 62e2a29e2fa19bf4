//! What comes of each record, where a test decides it.

use std::fmt;
use std::sync::Arc;

use cargo_batch_types::Record;

type Decide = dyn Fn(&Record) -> Result<Record, String> + Send + Sync;

/// Decides the outcome of a record: the output columns of its run, or the message it fails with.
#[derive(Clone)]
pub struct Outcomes(Arc<Decide>);

impl Outcomes {
    pub fn new(decide: impl Fn(&Record) -> Result<Record, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    pub fn of(&self, record: &Record) -> Result<Record, String> {
        (self.0)(record)
    }
}

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outcomes")
    }
}
