//! A Postgres of the test's own on loopback: its programs as Debian installs them, no system service touched.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    pub port: u16,
}

impl Postgres {
    /// Starts a server with an empty database `jobs`.
    ///
    /// # Panics
    /// Panics if Postgres isn't installed.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let postgres = Self {
            folder,
            programs: programs(),
            port,
        };
        // The folder must be open to the user that the server runs as.
        let path = postgres.folder.path();
        run(Command::new("chmod").arg("755").arg(path));
        let data = postgres.data();
        match is_root() {
            true => run(Command::new("install")
                .args(["-d", "-o", "postgres", "-m", "700"])
                .arg(&data)),
            false => std::fs::create_dir(&data).unwrap(),
        }
        run(postgres
            .program("initdb")
            .args(["-U", "jobs", "-A", "trust", "--no-sync", "-D"])
            .arg(&data));
        postgres.launch();
        let port = postgres.port.to_string();
        run(postgres.program("createdb").args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "jobs",
            "jobs",
        ]));
        postgres
    }

    fn launch(&self) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories='' -c fsync=off -c max_connections=200",
            self.port
        );
        let mut start = self.program("pg_ctl");
        start
            .args(["-w", "-s", "-o", &options, "-l"])
            .arg(self.data().join("log"));
        run(start.arg("-D").arg(self.data()).arg("start"));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of Postgres, which refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args([
                    "--reuid=postgres",
                    "--regid=postgres",
                    "--init-groups",
                    "--",
                ]);
                command.arg(program);
                command
            }
            false => Command::new(program),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = stop
            .args(["-s", "-m", "immediate", "-D"])
            .arg(self.data())
            .arg("stop")
            .status();
    }
}

/// The folder of the newest version.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions.map(|version| version.path().join("bin")).max();
    newest.expect("Postgres: apt-get install --no-install-recommends postgresql")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
