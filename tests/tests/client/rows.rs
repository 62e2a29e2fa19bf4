//! Rows, from every form results come in.

mod cells;
mod formats;

use std::io::Write;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_client::{ErrorKind, RowError, Rows};
use cargo_batch_tests::script::{Script, html, json, uuid};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json as value;

#[derive(Debug, Deserialize, PartialEq)]
struct Row {
    name: String,
    age: Option<u32>,
}

/// Reads a file that arrives in chunks of a certain size.
async fn rows(content: Vec<u8>, chunk: usize) -> Vec<Result<Row, RowError>> {
    read(content, chunk, |rows| rows).await
}

/// Reads a file as rows of any type, with whatever is set on them.
async fn read<T: DeserializeOwned>(
    content: impl Into<Vec<u8>>,
    chunk: usize,
    set: impl FnOnce(Rows<T>) -> Rows<T>,
) -> Vec<Result<T, RowError>> {
    let content = content.into();
    let storage = Script::start(move |_| {
        let chunks: Vec<Result<Vec<u8>, std::io::Error>> = content
            .chunks(chunk.max(1))
            .map(|chunk| Ok(chunk.to_vec()))
            .collect();
        Response::new(Body::from_stream(futures_util::stream::iter(chunks)))
    })
    .await;
    let url = storage.base_url().to_owned();
    let api = Script::start(move |_| json(value!({ "url": format!("{url}/r") }))).await;
    let id: BatchUuid = uuid(1).parse().unwrap();
    let mut rows = set(api.client().batch(id).download().rows::<T>());
    let mut all = Vec::new();
    while let Some(row) = rows.next().await {
        all.push(row);
    }
    assert!(rows.next().await.is_none());
    all
}

fn row(name: &str, age: Option<u32>) -> Row {
    Row {
        name: name.to_owned(),
        age,
    }
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

const CSV: &str = "\u{feff}name,age\n\"Ada, \"\"A\"\"\",36\n\"two\r\nlines\",\r\nGrace,85";
const LIST: &str = r#"[ {"name": "Ada, \"A\"", "age": 36},
 {"name": "two\r\nlines", "age": null, "extra": {"a": ["}", "\\\""]}},{"name":"Grace","age":85}]"#;

#[tokio::test]
async fn every_form_gives_the_same_rows_however_it_is_cut() {
    let expected = [
        row("Ada, \"A\"", Some(36)),
        row("two\r\nlines", None),
        row("Grace", Some(85)),
    ];
    let lines = LIST
        .replace('\n', "")
        .replace("},{", "}\n{")
        .replace("},  {", "}\n{");
    let lines = lines.trim_matches(['[', ']', ' ']).replace("}, {", "}\n{");
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let crlf = CSV
        .replace("36\n", "36\r\n")
        .replace(",\r\nGrace", ",\r\n\r\nGrace");
    let bom = format!("\u{feff}\n {LIST}\n");
    for text in [CSV, &crlf, LIST, &bom, &lines] {
        let text = text.as_bytes();
        let (front, back) = text.split_at(text.len() / 2);
        let fields = [gzipped(front), gzipped(back)].concat();
        for content in [text.to_vec(), gzipped(text), fields] {
            for chunk in [1, 2, 7, 4096] {
                let all = rows(content.clone(), chunk).await;
                let all: Vec<Row> = all.into_iter().map(Result::unwrap).collect();
                assert_eq!(all, expected, "in chunks of {chunk}");
            }
        }
    }
}

/// Found by fuzzing: whether the second mark was passed over depended on where the file was cut.
#[tokio::test]
async fn byte_order_marks_are_passed_over_wherever_the_file_is_cut() {
    for start in ["\u{feff}\u{feff}", "\n\u{feff}", "\u{feff}\r\n\u{feff}"] {
        let text = format!("{start}name,age\nAda,36\n");
        for chunk in 1..=text.len() {
            let mut rows = rows(text.clone().into_bytes(), chunk).await;
            let only = rows.pop().unwrap().unwrap();
            assert_eq!(only, row("Ada", Some(36)), "{start:?}, {chunk} at a time");
            assert!(rows.is_empty());
        }
    }
}

#[tokio::test]
async fn one_object_a_line_is_read_too() {
    let all = rows(
        b"{\"name\":\"Ada\"}\n{\"name\":\"Grace\",\"age\":85}\n".to_vec(),
        5,
    )
    .await;
    let all: Vec<Row> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all, [row("Ada", None), row("Grace", Some(85))]);
}

