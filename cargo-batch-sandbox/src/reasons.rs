#![doc = include_str!("../REASONS.md")]
