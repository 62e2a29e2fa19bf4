//! BENCHMARKS.md and benchmarks.json.

use serde_json::{Map, Value, json};

use super::super::root;

const FILE: &str = "benchmarks.json";
const PAGE: &str = "BENCHMARKS.md";

/// The figures by measurement, and the machine that they were measured on.
pub struct Figures {
    machine: Value,
    rows: Map<String, Value>,
}

impl Figures {
    /// Reads the figures of this machine and these versions; none when all are measured `from_scratch`.
    pub fn read(machine: Value, from_scratch: bool) -> Result<Self, String> {
        let mut figures = Self {
            machine,
            rows: Map::new(),
        };
        let Ok(text) = std::fs::read_to_string(root().join(FILE)) else {
            return Ok(figures);
        };
        let mut before: Value =
            serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
        if from_scratch {
            return Ok(figures);
        }
        if before["machine"] != figures.machine {
            return Err(format!(
                "the figures in {FILE} are of another machine or of other versions, and can't be mixed with new ones: \
                 measure everything, with `cargo xtask bench`"
            ));
        }
        if let Value::Object(rows) = before["rows"].take() {
            figures.rows = rows;
        }
        Ok(figures)
    }

    /// Replaces the rows of a measurement.
    pub fn renew(&mut self, name: &str, rows: Vec<Value>) {
        self.rows.insert(name.to_owned(), rows.into());
    }

    /// Writes both files, with the measurements in the given order.
    pub fn write(&self, order: &[String]) -> Result<(), String> {
        let rows: Map<String, Value> = order
            .iter()
            .filter_map(|name| Some((name.clone(), self.rows.get(name)?.clone())))
            .collect();
        let json = json!({ "machine": self.machine, "rows": rows });
        let json = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
        put(FILE, &format!("{json}\n"))?;
        write_page()
    }
}

/// Writes the page of the stored figures.
pub fn write_page() -> Result<(), String> {
    put(PAGE, &stored_page()?)
}

fn stored_page() -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{FILE}: {error}");
    let text = std::fs::read_to_string(root().join(FILE)).map_err(|error| failed(&error))?;
    let figures: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
    let rows = figures["rows"].as_object().into_iter().flatten();
    let rows: Vec<Value> = rows
        .filter_map(|(_, rows)| rows.as_array())
        .flatten()
        .cloned()
        .collect();
    Ok(page(&rows, &figures["machine"]))
}

fn put(name: &str, text: &str) -> Result<(), String> {
    std::fs::write(root().join(name), text).map_err(|error| format!("{name}: {error}"))
}

fn page(rows: &[Value], machine: &Value) -> String {
    let mut text = "# Benchmarks\n\n\
        Written by `cargo xtask bench`, never by hand; the same figures are in `benchmarks.json`.\n\n"
        .to_owned();
    text.push_str(&summary(rows));
    text.push_str(
        "\n## Figures\n\n\
        Each figure compares cargo-batch with a hand-written baseline: both sides in the same run, alternating, in a \
        release build, over loopback, with a server that responds immediately. A figure without a unit is the ratio \
        of the medians. Its spread is that of the ratios of single pairs: the middle half, then the minimum and the \
        maximum.\n\n",
    );
    text.push_str(&on(machine));
    text.push_str("\n\n");
    text.push_str(&table(rows));
    text.push_str("\n\n## How it was measured\n\n");
    for row in rows {
        let (what, how) = (named(rows, row), string(&row["how"]));
        text.push_str(&format!(
            "- {what}, against {}: {how}.\n",
            string(&row["baseline"])
        ));
    }
    let missed: Vec<&Value> = rows.iter().filter(|row| row["met"] == false).collect();
    if !missed.is_empty() {
        text.push_str("\n## Where a goal is missed\n\n");
        for row in missed {
            let why = match string(&row["limit"]) {
                "" => "not explained yet",
                why => why,
            };
            text.push_str(&format!(
                "- {}, against {}: {why}.\n",
                named(rows, row),
                string(&row["baseline"])
            ));
        }
    }
    text
}

/// The results in words: how many goals are met, and the first figure of each measurement.
fn summary(rows: &[Value]) -> String {
    let met = rows.iter().filter(|row| row["met"] == true).count();
    let mut text = format!("{met} of {} goals are met.\n\n", rows.len());
    let first = rows
        .iter()
        .filter(|row| !string(&row["what"]).starts_with("the same"));
    let mut seen = Vec::new();
    for row in first {
        let what = string(&row["what"]);
        if seen.contains(&what) {
            continue;
        }
        seen.push(what);
        text.push_str(&format!("- {what}: {}.\n", in_words(row)));
    }
    text
}

/// A figure beside that of its baseline.
fn in_words(row: &Value) -> String {
    let (value, baseline) = (string(&row["value"]), string(&row["baseline"]));
    let figure = match (string(&row["unit"]), row["figure"].as_f64()) {
        ("", Some(ratio)) => {
            let percent = (ratio - 1.0) * 100.0;
            let direction = if percent < 0.0 { "less" } else { "more" };
            format!("{:.1} % {direction} than", percent.abs())
        }
        (unit, Some(difference)) if difference < 0.0 && unit.ends_with("more") => {
            let unit = unit.trim_end_matches("more");
            format!("{} {unit}less than", short(&json!(-difference)))
        }
        (unit, _) if unit.ends_with("more") => {
            format!("{} than", with_unit(&row["figure"], row))
        }
        _ => format!("{} above", with_unit(&row["figure"], row)),
    };
    let baseline_value = match string(&row["baseline_value"]) {
        "" => String::new(),
        value => format!(" ({value})"),
    };
    let value = match value {
        "" => String::new(),
        value => format!("{value}, "),
    };
    format!("{value}{figure} {baseline}{baseline_value}")
}

