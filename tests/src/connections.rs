//! An HTTP/1 server on threads of its own, so that it continues while a program blocks its runtime, and
//! whose connections a test ends or writes to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What has been received.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// How many connections were accepted.
    pub connections: usize,
    /// The first line of each request, and its headers.
    pub requests: Vec<String>,
}

#[derive(Default)]
struct State {
    received: Received,
    open: Vec<TcpStream>,
}

/// A server; its threads end with their connections, or the process.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Starts a server on an address, such as `127.0.0.1:0`, that responds to every request with a
    /// body of JSON.
    ///
    /// # Panics
    /// When the address can't be had.
    pub fn start(address: &str, body: impl Into<String>) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let (shared, body) = (state.clone(), Arc::<str>::from(body.into()));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, body) = (shared.clone(), body.clone());
                {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    state.received.connections += 1;
                    state.open.extend(stream.try_clone());
                }
                // A connection that breaks off is the client's business.
                std::thread::spawn(move || serve(&stream, &state, &body));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its API is.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What it has received.
    pub fn received(&self) -> Received {
        self.lock().received.clone()
    }

    /// Closes all connections; when it returns, their ends are on their way.
    pub fn close(&self) {
        for stream in self.lock().open.drain(..) {
            // One that the client has closed has an end already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Writes a response that no request asked for to all connections.
    pub fn write_stray(&self, body: &str) {
        self.lock()
            .open
            .retain_mut(|stream| stream.write_all(response(body).as_bytes()).is_ok());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn response(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn serve(mut stream: &TcpStream, state: &Mutex<State>, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse().ok())?
        });
        let length = length.unwrap_or_default();
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.received.requests.push(head);
        }
        stream.write_all(response(body).as_bytes())?;
    }
}
