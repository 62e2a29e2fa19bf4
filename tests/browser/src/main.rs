//! Builds what JavaScript can load of the job, and runs it in node against a sandbox.
//!
//! `cargo run -- path/to/cargo_batch_browser.wasm`

use std::path::Path;
use std::process::ExitCode;

use cargo_batch_sandbox::Sandbox;
use wasm_bindgen_cli_support::Bindgen;

/// One after the other; whatever is thrown ends it with a failure. Node ends without having come to
/// the last line when nothing is left that could continue, such as a timer that was lost.
const SCRIPT: &str = r#"
const [bindings, base, token, workflow] = process.argv.slice(2);
process.exitCode = 2;
const { job, dropped, nobody } = require(bindings);
(async () => {
    await job(base, token, workflow);
    await dropped(base, token, workflow);
    await nobody(token, workflow);
    process.exitCode = 0;
    console.log("uploaded, created, watched, read, cancelled");
})().catch(error => {
    console.error(error);
    process.exit(1);
});
"#;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(wasm) = std::env::args_os().nth(1) else {
        eprintln!("which file of WebAssembly?");
        return ExitCode::FAILURE;
    };
    let folder = tempfile::tempdir().expect("a folder");
    bindings(Path::new(&wasm), folder.path());
    let script = folder.path().join("run.cjs");
    std::fs::write(&script, SCRIPT).expect("a place for the script");

    let sandbox = Sandbox::builder().speed(30.0).start().await;
    let sandbox = sandbox.expect("a sandbox");
    let node = tokio::process::Command::new("node")
        .arg(script)
        .arg(folder.path().join("job.js"))
        .args([sandbox.base_url(), &sandbox.token()])
        .arg(sandbox.fixtures().tool_workflow_uuid.to_string())
        .status()
        .await
        .expect("node");
    match node.success() && sandbox.violations().is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("{node}; {:?}", sandbox.violations());
            ExitCode::FAILURE
        }
    }
}

fn bindings(wasm: &Path, folder: &Path) {
    Bindgen::new()
        .input_path(wasm)
        .out_name("job")
        .nodejs(true)
        .and_then(|bindings| bindings.generate(folder))
        .expect("bindings for node");
}