/// The name of a row; one that begins with `the same` continues that of the row above it.
fn named(rows: &[Value], row: &Value) -> String {
    let Some(rest) = string(&row["what"]).strip_prefix("the same") else {
        return string(&row["what"]).to_owned();
    };
    let above = rows
        .iter()
        .take_while(|other| !std::ptr::eq(*other, row))
        .filter(|other| !string(&other["what"]).starts_with("the same"))
        .last();
    let above = above.map_or("the same", |above| string(&above["what"]));
    let above = above.split(", ").next().unwrap_or(above);
    format!("{above}{rest}")
}

fn on(machine: &Value) -> String {
    let crates: Vec<String> = machine["crates"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, version)| format!("{name} {}", string(version)))
        .collect();
    format!(
        "Measured on {}, {} cores, {} of memory, {}, Linux {}, with {}; {}.",
        string(&machine["cpu"]),
        machine["cores"],
        memory(string(&machine["memory"])),
        string(&machine["os"]),
        string(&machine["kernel"]),
        string(&machine["rustc"]),
        crates.join(", ")
    )
}

/// `24684084 kB`, as Linux writes it, in GiB.
fn memory(text: &str) -> String {
    let kib = text.strip_suffix(" kB").and_then(|kib| kib.parse().ok());
    kib.map_or(text.to_owned(), |kib: f64| {
        format!("{:.1} GiB", kib / 1_048_576.0)
    })
}

/// The table alone.
pub fn table(rows: &[Value]) -> String {
    let mut text = "| measurement | baseline | goal | figure | goal met | spread | cargo-batch | baseline | runs |\n\
                    |---|---|---|---|---|---|---|---|---|"
        .to_owned();
    for row in rows {
        let met = if row["met"] == true { "yes" } else { "**no**" };
        text.push_str(&format!(
            "\n| {} | {} | {} | {} | {met} | {} | {} | {} | {} |",
            string(&row["what"]),
            string(&row["baseline"]),
            goal(row),
            with_unit(&row["figure"], row),
            spread(&row["spread"]),
            string(&row["value"]),
            string(&row["baseline_value"]),
            row["runs"],
        ));
    }
    text
}

fn goal(row: &Value) -> String {
    match (&row["goal"]["atMost"], &row["goal"]["atLeast"]) {
        (most, Value::Null) => format!("≤ {}", with_unit(most, row)),
        (_, least) => format!("≥ {}", with_unit(least, row)),
    }
}

fn with_unit(number: &Value, row: &Value) -> String {
    let number = short(number);
    match string(&row["unit"]) {
        "" => number,
        unit => format!("{number} {unit}"),
    }
}

fn spread(spread: &Value) -> String {
    let of = |name: &str| short(&spread[name]);
    match spread {
        Value::Null => String::new(),
        _ => format!(
            "{} to {}; {} to {}",
            of("first_quartile"),
            of("third_quartile"),
            of("least"),
            of("most")
        ),
    }
}

/// A number with about four significant digits.
fn short(number: &Value) -> String {
    let Some(number) = number.as_f64() else {
        return "unknown".to_owned();
    };
    if number.fract() == 0.0 {
        format!("{number}")
    } else if number.abs() < 0.1 {
        format!("{number:.4}")
    } else if number.abs() < 10.0 {
        format!("{number:.3}")
    } else {
        format!("{number:.1}")
    }
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(what: &str, met: bool) -> Value {
        json!({
            "what": what, "baseline": "by hand", "goal": { "atMost": 1.02 }, "figure": 1.5, "unit": "",
            "met": met, "spread": null, "runs": 11, "value": "3 s", "baseline_value": "2 s",
            "how": "with care", "limit": "light is slow",
        })
    }

    #[test]
    fn a_missed_goal_is_explained() {
        let machine = json!({ "crates": { "csv": "1.4.0" } });
        let rows = [
            row("reading, latency", true),
            row("the same, memory", false),
        ];
        let page = page(&rows, &machine);
        assert!(
            page.contains("| reading, latency | by hand | ≤ 1.020 | 1.500 | yes |"),
            "{page}"
        );
        assert!(page.contains("| ≤ 1.020 | 1.500 | **no** |"), "{page}");
        assert!(
            page.starts_with("# Benchmarks\n") && page.contains("1 of 2 goals are met."),
            "{page}"
        );
        let line = "- reading, latency: 3 s, 50.0 % more than by hand (2 s).\n";
        assert!(page.contains(line), "{page}");
        assert!(
            page.contains("- reading, memory, against by hand: light is slow.\n"),
            "{page}"
        );
        assert!(!super::page(&rows[..1], &machine).contains("missed"));
    }

    #[test]
    fn memory_is_in_gib() {
        assert_eq!(memory("24684084 kB"), "23.5 GiB");
        assert_eq!(memory("unknown"), "unknown");
    }

    #[test]
    fn the_page_is_that_of_the_figures() {
        let page = std::fs::read_to_string(root().join(PAGE)).expect("it is checked in");
        assert!(
            stored_page().expect("the figures are checked in") == page,
            "renew {PAGE} with `cargo xtask bench --page`"
        );
    }

    #[test]
    fn numbers_are_as_long_as_they_must_be() {
        for (number, text) in [
            (1.0, "1"),
            (0.011_111, "0.0111"),
            (1.0333, "1.033"),
            (2510.44, "2510.4"),
        ] {
            assert_eq!(short(&json!(number)), text);
        }
    }
}
