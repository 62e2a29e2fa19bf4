//! The program: what it prints, what it takes, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-batch-sandbox"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A program that runs, and where it listens.
struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.strip_prefix("sandbox listening on http://");
        let address = address
            .unwrap_or_else(|| panic!("{line:?}"))
            .trim_end()
            .to_owned();
        Self {
            child,
            output,
            address,
        }
    }

    /// Sends a request, and reads the answer as text.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program says that is to end at once, and with an error.
fn refused(arguments: &[&str]) -> String {
    let output = command(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(output.stdout.is_empty());
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.starts_with("error: ") && error.ends_with('\n'),
        "{error}"
    );
    error
}

#[test]
fn it_says_where_it_listens_and_what_there_is() {
    let running = Running::start(&["--listen", "127.0.0.1:0", "--seed", "7"]);
    assert!(running.address.starts_with("127.0.0.1:") && !running.address.ends_with(":0"));
    let fixtures = running.ask("GET", "/sandbox/world", "");
    assert!(fixtures.starts_with("HTTP/1.1 200 OK\r\n"), "{fixtures}");
    for part in [
        "\"token\":\"sandbox-token-7\"",
        "\"recordIds\":[",
        &running.address,
    ] {
        assert!(fixtures.contains(part), "{part} in {fixtures}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_cleanly() {
    for signal in ["INT", "TERM"] {
        let mut running = Running::start(&["--listen", "127.0.0.1:0"]);
        // A connection that is open does not keep it.
        let idle = TcpStream::connect(&running.address).unwrap();
        let id = running.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        assert_eq!(running.child.wait().unwrap().code(), Some(0), "{signal}");
        let mut rest = String::new();
        running.output.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("sandbox-token-1"), "{rest}");
        let mut error = String::new();
        running
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut error)
            .unwrap();
        assert_eq!(error, "");
        drop(idle);
    }
}

#[test]
fn help_is_printed_and_nothing_started() {
    let Output { status, stdout, .. } = command(&["--help"]).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    assert!(status.success());
    for flag in [
        "--listen",
        "--seed",
        "--speed",
        "--faults",
        "--clock",
        "--settings",
        "--allow-remote",
    ] {
        assert!(text.contains(flag), "{flag}");
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = refused(&["--listen", &address]);
    assert!(
        error.contains(&address) && error.contains("taken"),
        "{error}"
    );
}

#[test]
fn mistakes_are_told_in_one_line() {
    for (arguments, said) in [
        (&["--lisen", "x"][..], "--lisen"),
        (&["extra"], "extra"),
        (&["--listen"], "--listen"),
        (&["--listen", "8787"], "\"8787\""),
        (&["--listen", "127.0.0.1:99999"], "\"127.0.0.1:99999\""),
        (&["--listen", "0.0.0.0:0"], "--allow-remote"),
        (&["--listen", "[::]:0"], "--allow-remote"),
        (&["--seed", "-1"], "\"-1\" is not a whole number from 0 on"),
        (&["--speed", "fast"], "\"fast\" is not a number from 0 on"),
        (&["--speed", "-1"], "-1 is not a number from 0 on"),
        (&["--speed", "NaN"], "NaN is not a number from 0 on"),
        (
            &["--clock", "today"],
            "\"today\" is neither now nor a time such as 2026-01-15T10:00:00Z",
        ),
        (
            &["--clock", "9000-01-01T00:00:00Z"],
            "not between the years 1970 and 8000",
        ),
        (&["--settings", "/nowhere.json"], "/nowhere.json"),
        (
            &["--faults", "/nowhere/at/all.json"],
            "/nowhere/at/all.json",
        ),
    ] {
        let error = refused(arguments);
        assert!(error.contains(said), "{said:?} in {error}");
    }
}

#[test]
fn its_clocks_and_the_order_of_its_list_are_given() {
    let path = std::env::temp_dir().join(format!("sandbox-settings-{}.json", std::process::id()));
    let name = path.to_str().unwrap();
    std::fs::write(&path, r#"{ "dateOffset": -60, "order": "oldestFirst" }"#).unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--speed", "0"];
    let given = ["--clock", "2027-02-03T04:05:06Z", "--settings", name];
    let running = Running::start(&[&listen[..], &given].concat());
    let response = running.ask("GET", "/v1/orchestration/batches/list", "");
    assert!(
        response.contains("date: Wed, 03 Feb 2027 04:04:06 GMT"),
        "{response}"
    );
    let settings = running.ask("GET", "/sandbox/settings", "");
    assert!(settings.contains(r#""order":"oldestFirst""#), "{settings}");
    drop(running);

    let running = Running::start(&[&listen[..], &["--clock", "now"]].concat());
    let fixtures = running.ask("GET", "/sandbox/world", "");
    let (_, now) = fixtures.split_once(r#""now":""#).unwrap();
    let now = chrono::DateTime::parse_from_rfc3339(now.split('"').next().unwrap());
    // By a clock that may be set meanwhile, but hardly by an hour.
    let now = std::time::SystemTime::from(now.unwrap());
    let apart = now.elapsed().unwrap_or_else(|ahead| ahead.duration());
    assert!(apart.as_secs() < 3600, "{fixtures}");

    std::fs::write(&path, r#"{ "order": "none" }"#).unwrap();
    let error = refused(&["--settings", name]);
    assert!(
        error.contains(name) && error.contains("`newestFirst`"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn others_can_reach_it_if_that_is_allowed() {
    let running = Running::start(&["--listen", "0.0.0.0:0", "--allow-remote"]);
    assert!(
        running.address.starts_with("0.0.0.0:"),
        "{}",
        running.address
    );
}

#[test]
fn faults_come_from_a_file_and_a_wrong_one_is_told() {
    let path = std::env::temp_dir().join(format!("sandbox-faults-{}.json", std::process::id()));
    let name = path.to_str().unwrap();
    let plan = r#"{ "rules": [{ "operation": "get_batch", "fault": { "kind": "badGateway" } }] }"#;
    std::fs::write(&path, plan).unwrap();
    let running = Running::start(&["--listen", "127.0.0.1:0", "--faults", name]);
    let known = "/v1/orchestration/batches/00000000-0000-4000-8000-000000000000";
    let answer = running.ask("GET", known, "");
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");

    for (text, said) in [
        ("{", "EOF"),
        ("{}", "rules"),
        (
            r#"{ "rules": [{ "fault": { "kind": "fire" } }] }"#,
            "`fire`",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = refused(&["--listen", "127.0.0.1:0", "--faults", name]);
        assert!(error.contains(name) && error.contains(said), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
}
