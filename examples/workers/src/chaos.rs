//! Points at which a test ends or freezes this process; without the feature `chaos` they do nothing.

/// Ends the process (`WORKERS_CHAOS=kill:PROBABILITY`) or freezes it (`WORKERS_CHAOS=freeze:POINT`).
#[cfg(feature = "chaos")]
pub fn point(name: &str) {
    use std::hash::{BuildHasher, Hasher};

    let Ok(chaos) = std::env::var("WORKERS_CHAOS") else {
        return;
    };
    match chaos.split_once(':') {
        Some(("kill", probability)) => {
            let random = std::hash::RandomState::new().build_hasher().finish() % 1000;
            if (random as f64) < 1000.0 * probability.parse().unwrap_or(0.0) {
                eprintln!("killed at {name}");
                // No destructor runs, as with `kill -9`.
                std::process::abort();
            }
        }
        Some(("freeze", at)) if at == name => {
            eprintln!("frozen at {name}");
            let pid = std::process::id().to_string();
            let _ = std::process::Command::new("kill")
                .args(["-STOP", &pid])
                .status();
        }
        _ => {}
    }
}

#[cfg(not(feature = "chaos"))]
pub fn point(_name: &str) {}
