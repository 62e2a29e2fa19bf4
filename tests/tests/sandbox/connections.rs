//! What a server does to a connection beside its responses.

use std::time::Duration;

use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::sandbox::{Checked, made};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// A kept connection.
struct Kept(TcpStream);

impl Kept {
    async fn open(sandbox: &Sandbox) -> Self {
        Self(TcpStream::connect(sandbox.address()).await.unwrap())
    }

    /// Asks for the list of batches.
    async fn ask(&mut self, sandbox: &Sandbox) {
        let request = format!(
            "GET /v1/orchestration/batches/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            sandbox.token()
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads up to the end of a text.
    async fn read_to(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let read = timeout(Duration::from_secs(1000), self.0.read_u8()).await;
            text.push(read.expect("something comes").unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads what still comes, if the connection ends.
    async fn rest(&mut self) -> Option<String> {
        let mut text = String::new();
        let read = self.0.read_to_string(&mut text);
        timeout(Duration::from_secs(1000), read).await.ok()?.ok()?;
        Some(text)
    }
}

/// The end of an empty list.
const END: &str = r#"{"batches":[]}"#;

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    for seconds in [0.0, 10.0] {
        let (sandbox, _) = Checked::start().await;
        let rule = Rule::new(Fault::IdleClose { seconds }).count(1);
        sandbox.faults(rule).await.unwrap();
        let mut kept = Kept::open(&sandbox).await;
        kept.ask(&sandbox).await;
        let head = kept.read_to(END).await.to_lowercase();
        assert!(
            head.starts_with("http/1.1 200 ok") && !head.contains("connection:"),
            "{head}"
        );
        let start = Instant::now();
        assert_eq!(kept.rest().await.as_deref(), Some(""));
        assert_eq!(start.elapsed().as_secs_f64().round(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_used_again_is_not_idle() {
    let (sandbox, _) = Checked::start().await;
    let slow = Fault::Stall {
        seconds: Some(20.0),
        acted: false,
    };
    let plan = FaultPlan::new()
        .rule(Rule::new(Fault::IdleClose { seconds: 10.0 }).count(1))
        .rule(Rule::new(slow).count(1));
    sandbox.faults(plan).await.unwrap();
    let mut kept = Kept::open(&sandbox).await;
    for _ in 0..3 {
        kept.ask(&sandbox).await;
        kept.read_to(END).await;
        tokio::time::sleep(Duration::from_secs(9)).await;
    }
    assert_eq!(kept.rest().await, None, "it is kept");
}

#[tokio::test(start_paused = true)]
async fn bytes_come_that_nobody_asked_for() {
    let (sandbox, _) = Checked::start().await;
    let given = Some("HTTP/1.1 100 Continue\r\n\r\n".to_owned());
    for (bytes, seconds) in [(None, 0.0), (given.clone(), 5.0)] {
        let fault = Fault::StrayBytes { bytes, seconds };
        sandbox.faults(Rule::new(fault).count(1)).await.unwrap();
        let mut kept = Kept::open(&sandbox).await;
        kept.ask(&sandbox).await;
        kept.read_to(END).await;
        let start = Instant::now();
        let stray = match seconds {
            0.0 => kept.read_to(END).await,
            _ => kept.read_to("\r\n\r\n").await,
        };
        assert_eq!(start.elapsed().as_secs_f64().round(), seconds);
        match seconds {
            0.0 => assert_eq!(
                stray,
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{END}",
                    END.len()
                )
            ),
            _ => assert_eq!(Some(stray), given),
        }
        // The connection continues, out of step for a client that doesn't notice.
        kept.ask(&sandbox).await;
        assert!(kept.read_to(END).await.starts_with("HTTP/1.1 200 OK"));
    }
    assert_eq!(sandbox.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_response_comes_before_the_request_has() {
    let (sandbox, _) = Checked::start().await;
    for status in [413, 503] {
        let fault = Fault::EarlyResponse { status };
        sandbox.faults(Rule::new(fault)).await.unwrap();
        let mut kept = Kept::open(&sandbox).await;
        let head = format!(
            "POST /v1/orchestration/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n",
            sandbox.token()
        );
        kept.0.write_all(head.as_bytes()).await.unwrap();
        let response = kept.read_to("</html>\r\n").await.to_lowercase();
        assert!(
            response.starts_with(&format!("http/1.1 {status} ")),
            "{response}"
        );
        assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
        // A client that writes on isn't reset, and then the connection ends.
        kept.0.write_all(&vec![b' '; 1_000_000]).await.unwrap();
        assert_eq!(kept.rest().await.as_deref(), Some(""));
        let request = sandbox.requests().pop().unwrap();
        assert_eq!((request.status, request.body_length), (Some(status), None));
    }
    assert_eq!(made(&sandbox), 0);
}