#[tokio::test]
async fn a_bad_row_is_told_with_its_line_and_the_next_ones_are_read() {
    let csv = "name,age\nAda,36\nGrace,old\nAlan\nÉdsger,72\n?,1\nBarbara,81\n";
    let csv: Vec<u8> = csv
        .bytes()
        .map(|byte| if byte == b'?' { 0xff } else { byte })
        .collect();
    let all = rows(csv, 4096).await;
    let messages: Vec<String> = all
        .iter()
        .map(|row| match row {
            Ok(row) => row.name.clone(),
            Err(error) => error.to_string(),
        })
        .collect();
    assert_eq!(messages.len(), 6);
    assert_eq!(
        (
            messages[0].as_str(),
            messages[3].as_str(),
            messages[5].as_str()
        ),
        ("Ada", "Édsger", "Barbara")
    );
    assert!(
        messages[1].contains("line 3") && messages[1].contains("`age`"),
        "{}",
        messages[1]
    );
    assert_eq!(
        messages[2],
        "row at line 4: it has 1 field, but the header has 2"
    );
    assert!(
        messages[4].contains("line 6") && messages[4].contains("UTF-8"),
        "{}",
        messages[4]
    );

    let json =
        b"[{\"name\": \"Ada\"}, {\"name\": 7}, {\"name\": \"Alan\"}, {\"name\": \"cut\"".to_vec();
    let all = rows(json, 3).await;
    assert_eq!(all.len(), 4);
    assert!(all[0].is_ok() && all[2].is_ok());
    let error = all[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("`name`"), "{error}");
    assert!(all[1].as_ref().unwrap_err().is_row());
    let error = all[3].as_ref().unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::Interrupted));
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[tokio::test]
async fn gzip_that_is_cut_ends_with_an_error_after_the_rows_that_came() {
    let names: String = (0..2000).map(|n| format!("name-{n},{n}\n")).collect();
    let whole = gzipped(format!("name,age\n{names}").as_bytes());
    let all = rows(whole[..whole.len() - 20].to_vec(), 1000).await;
    let (last, before) = all.split_last().unwrap();
    let last = last.as_ref().unwrap_err();
    assert!(!last.is_row(), "{last:?}");
    assert!(last.kind().is_some(), "{last:?}");
    assert!(before.iter().all(Result::is_ok) && !before.is_empty());
}

#[tokio::test]
async fn an_empty_file_has_no_rows() {
    for content in [
        Vec::new(),
        b"name,age\n".to_vec(),
        b"[]".to_vec(),
        gzipped(b""),
    ] {
        assert!(rows(content, 10).await.is_empty());
    }
}

/// Those that can't be read, as messages.
async fn messages(content: impl Into<Vec<u8>>) -> Vec<String> {
    let all = rows(content.into(), 1000).await;
    let errors = all.iter().filter_map(|row| row.as_ref().err());
    errors.map(ToString::to_string).collect()
}

#[tokio::test]
async fn lines_are_those_of_an_editor() {
    // Quoted line breaks, empty lines and both kinds of line ends.
    for end in ["\n", "\r\n"] {
        let csv = [
            "",
            "name,age",
            "\"two",
            "lines\",1",
            "",
            "",
            "Ada,x",
            "Grace,1,2",
            "last,y",
        ];
        let csv = csv.join(end);
        let messages = messages(csv).await;
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(
            messages[0].starts_with("row at line 7: column `age`"),
            "{messages:?}"
        );
        assert_eq!(
            messages[1],
            "row at line 8: it has 3 fields, but the header has 2"
        );
        assert!(messages[2].starts_with("row at line 9"), "{messages:?}");
    }
    let json = "\n[\n{\"name\": \"Ada\"},\n\n{\"name\":\n7},\n 5, \"six\",null\n]\n";
    let messages = messages(json).await;
    let lines: Vec<&str> = messages.iter().map(|text| &text[..13]).collect();
    assert_eq!(
        lines,
        [
            "row at line 5",
            "row at line 7",
            "row at line 7",
            "row at line 7"
        ]
    );
}

#[tokio::test]
async fn odd_headers_are_told_or_left_alone() {
    let all = rows(b"name,name,age\nAda,B,1\n".to_vec(), 9).await;
    let error = all[0].as_ref().unwrap_err();
    assert!(
        !error.is_row() && error.to_string().contains("`name`"),
        "{error}"
    );
    assert_eq!(all.len(), 1);
    // A column without a name, or with one that isn't asked for, is left out.
    let all = rows(b"name,,x,x\nAda,B,C,D\n".to_vec(), 9).await;
    assert_eq!(all[0].as_ref().unwrap(), &row("Ada", None));
    let all = messages(b"name,\xff\nAda,1\n".to_vec()).await;
    assert!(
        all[0].contains("line 1") && all[0].contains("UTF-8"),
        "{all:?}"
    );
}

