//! Any file as rows: the same rows wherever it is cut, and whether or not it is gzipped.
//!
//! The first two bytes say where it is cut, the rest is the file.
#![no_main]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use cargo_batch_client::fuzzing::rows;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Small enough for a file to have rows that are longer.
const CAP: usize = 2000;

#[derive(Debug, Deserialize, PartialEq)]
#[allow(dead_code)] // Its fields are compared.
struct Lead {
    name: String,
    age: Option<u32>,
    score: Option<f64>,
}

/// What serde keeps before it is known what for.
#[derive(Debug, Deserialize)]
#[allow(dead_code)] // Its fields are compared.
struct Flat {
    name: Option<String>,
    #[serde(flatten)]
    rest: Either,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code)] // Their fields are compared.
enum Either {
    Scored { score: f64, age: Option<i8> },
    Texts(BTreeMap<String, String>),
}

/// What is the same however a file arrives.
fn seen<T: DeserializeOwned + std::fmt::Debug>(pieces: Vec<Bytes>) -> Vec<String> {
    let (rows, error) = rows::<T>(pieces, CAP);
    let rows = rows.into_iter().map(|row| format!("{row:?}"));
    rows.chain(error.map(|error| error.to_string())).collect()
}

fn check<T: DeserializeOwned + std::fmt::Debug>(cut: usize, step: usize, file: &Bytes) {
    let whole = seen::<T>(vec![file.clone()]);
    let cut = cut % (file.len() + 1);
    if file.starts_with(&[0x1f, 0x8b]) {
        // How many rows come before the place where gzip is broken depends on the pieces.
        seen::<T>(vec![file.slice(..cut), file.slice(cut..)]);
        return;
    }
    assert_eq!(whole, seen::<T>(vec![file.slice(..cut), file.slice(cut..)]));
    let pieces: Vec<Bytes> = file
        .chunks(step)
        .map(|piece| file.slice_ref(piece))
        .collect();
    assert_eq!(whole, seen::<T>(pieces));
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(file).expect("memory is written");
    let zipped = Bytes::from(writer.finish().expect("memory is written"));
    let pieces = zipped.chunks(step).map(|piece| zipped.slice_ref(piece));
    assert_eq!(whole, seen::<T>(pieces.collect()));
    // Cut short it isn't whole, but no reason to panic.
    seen::<T>(vec![zipped.slice(..cut.min(zipped.len()))]);
}

fuzz_target!(|data: &[u8]| {
    let [cut, step, file @ ..] = data else {
        return;
    };
    let file = Bytes::copy_from_slice(file);
    let (cut, step) = (usize::from(*cut), usize::from(*step).max(1));
    check::<Lead>(cut, step, &file);
    check::<BTreeMap<String, String>>(cut, step, &file);
    check::<serde_json::Value>(cut, step, &file);
    check::<Flat>(cut, step, &file);
});
