//! The proxies, their configurations, and a server that can be killed without losing its state.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// The certificate, in the folder of the proxies.
pub const CERTIFICATE: &str = "certificate.pem";
/// Its key, by the name under which haproxy looks for the key of a certificate.
pub const KEY: &str = "certificate.pem.key";

/// Where nginx writes which process gets its signals.
const PID: &str = "nginx.pid";

/// How long a proxy may take to start.
const START: Duration = Duration::from_secs(20);

/// A proxy as users' companies have them, with its defaults where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub program: Program,
    /// What is spoken with the client; with the server it is HTTP/1, over connections that are kept.
    pub protocol: Protocol,
    /// Directives for the whole of nginx.
    pub global: &'static str,
    /// Directives for its server.
    pub server: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Haproxy,
    Nginx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1",
            Self::Http2 => "HTTP/2",
        }
    }
}

impl Program {
    pub fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }
}

/// A running proxy; stopped when this is dropped.
pub struct Proxy {
    process: Child,
    /// The nginx to send signals to.
    nginx: Option<PathBuf>,
    pub base_url: String,
}

impl Proxy {
    /// Starts a proxy for a server, with its files in a folder, and waits until it listens.
    pub async fn start(setup: Setup, server: SocketAddr, folder: &Path) -> io::Result<Self> {
        let address = free_address().await?;
        let name = setup.program.name();
        let log = folder.join(format!("{name}.log"));
        let (text, mut command) = match setup.program {
            Program::Haproxy => {
                let mut command = Command::new(name);
                // In the foreground, as one process.
                command
                    .current_dir(folder)
                    .args(["-db", "-f", "haproxy.conf"]);
                (haproxy(setup, address, server, folder), command)
            }
            Program::Nginx => {
                // One that was killed would have left its own.
                std::fs::remove_file(folder.join(PID)).ok();
                let mut command = nginx_in(folder);
                command.args(["-g", "daemon off;"]);
                (nginx(setup, address, server, folder), command)
            }
        };
        std::fs::write(folder.join(format!("{name}.conf")), text)?;
        let output = File::create(&log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        let mut proxy = Self {
            process,
            nginx: (setup.program == Program::Nginx).then(|| folder.to_owned()),
            base_url: format!("https://{address}/v1"),
        };
        match timeout(START, proxy.listens(address)).await {
            Ok(true) => Ok(proxy),
            _ => {
                let log = std::fs::read_to_string(log)?;
                Err(io::Error::other(format!("{name} doesn't start: {log}")))
            }
        }
    }

    /// Waits until it listens, and signals reach it; false where it ends instead.
    async fn listens(&mut self, address: SocketAddr) -> bool {
        while matches!(self.process.try_wait(), Ok(None)) {
            let has_pid = self.nginx.as_ref().is_none_or(|folder| {
                std::fs::metadata(folder.join(PID)).is_ok_and(|file| file.len() > 0)
            });
            if has_pid && TcpStream::connect(address).await.is_ok() {
                return true;
            }
            sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Has nginx read its configuration again: new processes take the new connections, the old ones end
    /// theirs.
    pub async fn reload(&self) -> io::Result<()> {
        let Some(folder) = &self.nginx else {
            return Err(io::Error::other("only nginx is reloaded"));
        };
        let mut command = tokio::process::Command::from(nginx_in(folder));
        let output = command.args(["-s", "reload"]).output().await?;
        match output.status.success() {
            true => Ok(()),
            false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr))),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx is several processes, which end with the first only if that can tell them.
        let is_stopping = self.nginx.as_ref().is_some_and(|folder| {
            let status = nginx_in(folder).args(["-s", "stop"]).status();
            status.is_ok_and(|status| status.success())
        });
        if !is_stopping {
            self.process.kill().ok();
        }
        self.process.wait().ok();
    }
}

/// An address that is free now.
async fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await?
        .local_addr()
}

fn nginx_in(folder: &Path) -> Command {
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(folder)
        .args(["-c", "nginx.conf", "-e", "nginx.log"]);
    command
}

fn haproxy(setup: Setup, address: SocketAddr, server: SocketAddr, folder: &Path) -> String {
    let protocol = match setup.protocol {
        Protocol::Http1 => "http/1.1",
        Protocol::Http2 => "h2",
    };
    let certificate = folder.join(CERTIFICATE);
    let certificate = certificate.display();
    format!(
        "
global
  maxconn 4000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 2s
frontend clients
  bind {address} ssl crt {certificate} alpn {protocol}
  default_backend servers
backend servers
  server sandbox {server}
"
    )
}

fn nginx(setup: Setup, address: SocketAddr, server: SocketAddr, folder: &Path) -> String {
    let protocol = match setup.protocol {
        Protocol::Http1 => "",
        Protocol::Http2 => "http2",
    };
    let (global, directives) = (setup.global, setup.server);
    let folder = folder.display();
    // The user is named for its folder of temporary files, which belongs to the one who started this.
    format!(
        "
user root;
worker_processes 2;
pid {folder}/{PID};
{global}
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  ssl_certificate {folder}/{CERTIFICATE};
  ssl_certificate_key {folder}/{KEY};
  upstream sandbox {{ server {server}; keepalive 64; }}
  server {{
    listen {address} ssl {protocol};
    {directives}
    location / {{
      proxy_pass http://sandbox;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}
  }}
}}
"
    )
}

/// A server in front of the sandbox that is killed again and again.
///
/// Not the sandbox itself: what it has created, which is what the scenarios count, would be gone with it.
/// For the proxy it is the same: the system closes the connections of a killed process as it does
/// those that are dropped here, with requests and responses in flight, and refuses new ones.
pub struct KilledServer {
    pub address: SocketAddr,
    /// Ends with its connections when it is aborted.
    serving: Option<JoinHandle<()>>,
    server: SocketAddr,
}

impl KilledServer {
    /// Starts one that hands everything on to a server.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            serving: Some(tokio::spawn(hand_on(listener, server))),
            server,
        })
    }

    /// Kills it, and starts it again after a time at the same address.
    pub async fn kill(&mut self, down: Duration) -> io::Result<()> {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // Only then is its port free.
            serving.await.ok();
        }
        sleep(down).await;
        let listener = TcpListener::bind(self.address).await?;
        self.serving = Some(tokio::spawn(hand_on(listener, self.server)));
        Ok(())
    }
}

async fn hand_on(listener: TcpListener, server: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                // A connection that breaks off is the business of its two ends.
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok();
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
