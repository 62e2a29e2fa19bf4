//! The file that a download writes: its path, its partial file, and what was there before.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_client::{Client, ErrorKind};
use cargo_batch_tests::script::{Script, Seen, status, uuid};
use futures_util::{StreamExt, stream};

use super::{content, file, id, servers};

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let (_, _, client) = servers(|_| status(500)).await;
    let error = client
        .batch(id())
        .download()
        .to_file("/nowhere/at/all/r.csv")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.to_string().contains("/nowhere/at/all/r.csv"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn downloads_to_one_place_do_not_meet_and_replace_what_was_there() {
    let whole = content(300_000, 1);
    let served = whole.clone();
    let (_, _, client) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    std::fs::write(&path, "of yesterday").unwrap();
    let to_file = || client.batch(id()).download().to_file(path.clone());
    let (left, right) = tokio::join!(to_file(), to_file());
    assert_eq!((left.unwrap(), right.unwrap()), (300_000, 300_000));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    // One that fails, or is dropped on the way, changes nothing.
    let (_, _, client) = servers(|_| status(404)).await;
    let to_file = client.batch(id()).download().to_file(&path);
    to_file.await.unwrap_err();
    let served = whole.clone();
    let (_, _, client) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let (send, moved) = tokio::sync::mpsc::unbounded_channel();
    let mut moved = moved;
    let download = client.batch(id()).download();
    let download = download.on_progress(move |_| send.send(()).unwrap());
    tokio::select! {
        _ = download.to_file(&path) => panic!("it is slower than its first chunk"),
        _ = moved.recv() => {}
    }
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_an_error() {
    let served = content(100_000, 1);
    let (_, _, client) = servers(move |seen| file(seen, &served, "\"v1\"", usize::MAX)).await;
    let full = tokio::fs::File::options()
        .write(true)
        .open("/dev/full")
        .await
        .unwrap();
    let error = client
        .batch(id())
        .download()
        .to_writer(full)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("no storage space"), "{error}");
}

/// Serves the same to all.
async fn serving(content: &'static [u8]) -> (Script, Script, Client) {
    servers(move |seen| file(seen, content, "\"v1\"", usize::MAX)).await
}

#[tokio::test]
async fn invalid_target_paths_are_rejected_before_the_request() {
    let (storage, api, client) = serving(b"email\n").await;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let slash = format!("{}/", folder.path().join("new").display());
    let not_a_folder = folder.path().join("file");
    std::fs::write(&not_a_folder, "").unwrap();
    let mut paths = vec![
        inner.clone(),
        slash.into(),
        "".into(),
        "/".into(),
        inner.join(".."),
        not_a_folder.join("r.csv"),
        folder.path().join("nowhere").join("r.csv"),
        folder.path().join("x".repeat(256)),
    ];
    #[cfg(unix)]
    {
        let around = folder.path().join("around");
        std::os::unix::fs::symlink(&around, &around).unwrap();
        let socket = folder.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        paths.extend([around, socket]);
    }
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    for path in paths {
        let download = client.batch(id()).download().to_file(&path);
        let error = download.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{path:?}");
        let named = format!("cannot write {}", path.display());
        assert!(error.to_string().contains(&named), "{error}");
        let is_of_folder = path == inner || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let text = format!("{error:#}");
        assert_eq!(
            text.contains("it is a folder, not a file"),
            is_of_folder || path.ends_with(".."),
            "{text}"
        );
    }
    assert_eq!((storage.seen().len(), api.seen().len()), (0, 0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
}

#[cfg(unix)]
#[tokio::test]
async fn special_files_are_written_in_place() {
    use std::os::unix::fs::FileTypeExt;

    let (_storage, _api, client) = serving(b"email\n").await;
    let to_file = async |path: &std::path::Path| {
        let download = client.batch(id()).download().to_file(path);
        download.await.unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    // A user who may replace the machine's own `/dev/null` may also create another one to test on.
    let null = folder.path().join("null");
    let created = std::process::Command::new("mknod")
        .args([null.as_os_str(), "c".as_ref(), "1".as_ref(), "3".as_ref()])
        .output();
    let is_created = created.is_ok_and(|created| created.status.success());
    let is_device = is_created && std::fs::write(&null, "").is_ok();
    let device = match is_device {
        true => null.as_path(),
        false => "/dev/null".as_ref(),
    };
    assert_eq!(to_file(device).await, 6);
    let there = std::fs::symlink_metadata(device).unwrap();
    assert!(there.file_type().is_char_device());
    if is_created {
        std::fs::remove_file(&null).unwrap();
    }
    // A pipe, whose reader comes later.
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let reader = pipe.clone();
    let reading = tokio::task::spawn_blocking(move || std::fs::read(reader).unwrap());
    assert_eq!(to_file(&pipe).await, 6);
    assert_eq!(reading.await.unwrap(), b"email\n");
    assert!(
        std::fs::symlink_metadata(&pipe)
            .unwrap()
            .file_type()
            .is_fifo()
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_permissions_stay_as_they_are() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let (_storage, _api, client) = serving(b"email\n").await;
    let to_file = async |path: &std::path::Path| {
        let download = client.batch(id()).download().to_file(path);
        download.await.unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let read = |name: &str| std::fs::read(other.join(name)).unwrap();
    // Over two symbolic links, both relative.
    std::fs::write(other.join("r.csv"), "before").unwrap();
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(other.join("r.csv"), mode).unwrap();
    symlink("r.csv", other.join("link")).unwrap();
    symlink("other/link", folder.path().join("link")).unwrap();
    to_file(&folder.path().join("link")).await;
    assert!(folder.path().join("link").is_symlink() && other.join("link").is_symlink());
    let replaced = std::fs::symlink_metadata(other.join("r.csv")).unwrap();
    assert_eq!(
        (read("r.csv"), replaced.mode() & 0o777),
        (b"email\n".to_vec(), 0o640)
    );
    // To nothing yet.
    symlink("other/new.csv", folder.path().join("dangling")).unwrap();
    to_file(&folder.path().join("dangling")).await;
    assert!(folder.path().join("dangling").is_symlink());
    assert_eq!(read("new.csv"), b"email\n");
    // Of two names of one file both lead to the new one.
    std::fs::write(other.join("one"), "much longer than what comes").unwrap();
    std::fs::hard_link(other.join("one"), other.join("two")).unwrap();
    to_file(&other.join("one")).await;
    assert_eq!(
        (read("one"), read("two")),
        (b"email\n".to_vec(), b"email\n".to_vec())
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 5);
}

/// A folder in which even the superuser creates nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_in_a_folder_that_takes_none_is_written_in_place() {
    let (_storage, _api, client) = serving(b"renamed").await;
    let thread = std::thread::Builder::new();
    let (send, path) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = thread.spawn(move || {
        let comm = std::fs::read_link("/proc/thread-self").unwrap();
        send.send(std::path::Path::new("/proc").join(comm).join("comm"))
            .unwrap();
        let _ = ended.recv();
    });
    let path = path.recv().unwrap();
    let download = client.batch(id()).download().to_file(&path);
    assert_eq!(download.await.unwrap(), 7);
    assert_eq!(std::fs::read(&path).unwrap(), b"renamed\n");
    drop(end);
    thread.unwrap().join().unwrap();
}

#[tokio::test]
async fn a_name_may_be_as_long_as_names_may_be() {
    let (_storage, _api, client) = serving(b"email\n").await;
    let folder = tempfile::tempdir().unwrap();
    for name in ["x".repeat(241), "y".repeat(255), "\u{e9}".repeat(127)] {
        let path = folder.path().join(name);
        // Also where there is one.
        for _ in 0..2 {
            let download = client.batch(id()).download().to_file(&path);
            assert_eq!(download.await.unwrap(), 6);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

/// Copies what a download has written until it is dropped, as if its process had been killed.
async fn killed(client: &Client, folder: &std::path::Path) {
    let (send, mut moved) = tokio::sync::mpsc::unbounded_channel();
    let running = tempfile::tempdir().unwrap();
    let download = client.batch(id()).download();
    let download = download.on_progress(move |step| send.send(step.bytes).unwrap());
    let mut download = std::pin::pin!(download.to_file(running.path().join("r.csv")));
    loop {
        tokio::select! {
            done = &mut download => panic!("{done:?}"),
            bytes = moved.recv() => if bytes.unwrap() >= 40_000 {
                break;
            }
        }
    }
    // What has arrived is written while the rest is waited for.
    let _ = tokio::time::timeout(Duration::from_secs(1), &mut download).await;
    for entry in std::fs::read_dir(running.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
}

/// A file of which 40,000 bytes come, and then nothing, until it is requested again.
fn stalling(seen: &Seen, content: &[u8], etag: &str) -> Response<Body> {
    let mut response = file(seen, content, etag, usize::MAX);
    if seen.number == 0 {
        let some = stream::iter([Ok::<_, std::io::Error>(content[..40_000].to_vec())]);
        *response.body_mut() = Body::from_stream(some.chain(stream::pending()));
    }
    response
}

#[tokio::test(start_paused = true)]
async fn the_partial_file_of_a_killed_process_is_resumed() {
    let whole = content(100_000, 1);
    for (etag, now, range) in [
        ("\"v1\"", "\"v1\"", Some("bytes=40000-")),
        ("\"v1\"", "\"v2\"", Some("bytes=40000-")),
        ("W/\"v1\"", "W/\"v1\"", None),
    ] {
        let (old, new) = (content(100_000, 2), whole.clone());
        let (storage, api, client) = servers(move |seen| match (seen.number, etag == now) {
            (0, false) => stalling(seen, &old, etag),
            _ => stalling(seen, &new, now),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        killed(&client, folder.path()).await;
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(
            left,
            1 + usize::from(range.is_some()),
            "the part and what it is of"
        );
        let path = folder.path().join("r.csv");
        let download = client.batch(id()).download().to_file(&path);
        assert_eq!(download.await.unwrap(), 100_000);
        assert!(std::fs::read(&path).unwrap() == whole, "{etag} {now}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let seen = storage.seen();
        let asked = seen[1].headers.get("range");
        assert_eq!(asked.map(|range| range.to_str().unwrap()), range);
        assert_eq!((seen.len(), api.seen().len()), (2, 2));
    }
    // Another batch's results to the same place are not.
    let served = whole.clone();
    let (storage, _api, client) = servers(move |seen| stalling(seen, &served, "\"v1\"")).await;
    let folder = tempfile::tempdir().unwrap();
    killed(&client, folder.path()).await;
    let other: BatchUuid = uuid(2).parse().unwrap();
    let path = folder.path().join("r.csv");
    client.batch(other).download().to_file(&path).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == whole);
    assert!(!storage.seen()[1].headers.contains_key("range"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
