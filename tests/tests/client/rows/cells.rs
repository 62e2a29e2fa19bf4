//! A cell is text unless the caller's type asks for more: the same rows from CSV as from JSON.

use std::collections::{BTreeMap, HashMap};

use cargo_batch_client::ErrorKind;
use cargo_batch_client::types::Record;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::read;

/// All rows of a file, none of which is an error.
async fn all<T: DeserializeOwned>(content: &str) -> Vec<T> {
    let rows = read::<T>(content, 7, |rows| rows).await;
    rows.into_iter()
        .map(|row| row.unwrap_or_else(|error| panic!("{error} in {content}")))
        .collect()
}

/// The only row of a file.
async fn one<T: DeserializeOwned>(content: &str) -> T {
    let mut rows = all::<T>(content).await;
    assert_eq!(rows.len(), 1, "{content}");
    rows.remove(0)
}

/// What ends a file at its first row.
async fn refused<T: DeserializeOwned + std::fmt::Debug>(content: &str) -> String {
    let mut rows = read::<T>(content, 7, |rows| rows).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let error = rows.remove(0).unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::InvalidResponse), "{error}");
    error.to_string()
}

const TEXTS: &str = "zip,phone,name,size,note\n01234,+33612345678,Nan,1e3,\n";

#[tokio::test]
async fn values_maps_and_records_hold_what_is_written() {
    let expected = json!({
        "zip": "01234", "phone": "+33612345678", "name": "Nan", "size": "1e3", "note": "",
    });
    assert_eq!(one::<Value>(TEXTS).await, expected);
    assert_eq!(one::<Value>(&format!("[{expected}]")).await, expected);
    let record: Record = one(TEXTS).await;
    assert_eq!(Value::Object(record.0), expected);
    let texts: HashMap<String, String> = one(TEXTS).await;
    assert_eq!(
        (texts["zip"].as_str(), texts["note"].as_str()),
        ("01234", "")
    );
    let values: BTreeMap<String, Value> = one(TEXTS).await;
    assert_eq!(values["name"], "Nan");
    let options: BTreeMap<String, Option<String>> = one(TEXTS).await;
    assert_eq!(options["note"], None);
    assert_eq!(options["size"].as_deref(), Some("1e3"));
    let numbers: BTreeMap<String, f64> = one("a,b\n1,0.5\n").await;
    assert_eq!(numbers["b"], 0.5);
}

