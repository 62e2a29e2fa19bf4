//! A gigabyte of results that is cut again and again. Alone in its program, whose memory is measured.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use cargo_batch_client::Client;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_tests::script::{Script, Seen, json, uuid};
use futures_util::{StreamExt, stream};
use serde_json::json as value;
use tokio::io::AsyncWrite;

/// How often the transfer is cut.
const CUTS: u64 = 20;

/// The file is made of blocks: each begins with its number, and goes on with a part of the noise.
const BLOCK: usize = 64 << 10;

/// Some bytes in no order.
static NOISE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state: u64 = 1;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..(4 * BLOCK)).map(next).collect()
});

/// What stands at a place of the file, up to the end of something there.
fn content(at: u64) -> Bytes {
    let (block, within) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
    let number = block.to_be_bytes();
    if within < number.len() {
        return Bytes::copy_from_slice(&number[within..]);
    }
    let first = (block as usize).wrapping_mul(7919) % (3 * BLOCK);
    NOISE.slice(first + within..first + BLOCK)
}

/// The bytes from one place up to another, made as they are sent.
fn between(start: u64, end: u64) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    stream::unfold(start, move |at| async move {
        let mut piece = content(at);
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        piece.truncate(left);
        (left > 0).then(|| {
            let next = at + piece.len() as u64;
            (Ok(piece), next)
        })
    })
}

/// What storage sends of a file of that size: each time up to the next cut, and in the end the rest.
fn served(seen: &Seen, size: u64) -> Response<Body> {
    let start = match seen.headers.get("range") {
        Some(range) => {
            assert_eq!(seen.headers["if-range"], "\"v1\"");
            let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
            range.strip_suffix('-').unwrap().parse().unwrap()
        }
        None => 0,
    };
    let mut response = Response::builder()
        .header("etag", "\"v1\"")
        .header("content-length", size - start);
    if start > 0 {
        let range = format!("bytes {start}-{}/{size}", size - 1);
        response = response.status(206).header("content-range", range);
    }
    let turn = seen.number as u64 + 1;
    if turn > CUTS {
        return response
            .body(Body::from_stream(between(start, size)))
            .unwrap();
    }
    let end = (size / (CUTS + 1) * turn + 12_345 * turn).min(size - 1);
    // The pause lets what came before the cut out of the server's buffer.
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let body = Body::from_stream(between(start, end).chain(cut));
    response.body(body).unwrap()
}

/// A file of that size in storage, and a client of the API that gives a link to it.
async fn set_up(size: u64) -> (Script, Client) {
    let storage = Script::start(move |seen| served(seen, size)).await;
    let link = format!("{}/results.csv?signature=hush", storage.base_url());
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    (storage, api.client())
}

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

/// Takes what is written to it, as long as it is the file.
#[derive(Default)]
struct Same {
    at: u64,
}

impl Same {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let wanted = content(self.at);
            let length = wanted.len().min(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            assert!(piece == &wanted[..length], "other bytes at {}", self.at);
            self.at += length as u64;
            bytes = rest;
        }
    }
}

impl AsyncWrite for Same {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Downloads a file of that size, and holds every byte of it against what was sent.
async fn arrives(size: u64) {
    let (storage, client) = set_up(size).await;
    let mut same = Same::default();
    let bytes = client.batch(id()).download().to_writer(&mut same).await;
    assert_eq!((bytes.unwrap(), same.at), (size, size));
    assert_eq!(storage.seen().len() as u64, CUTS + 1);
}

/// A line of what Linux tells of this process, in bytes.
#[cfg(target_os = "linux")]
fn of_status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

#[tokio::test(start_paused = true)]
async fn a_gigabyte_that_is_cut_twenty_times_arrives_whole_in_flat_memory() {
    // What the first transfer needs, whatever its size, is there from then on.
    arrives(64 << 20).await;
    #[cfg(target_os = "linux")]
    let before = of_status("VmHWM:");
    arrives(1 << 30).await;
    #[cfg(target_os = "linux")]
    {
        let grown = of_status("VmHWM:") - before;
        eprintln!("the peak grew by {grown} bytes, to {}", before + grown);
        assert!(grown < 16 << 20, "{grown} bytes more");
    }
    // The same to disk, where there is less space.
    const SIZE: u64 = 100_000_000;
    let (storage, client) = set_up(SIZE).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let bytes = client.batch(id()).download().to_file(&path).await.unwrap();
    assert_eq!((bytes, storage.seen().len() as u64), (SIZE, CUTS + 1));
    let mut same = Same::default();
    let mut file = std::fs::File::open(&path).unwrap();
    let mut piece = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut file, &mut piece).unwrap() {
            0 => break,
            length => same.take(&piece[..length]),
        }
    }
    assert_eq!(same.at, SIZE);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