#[tokio::test]
async fn json_that_is_cut_or_goes_on_is_told() {
    for text in [
        "[{\"name\": \"Ada\"}",
        "[{\"name\": \"Ada\"},",
        "{\"name\": \"Ada\"}\n{\"na",
        "{\"name\": \"Ada\"}\n{\"name\": 1,",
        "{\"name\": \"Ada\"}\n\"Gra",
    ] {
        let all = rows(text.into(), 4).await;
        assert_eq!(all.len(), 2, "{text}");
        assert_eq!(
            all[1].as_ref().unwrap_err().kind(),
            Some(ErrorKind::Interrupted)
        );
    }
    let all = messages("{\"name\": \"Ada\"}\n\n{\"name\": \"Gra").await;
    assert!(all[0].contains("line 3"), "{all:?}");
    // Numbers end where the list goes on.
    let all = messages("[5,6,7]").await;
    assert_eq!(all.len(), 3, "{all:?}");
    // What ends with the file is reported as what it is.
    let all = messages("{\"name\": \"Ada\"}\n7").await;
    assert!(all[0].starts_with("row at line 2: "), "{all:?}");
    // Brackets and commas that belong to no list.
    for text in ["{\"name\": \"Ada\"}\n]", "{\"name\": \"Ada\"}\n,"] {
        let all = messages(text).await;
        assert!(all[0].starts_with("row at line 2: "), "{text}: {all:?}");
    }
    let all = messages("[{\"name\": \"Ada\"}]\n]").await;
    assert!(all[0].contains("after the end of the list"), "{all:?}");
    let all = messages("[{\"name\": \"Ada\"}] {\"name\": \"Grace\"}").await;
    assert!(all[0].contains("after the end of the list"), "{all:?}");
    // One object around everything is one row, and that isn't what was asked for.
    let all = messages("{\"rows\": [{\"name\": \"Ada\"}]}").await;
    assert!(all[0].contains("`name`"), "{all:?}");
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn rows_may_be_lists_themselves() {
    let all = rows(b"[[\"Ada\", 36], [\"Grace\", null]]".to_vec(), 5).await;
    let all: Vec<Row> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all, [row("Ada", Some(36)), row("Grace", None)]);
}

#[tokio::test]
async fn the_cause_of_a_transfer_that_ended_is_handed_on() {
    let api = Script::start(|_| html()).await;
    let id: BatchUuid = uuid(1).parse().unwrap();
    let mut rows = api.client().batch(id).download().rows::<Row>();
    let error = rows.next().await.unwrap().unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    let RowError::Download(whole) = &error else {
        panic!("{error:?}")
    };
    let expected = std::error::Error::source(whole).map(ToString::to_string);
    assert!(cause.is_some() && cause == expected, "{cause:?}");
    // Said once, although it stands in both.
    assert_eq!(error.to_string(), whole.to_string());
}

/// Reads all rows with a small cap on each; the number of good ones, and the error at the end.
async fn capped(content: Vec<u8>) -> (usize, Option<RowError>) {
    let storage = Script::start(move |_| Response::new(Body::from(content.clone()))).await;
    let url = storage.base_url().to_owned();
    let api = Script::start(move |_| json(value!({ "url": format!("{url}/r") }))).await;
    let client = api.builder().max_response_bytes(100_000).build().unwrap();
    let id: BatchUuid = uuid(1).parse().unwrap();
    let mut rows = client.batch(id).download().rows::<Row>();
    let mut good = 0;
    while let Some(row) = rows.next().await {
        match row {
            Ok(_) => good += 1,
            Err(error) => {
                assert!(rows.next().await.is_none());
                return (good, Some(error));
            }
        }
    }
    (good, None)
}

#[tokio::test]
async fn a_row_of_just_the_size_allowed_is_read() {
    let named = |length: usize| "x".repeat(length);
    // The text of a row, and what it costs to hold where each of its two fields ends.
    let csv = |size: usize| format!("name,age\n{},1\n", named(size - 1 - 2 * size_of::<usize>()));
    let json = |size: usize| format!("[{{\"name\":\"{}\"}}]", named(size - 11));
    for text in [csv(100_000), json(100_000)] {
        let (good, error) = capped(text.into()).await;
        assert!(good == 1 && error.is_none(), "{error:?}");
    }
    for text in [csv(100_001), json(100_001)] {
        let (good, error) = capped(text.into()).await;
        assert!(good == 0 && error.is_some());
    }
}

#[tokio::test]
async fn a_row_without_end_is_an_error() {
    let long = "x".repeat(10_000_000);
    // No text at all, but each field takes memory.
    let commas = ",".repeat(15_000);
    for text in [
        format!("name,age\nAda,1\n{commas}\nGrace,2"),
        format!("name,age\nAda,1\n\"{long}"),
        format!("name,age\nAda,1\n{long}"),
        format!("[{{\"name\": \"Ada\"}},{{\"name\":\"{long}\"}}]"),
        format!("{{\"name\": \"Ada\"}}\n[[[[{long}"),
    ] {
        for content in [text.clone().into_bytes(), gzipped(text.as_bytes())] {
            let (good, error) = capped(content).await;
            let error = error.unwrap();
            assert_eq!(good, 1, "{error}");
            assert!(
                error.to_string().contains("longer than 100000 bytes"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_that_unzips_to_a_thousand_times_its_size_is_read_row_by_row() {
    let text = format!("name,age\n{}", "a,1\n".repeat(2_000_000));
    let content = gzipped(text.as_bytes());
    assert!(content.len() < text.len() / 500);
    let (good, error) = capped(content).await;
    assert!(error.is_none());
    assert_eq!(good, 2_000_000);
}