/// Names and values in the order they came in.
#[derive(Debug, PartialEq)]
struct Ordered(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Ordered;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

#[tokio::test]
async fn columns_come_in_the_order_of_the_file_and_with_their_spaces() {
    let row: Ordered = one(" zeta,alpha , mid dle\n1, 2,3 \n").await;
    let expected = [(" zeta", "1"), ("alpha ", " 2"), (" mid dle", "3 ")];
    let pairs: Vec<(&str, &str)> = row
        .0
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(pairs, expected);
    // A first column without a name, in a file with tabs and after empty lines.
    let rows = read::<Ordered>("\n  \n\tb\n1\t2\n", 3, |rows| rows.delimiter(b'\t')).await;
    let row = rows.into_iter().next().unwrap().unwrap();
    assert_eq!(row.0[0], (String::new(), "1".to_owned()));
}

#[derive(Debug, Deserialize, PartialEq)]
struct Flat<T> {
    email: String,
    #[serde(flatten)]
    rest: T,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Scores {
    zip: String,
    score: Option<f64>,
    runs: u32,
    done: bool,
}

#[tokio::test]
async fn flattened_rows_are_the_same_from_csv_and_json() {
    let csv = "email,zip,score,runs,done\na@x.example,36,0.5,36,true\nb@x.example,01234,,2,false\n7,7,7,7,true\n";
    let list = json!([
        {"email": "a@x.example", "zip": "36", "score": 0.5, "runs": 36, "done": true},
        {"email": "b@x.example", "zip": "01234", "score": null, "runs": 2, "done": false},
        {"email": "7", "zip": "7", "score": 7, "runs": 7, "done": true},
    ]);
    let rows: Vec<Flat<Scores>> = all(csv).await;
    assert_eq!(rows, all::<Flat<Scores>>(&list.to_string()).await);
    assert_eq!(rows[1].rest.score, None);
    assert_eq!(rows[0].rest.zip, "36");
    // Nested once more.
    let rows: Vec<Flat<Flat2>> = all(csv).await;
    assert_eq!(rows[0].rest.rest.runs, 36);
    assert_eq!(rows[0].rest.zip, "36");

    let rows: Vec<Flat<HashMap<String, String>>> = all(csv).await;
    assert_eq!(rows[1].rest["zip"], "01234");
    assert_eq!(rows[1].rest["score"], "");
    let row: Flat<HashMap<String, f64>> = one("email,a,b,c\n1,1,2,0.5\n").await;
    assert_eq!((row.email.as_str(), row.rest["c"]), ("1", 0.5));
    let row: Flat<BTreeMap<String, Value>> = one("email,a,b\n1,1,\n").await;
    assert_eq!(row.rest["a"], "1");
    assert_eq!(row.rest["b"], "");
}

#[derive(Debug, Deserialize, PartialEq)]
struct Flat2 {
    zip: String,
    #[serde(flatten)]
    rest: Runs,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Runs {
    runs: u32,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Noted {
    note: Option<String>,
    score: Option<u32>,
}

#[tokio::test]
async fn an_empty_cell_is_none_where_an_option_is() {
    let csv = "email,note,score\na,,\nb,text,5\n";
    let rows: Vec<Noted> = all(csv).await;
    let expected = Noted {
        note: None,
        score: None,
    };
    assert_eq!(rows[0], expected);
    // serde keeps the cells of a flattened struct before it is known what they are for: the limit that the
    // documentation names.
    let rows: Vec<Flat<Noted>> = all(csv).await;
    let expected = Noted {
        note: Some(String::new()),
        score: None,
    };
    assert_eq!(rows[0].rest, expected);
    assert_eq!(rows[1].rest.score, Some(5));
}

#[tokio::test]
async fn an_invalid_flattened_row_names_its_column() {
    let rows = read::<Flat<Scores>>(
        "email,zip,score,runs,done\na,1,0.5,many,true\nb,1,0.5,3,true\n",
        9,
        |rows| rows,
    )
    .await;
    let error = rows[0].as_ref().unwrap_err().to_string();
    assert!(
        error.contains("line 2") && error.contains("`runs`") && error.contains("many"),
        "{error}"
    );
    assert_eq!(rows[1].as_ref().unwrap().rest.runs, 3);
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Either {
    Scored {
        email: String,
        score: f64,
        size: u32,
    },
    Failed {
        email: String,
        error: String,
    },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    Person { age: u8, zip: String },
    Company { size: Option<u64>, zip: Value },
}

/// One cell that may be either.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Cell {
    Number(i64),
    Truth(bool),
    Text(String),
}

#[tokio::test]
async fn untagged_and_tagged_rows_are_the_same_from_csv_and_json() {
    let csv = "email,score,size,error\n5,0.5,36,\n6,,,it failed\n7,8,9,10\n";
    let list = json!([
        {"email": "5", "score": 0.5, "size": 36, "error": null},
        {"email": "6", "score": null, "size": null, "error": "it failed"},
        {"email": "7", "score": 8, "size": 9, "error": "10"},
    ]);
    let rows: Vec<Either> = all(csv).await;
    assert_eq!(rows, all::<Either>(&list.to_string()).await);
    assert!(matches!(&rows[0], Either::Scored { email, .. } if email == "5"));

    let csv = "kind,age,size,zip\nperson,36,,36\ncompany,,36,36\ncompany,,,01\n";
    let list = json!([
        {"kind": "person", "age": 36, "zip": "36"},
        {"kind": "company", "size": 36, "zip": "36"},
        {"kind": "company", "size": null, "zip": "01"},
    ]);
    let rows: Vec<Tagged> = all(csv).await;
    assert_eq!(rows, all::<Tagged>(&list.to_string()).await);

    let row: BTreeMap<String, Cell> = one("a,b,c,d\n36,01234,true,\n").await;
    assert_eq!(row["a"], Cell::Number(36));
    assert_eq!(row["b"], Cell::Text("01234".to_owned()));
    assert_eq!(row["c"], Cell::Truth(true));
    assert_eq!(row["d"], Cell::Text(String::new()));
}

/// What a row is read as doesn't depend on the rows before it.
#[tokio::test]
async fn each_row_is_read_for_itself() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Kinds {
        Number { x: f64 },
        Any { x: Value },
    }
    let rows: Vec<Kinds> = all("kind,x\nany,1\nnumber,1\nany,1\n").await;
    assert_eq!(rows[0], rows[2]);
    assert_eq!(rows[2], Kinds::Any { x: "1".into() });
    assert_eq!(rows[1], Kinds::Number { x: 1.0 });
}

#[derive(Debug, Deserialize, PartialEq)]
struct Wide {
    id: u128,
    delta: i8,
    ratio: f32,
    ok: bool,
    letter: char,
    level: Level,
    number: serde_json::Number,
    tags: Vec<String>,
    place: Option<Place>,
    wrapped: Wrapped,
    nothing: (),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Level {
    High,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Place {
    city: String,
    at: (f64, f64),
}

#[derive(Debug, Deserialize, PartialEq)]
struct Wrapped(Option<u64>);

#[tokio::test]
async fn types_that_ask_for_more_get_it() {
    let csv = "id,delta,ratio,ok,letter,level,number,tags,place,wrapped,nothing\n\
        340282366920938463463374607431768211455,-5,0.25,TRUE,é,high,7,\"[\"\"a\"\",\"\"b\"\"]\",\
        \"{\"\"city\"\": \"\"Oslo\"\", \"\"at\"\": [1, 2.5]}\",,\n";
    let row: Wide = one(csv).await;
    let expected = Wide {
        id: u128::MAX,
        delta: -5,
        ratio: 0.25,
        ok: true,
        letter: 'é',
        level: Level::High,
        number: 7.into(),
        tags: vec!["a".to_owned(), "b".to_owned()],
        place: Some(Place {
            city: "Oslo".to_owned(),
            at: (1.0, 2.5),
        }),
        wrapped: Wrapped(None),
        nothing: (),
    };
    assert_eq!(row, expected);
    // By position, where the type has no names.
    let row: (String, u32) = one("name,age\nAda,36\n").await;
    assert_eq!(row, ("Ada".to_owned(), 36));
    let row: Vec<String> = one("name,age\nAda,36\n").await;
    assert_eq!(row, ["Ada", "36"]);
}

#[tokio::test]
async fn no_cell_is_dropped_silently() {
    async fn error<T: DeserializeOwned + std::fmt::Debug>(csv: &str) -> String {
        let rows = read::<T>(csv, 9, |rows| rows).await;
        rows[0].as_ref().unwrap_err().to_string()
    }
    // The first cell is no row, as an object isn't in JSON.
    let message = error::<String>("name,age\nAda,36\n").await;
    assert!(message.contains("expected a string"), "{message}");
    let message = error::<u32>("age,name\n36,Ada\n").await;
    assert!(message.contains("expected u32"), "{message}");
    let message = error::<(String, u32)>("name,age,more\nAda,36,x\n").await;
    assert!(message.contains('3') && message.contains('2'), "{message}");
    // Cells that are something else.
    for (csv, column) in [
        ("name,age\nAda,3.5\n", "`age`"),
        ("name,age\nAda,99999999999\n", "`age`"),
        ("name,age\nAda, 36\n", "`age`"),
    ] {
        let message = error::<super::Row>(csv).await;
        assert!(
            message.contains(column) && message.contains("line 2"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_doubled_column_is_refused_once_and_named() {
    let csv = "email,Score,x,Score,y,x\na,1,2,3,4,5\nb,1,2,3,4,5\n";
    for message in [
        refused::<HashMap<String, String>>(csv).await,
        refused::<Value>(csv).await,
        refused::<BTreeMap<String, Option<String>>>(csv).await,
        refused::<Flat<HashMap<String, String>>>(csv).await,
        refused::<Flat<BTreeMap<String, Value>>>(csv).await,
        refused::<Flat<X>>(csv).await,
        refused::<X>(csv).await,
        refused::<Maybe>(csv).await,
    ] {
        assert!(
            message.contains("`Score`") && message.contains("`x`") && !message.contains("`y`"),
            "{message}"
        );
    }
    // Types that don't want them.
    let rows: Vec<Y> = all(csv).await;
    assert_eq!((rows.len(), rows[0].y), (2, 4));
    let rows: Vec<Flat<Y>> = all(csv).await;
    assert_eq!((rows.len(), rows[1].rest.y), (2, 4));
    // By position every column has a place of its own.
    let rows: Vec<Vec<String>> = all(csv).await;
    assert_eq!(rows[0], ["a", "1", "2", "3", "4", "5"]);
    // Two columns without a name are the same name as well.
    let message = refused::<Value>("a,,\n1,2,3\n").await;
    assert!(message.contains("``"), "{message}");
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)] // Only whether it can be read is asked.
struct X {
    x: String,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)] // Only whether it can be read is asked.
struct Maybe {
    x: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Y {
    y: u32,
}
