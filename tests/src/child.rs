//! A test in a process of its own: variables of the environment are of a whole process.

use std::process::Command;

const MARK: &str = "CARGO_BATCH_TEST_CHILD";

/// Whether this process was started by [`run`].
pub fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Runs one test of this program again, alone in a process, with other variables: without any that
/// names a proxy or certificates, but those given.
///
/// # Panics
/// When the test fails there.
pub fn run(test: &str, variables: &[(&str, &str)]) {
    assert_passes(command(test, variables));
}

/// Returns the command that [`run`] runs, for a test that ends its process.
///
/// # Panics
/// When the system doesn't say which program this is.
pub fn command(test: &str, variables: &[(&str, &str)]) -> Command {
    let program = std::env::current_exe().expect("the program that runs");
    with_test(Command::new(program), test, variables)
}

/// As [`run`], in a process that may have only so many files open.
///
/// # Panics
/// As [`run`].
pub fn run_with_files(test: &str, variables: &[(&str, &str)], files: u32) {
    let program = std::env::current_exe().expect("the program that runs");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
    command.arg(program);
    assert_passes(with_test(command, test, variables));
}

fn with_test(mut command: Command, test: &str, variables: &[(&str, &str)]) -> Command {
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    without_proxies(&mut command);
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name);
    }
    command.env(MARK, "1").envs(variables.iter().copied());
    command
}

fn assert_passes(mut command: Command) {
    let done = command.output().expect("the program starts again");
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Takes the variables that name proxies from a command.
pub fn without_proxies(command: &mut Command) {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
}
