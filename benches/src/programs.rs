//! Small programs that do the main job, for the measurements of builds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;

/// A program that is written to a folder of its own, outside this workspace.
pub struct Program {
    pub folder: PathBuf,
}

/// With the client.
pub const CLIENT: Source = Source {
    name: "with-client",
    dependencies: r#"
cargo-batch-client = { path = "WORKSPACE/cargo-batch-client" }
tokio = { version = "1", features = ["macros", "rt"] }
"#,
    code: include_str!("../programs/client.rs"),
    provider: "",
};

/// With reqwest and its default TLS, rustls on aws-lc.
pub const REQWEST: Source = Source {
    name: "with-reqwest",
    dependencies: r#"
reqwest = { version = "0.13", features = ["json", "multipart", "stream"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["fs", "io-util", "macros", "rt", "time"] }
"#,
    code: include_str!("../programs/reqwest.rs"),
    provider: "fn install_provider() {}\n",
};

/// With reqwest and the TLS of the client, rustls on ring.
pub const REQWEST_ON_RING: Source = Source {
    name: "with-reqwest-on-ring",
    dependencies: r#"
reqwest = { version = "0.13", default-features = false, features = ["charset", "http2", "json", "multipart", "rustls-no-provider", "stream", "system-proxy"] }
rustls = { version = "0.23", default-features = false, features = ["ring", "std", "tls12"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["fs", "io-util", "macros", "rt", "time"] }
"#,
    code: include_str!("../programs/reqwest.rs"),
    provider: "fn install_provider() {\n    rustls::crypto::ring::default_provider().install_default().ok();\n}\n",
};

/// The source of a program.
pub struct Source {
    name: &'static str,
    dependencies: &'static str,
    code: &'static str,
    provider: &'static str,
}

impl Program {
    /// Writes the program, with the versions of this workspace, and fetches its dependencies.
    pub fn write(source: &Source) -> Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .canonicalize()?;
        let folder = workspace.join("target/bench-programs").join(source.name);
        std::fs::create_dir_all(folder.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [profile.release]\nstrip = true\n\n[dependencies]{}",
            source.name,
            source
                .dependencies
                .replace("WORKSPACE", &workspace.to_string_lossy()),
        );
        std::fs::write(folder.join("Cargo.toml"), manifest)?;
        std::fs::write(
            folder.join("src/main.rs"),
            format!("{}{}", source.code, source.provider),
        )?;
        std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let program = Self { folder };
        program.cargo(&["fetch", "--quiet"], None)?;
        Ok(program)
    }

    /// Returns the number of crates in its normal dependency tree, without itself.
    pub fn crates(&self) -> Result<usize> {
        let tree = self.cargo(
            &[
                "tree",
                "--offline",
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--no-dedupe",
            ],
            None,
        )?;
        let mut crates: Vec<String> = tree
            .lines()
            .skip(1)
            .map(|line| {
                line.split_whitespace()
                    .take(2)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .filter(|line| !line.is_empty())
            .collect();
        crates.sort();
        crates.dedup();
        Ok(crates.len())
    }

    /// Returns the seconds of a development build from scratch.
    pub fn cold_build(&self) -> Result<f64> {
        let target = tempfile::tempdir_in(&self.folder)?;
        let start = Instant::now();
        self.cargo(
            &["build", "--offline", "--locked", "--quiet"],
            Some(target.path()),
        )?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Returns the size of the stripped binary of a release build, in KiB.
    pub fn size(&self, target: &Path) -> Result<f64> {
        self.cargo(
            &["build", "--release", "--offline", "--locked", "--quiet"],
            Some(target),
        )?;
        let name = self.folder.file_name().unwrap_or_default();
        let binary = target.join("release").join(name);
        Ok(std::fs::metadata(binary)?.len() as f64 / 1024.0)
    }

    fn cargo(&self, arguments: &[&str], target: Option<&Path>) -> Result<String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_remove("CARGO_TARGET_DIR")
            .stderr(Stdio::inherit());
        if let Some(target) = target {
            command.env("CARGO_TARGET_DIR", target);
        }
        let output = command.output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?),
            false => {
                Err(format!("cargo {} ended with {}", arguments.join(" "), output.status).into())
            }
        }
    }
}
