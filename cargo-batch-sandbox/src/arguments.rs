//! The arguments of the program.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::SystemTime;

use chrono::DateTime;
use lexopt::{Arg, Parser, ValueExt};

/// What `--help` prints.
pub const HELP: &str = "\
The batches API of Cargo (getcargo.io) on loopback, to try things out and to test against.

Usage: cargo-batch-sandbox [--listen ADDRESS] [--seed N] [--speed X] [--faults FILE]
                           [--clock TIME] [--settings FILE] [--allow-remote]

  --listen ADDRESS  Where to listen [127.0.0.1:8787]; port 0 picks a free one
  --seed N          What everything that happens by chance follows from [1]
  --speed X         How many seconds pass in the sandbox while one passes outside [1]
  --faults FILE     A plan of faults, as JSON
  --clock TIME      When the sandbox's time begins [2026-01-15T10:00:00Z]; now for that of this machine
  --settings FILE   Clocks of its servers and the order of its list, as JSON
  --allow-remote    Listen on an address that others can reach, who can then do everything with it
  --help            This

When it is ready it prints `sandbox listening on http://HOST:PORT`. GET /sandbox/world has the ids and
the token to use, GET /sandbox/requests what was received, GET /sandbox/batches what was created and
how often. Ctrl-C ends it.
";

/// How to run.
#[derive(Debug, PartialEq)]
pub struct Arguments {
    pub listen: SocketAddr,
    pub seed: u64,
    pub speed: f64,
    pub faults: Option<PathBuf>,
    pub clock: Option<SystemTime>,
    pub settings: Option<PathBuf>,
    pub remote: bool,
}

impl Arguments {
    /// Reads them; nothing if help is asked for.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn read(mut parser: Parser) -> Result<Option<Self>, String> {
        let mut arguments = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            seed: 1,
            speed: 1.0,
            faults: None,
            clock: None,
            settings: None,
            remote: false,
        };
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Arg::Long("listen") => {
                    arguments.listen = address(&value(&mut parser, "--listen")?)?
                }
                Arg::Long("seed") => {
                    arguments.seed = number(&mut parser, "--seed", "a whole number from 0 on")?;
                }
                Arg::Long("speed") => {
                    let wanted = "a number from 0 on";
                    arguments.speed = number(&mut parser, "--speed", wanted)?;
                    if !(arguments.speed.is_finite() && arguments.speed >= 0.0) {
                        return Err(format!("--speed: {} is not {wanted}", arguments.speed));
                    }
                }
                Arg::Long("faults") => arguments.faults = Some(path(&mut parser)?),
                Arg::Long("clock") => {
                    arguments.clock = Some(time(&value(&mut parser, "--clock")?)?);
                }
                Arg::Long("settings") => arguments.settings = Some(path(&mut parser)?),
                Arg::Long("allow-remote") => arguments.remote = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => {
                    let error = other.unexpected();
                    return Err(format!("{error}; --help lists what there is"));
                }
            }
        }
        Ok(Some(arguments))
    }
}

fn value(parser: &mut Parser, name: &str) -> Result<String, String> {
    let value = parser.value().map_err(|error| error.to_string())?;
    value.string().map_err(|error| format!("{name}: {error}"))
}

fn path(parser: &mut Parser) -> Result<PathBuf, String> {
    let path = parser.value().map_err(|error| error.to_string())?;
    Ok(path.into())
}

fn time(text: &str) -> Result<SystemTime, String> {
    if text == "now" {
        return Ok(SystemTime::now());
    }
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| {
        format!("--clock: {text:?} is neither now nor a time such as 2026-01-15T10:00:00Z")
    })?;
    Ok(time.into())
}

fn number<T: FromStr>(parser: &mut Parser, name: &str, wanted: &str) -> Result<T, String> {
    let value = value(parser, name)?;
    let wrong = |_| format!("{name}: {value:?} is not {wanted}");
    value.parse().map_err(wrong)
}

/// An address, or a name of this machine such as `localhost`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wanted = "an address with a port, such as 127.0.0.1:8787";
    let wrong = |_| format!("--listen: {text:?} is not {wanted}");
    let mut found = text.to_socket_addrs().map_err(wrong)?;
    found
        .next()
        .ok_or_else(|| format!("--listen: {text:?} is not {wanted}"))
}
