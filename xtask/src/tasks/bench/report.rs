//! BENCHMARKS.md and benchmarks.json.

use serde_json::{Map, Value, json};

use super::super::root;

const FILE: &str = "benchmarks.json";

/// The figures that there are, by their measurement, and what they were measured on.
pub struct Figures {
    machine: Value,
    rows: Map<String, Value>,
}

impl Figures {
    /// Those of this machine and these versions; none when all are to be `anew`.
    pub fn read(machine: Value, anew: bool) -> Result<Self, String> {
        let mut figures = Self {
            machine,
            rows: Map::new(),
        };
        let Ok(text) = std::fs::read_to_string(root().join(FILE)) else {
            return Ok(figures);
        };
        let mut before: Value =
            serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
        if anew {
            return Ok(figures);
        }
        if before["machine"] != figures.machine {
            return Err(format!(
                "the figures in {FILE} are of another machine or of other versions, and can't stand beside new ones: \
                 measure everything, with `cargo xtask bench`"
            ));
        }
        if let Value::Object(rows) = before["rows"].take() {
            figures.rows = rows;
        }
        Ok(figures)
    }

    /// Puts a measurement's rows in place of what there was of it.
    pub fn renew(&mut self, name: &str, rows: Vec<Value>) {
        self.rows.insert(name.to_owned(), rows.into());
    }

    /// Writes both files, in a certain order.
    pub fn write(&self, order: &[String]) -> Result<(), String> {
        let rows: Map<String, Value> = order
            .iter()
            .filter_map(|name| Some((name.clone(), self.rows.get(name)?.clone())))
            .collect();
        let json = json!({ "machine": self.machine, "rows": rows });
        let json = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
        put(FILE, &format!("{json}\n"))?;
        let rows: Vec<Value> = rows
            .values()
            .filter_map(Value::as_array)
            .flatten()
            .cloned()
            .collect();
        put("BENCHMARKS.md", &page(&rows, &self.machine))
    }
}

fn put(name: &str, text: &str) -> Result<(), String> {
    std::fs::write(root().join(name), text).map_err(|error| format!("{name}: {error}"))
}

fn page(rows: &[Value], machine: &Value) -> String {
    let mut text = "# Benchmarks\n\n\
        Written by `cargo xtask bench`, never by hand; the same figures are in `benchmarks.json`.\n\n\
        Each figure compares cargo-batch with doing the same by hand: both sides in the same run, in turn, \
        in a release build, over loopback, with a server that answers at once. A figure without a unit is the \
        ratio of the medians, and its spread the ratios of single pairs: the middle half, then the least and the \
        most.\n\n"
        .to_owned();
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

/// What a figure is of; a row that says `the same` is of what the row above it is.
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
        string(&machine["memory"]),
        string(&machine["os"]),
        string(&machine["kernel"]),
        string(&machine["rustc"]),
        crates.join(", ")
    )
}

/// The table alone.
pub fn table(rows: &[Value]) -> String {
    let mut text = "| what | baseline | goal | figure | | spread | ours | baseline's | runs |\n\
                    |---|---|---|---|---|---|---|---|---|"
        .to_owned();
    for row in rows {
        let met = if row["met"] == true {
            "met"
        } else {
            "**missed**"
        };
        text.push_str(&format!(
            "\n| {} | {} | {} | {} | {met} | {} | {} | {} | {} |",
            string(&row["what"]),
            string(&row["baseline"]),
            goal(row),
            with_unit(&row["figure"], row),
            spread(&row["spread"]),
            string(&row["ours"]),
            string(&row["theirs"]),
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

/// A number with as many places as it deserves.
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
            "met": met, "spread": null, "runs": 11, "ours": "3 s", "theirs": "2 s",
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
            page.contains("| reading, latency | by hand | ≤ 1.020 | 1.500 | met |"),
            "{page}"
        );
        assert!(page.contains("| ≤ 1.020 | 1.500 | **missed** |"), "{page}");
        assert!(
            page.contains("- reading, memory, against by hand: light is slow.\n"),
            "{page}"
        );
        assert!(!super::page(&rows[..1], &machine).contains("missed"));
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
