//! Panics of progenitor and typify, as messages: no backtrace says anything to who edits the specification.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls it; what it panics with is an error like those that it returns.
pub fn caught<T>(generate: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                others(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(generate));
    QUIET.set(outer);
    outcome.unwrap_or_else(|panic| {
        let text = match panic.downcast_ref::<String>() {
            Some(text) => text,
            None => panic.downcast_ref::<&str>().copied().unwrap_or_default(),
        };
        Err(format!(
            "the generator panicked ({text}): it doesn't know this form, and a rule is missing in xtask/src/spec/lint; \
             write it as the others are written"
        ))
    })
}
