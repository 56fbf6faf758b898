//! `key` and `usage`, on ledgers as a server writes them.

use super::{Run, jeton};
use ledger::{Entry, Found, Ledger, Status};
use serde_json::{Value, json};
use std::path::Path;

/// A folder that goes away, and the path of a ledger in it.
fn scratch() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db").to_str().expect("a plain path").to_owned();
    (folder, path)
}

fn on(path: &str, words: &[&str]) -> Run {
    jeton(&[words, &["--ledger", path]].concat())
}

#[track_caller]
fn json_of(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as u64
}

/// A day of a small server: one key, two models, one hostile tag.
fn serve(path: &str) {
    let ledger = Ledger::open(path).expect("a new ledger");
    for index in 0..10u64 {
        let entry = Entry {
            request_id: format!("request-{index}"),
            time_ms: now_ms() - (index + 1) * 3_600_000 * 10,
            model: if index < 6 { "jeton-tiny" } else { "other" }.to_owned(),
            route: "/v1/chat/completions".to_owned(),
            key_id: Some("abcdefghij".to_owned()),
            key_name: Some("laptop".to_owned()),
            tag: Some(if index == 3 { "=1+1\u{1b}[31m" } else { "story" }.to_owned()),
            status: if index == 9 { Status::Cancelled } else { Status::Done },
            prompt_tokens: 10,
            answer_tokens: 20 + index,
            choices: 1,
            asked_max_tokens: Some(100),
            cost_nano: 1_500_000,
            currency: "EUR".to_owned(),
            finish_reason: Some(if index % 2 == 0 { "length" } else { "stop" }.to_owned()),
            ttft_ms: Some(100.0 + index as f64),
            ..Entry::default()
        };
        ledger.record(entry, Box::new(|result| result.expect("recorded")));
    }
}

#[test]
fn a_key_is_made_listed_and_revoked_while_a_server_runs() {
    let (_folder, path) = scratch();
    let made = on(&path, &["key", "create", "laptop", "--plan", "team", "--expires", "30d"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let key = made.out.trim_end();
    assert_eq!(made.out, format!("{key}\n"), "a script gets the key and nothing else");
    assert!(made.err.contains("plan team") && made.err.contains("once"), "{}", made.err);

    let server = Ledger::open(&path).expect("the same file");
    let Ok(Found::Valid(found)) = server.keys().find(key, now_ms()) else { panic!("not found") };
    assert_eq!((found.name.as_str(), found.plan.as_deref()), ("laptop", Some("team")));
    let days = (found.expires_ms.expect("it expires") - found.created_ms) / 86_400_000;
    assert_eq!(days, 30);

    let listed = on(&path, &["key", "list"]);
    assert!(listed.out.contains("laptop") && listed.out.contains("valid"), "{}", listed.out);
    assert!(!listed.out.contains(key.rsplit('-').next().expect("a secret")), "{}", listed.out);
    let revoked = on(&path, &["key", "revoke", "laptop"]);
    assert_eq!((revoked.code, revoked.out.contains("is revoked")), (0, true), "{}", revoked.err);
    assert!(matches!(server.keys().find(key, now_ms()), Ok(Found::Revoked(_))));
    let id = key.split('-').nth(1).expect("an id");
    for name in ["laptop", id] {
        let again = on(&path, &["key", "revoke", name]);
        let says = format!("key {id} (laptop) was revoked already, 2");
        assert_eq!((again.code, again.out.starts_with(&says)), (0, true), "{}", again.out);
    }
    let none = on(&path, &["key", "revoke", "desk"]);
    assert_eq!((none.code, none.err.contains("no key has the id or name")), (2, true));
}

#[test]
fn keys_as_json() {
    let (_folder, path) = scratch();
    let limits = "{\"tokens_per_day\": 5}";
    let made = ["key", "create", "ci", "--admin", "--limits", limits, "--json"];
    let made = json_of(&on(&path, &made));
    let key = made["key"].as_str().expect("the key");
    assert!(key.starts_with(&format!("jt-{}-", made["id"].as_str().expect("an id"))), "{key}");
    let list = json_of(&on(&path, &["key", "list", "--json"]));
    assert_eq!(list["keys"][0]["name"], "ci");
    assert_eq!(list["keys"][0]["limits"], json!({"tokens_per_day": 5}));
    let table = on(&path, &["key", "list"]).out;
    assert!(table.lines().nth(1).is_some_and(|line| line.contains("its own")), "{table}");
    assert_eq!((&list["keys"][0]["admin"], &list["keys"][0]["key"]), (&json!(true), &Value::Null));
    let revoked = json_of(&on(&path, &["key", "revoke", "ci", "--json"]));
    assert_eq!((&revoked["state"], &revoked["was_revoked"]), (&json!("revoked"), &json!(false)));
    let again = json_of(&on(&path, &["key", "revoke", "ci", "--json"]));
    assert_eq!(
        (&again["revoked_ms"], &again["was_revoked"]),
        (&revoked["revoked_ms"], &json!(true))
    );

    let taken = on(&path, &["key", "create", "x"]);
    assert_eq!(taken.code, 0, "{}", taken.err);
    for (words, says) in [
        (["key", "create", "x"].as_slice(), "taken by the key"),
        (&["key", "create", "a\nb"], "no control characters"),
        (&["key", "create", "y", "--expires", "soon"], "such as 30d"),
        (&["key", "create", "y", "--limits", "{"], "is no JSON"),
        (&["key", "create", "y", "--limits", "{\"tokens_per_dya\": 5}"], "tokens_per_dya"),
        (&["key"], "Usage"),
    ] {
        let run = if words.len() == 1 { jeton(words) } else { on(&path, words) };
        assert_eq!((run.code, run.err.contains(says)), (2, true), "{words:?}: {}", run.err);
    }
}

#[test]
fn usage_is_a_table_and_json() {
    let (_folder, path) = scratch();
    serve(&path);
    let table = on(&path, &["usage", "--by", "key_name,model"]);
    assert_eq!(table.code, 0, "{}", table.err);
    let lines: Vec<&str> = table.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", table.out);
    for part in ["laptop", "jeton-tiny", "0.009 EUR", "50 %", "22 (22 %)", "102/105 ms"] {
        assert!(lines[1].contains(part), "no {part:?} in {}", table.out);
    }
    let all = json_of(&on(&path, &["usage", "--json"]));
    assert_eq!(all["rows"][0]["requests"], 10);
    assert_eq!(all["rows"][0]["cancelled"], 1);
    assert_eq!(all["rows"][0]["cost"], json!([{"currency": "EUR", "nano": 15_000_000}]));
    let recent = ["usage", "--since", "35h", "--key", "laptop", "--by", "model", "--json"];
    let recent = json_of(&on(&path, &recent));
    assert_eq!(recent["rows"][0]["requests"], 3);
    assert_eq!(recent["rows"][0]["group"], json!({"model": "jeton-tiny"}));
    assert_eq!(recent["rows"][0]["tokens"]["answer"], 20 + 21 + 22);

    let tags = on(&path, &["usage", "--by", "tag", "--rows", "1"]);
    assert!(tags.err.contains("1 more rows"), "{}", tags.err);
    let tags = on(&path, &["usage", "--by", "tag"]);
    assert!(!tags.out.contains('\u{1b}'), "a tag steers no terminal: {}", tags.out);
    assert!(tags.out.contains("=1+1\\u{1b}[31m"), "{}", tags.out);
    let nothing = on(&path, &["usage", "--model", "nobody's"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "no requests\n"));
    assert_eq!(on(&path, &["usage", "--by", "weather"]).code, 2);
}

#[test]
fn accounts_are_exported_and_pruned() {
    let (folder, path) = scratch();
    serve(&path);
    let csv = on(&path, &["usage", "export", "--csv"]);
    assert_eq!((csv.code, csv.out.lines().count()), (0, 11), "{}", csv.err);
    assert!(csv.out.contains(",'=1+1"), "no formula: {}", csv.out);
    assert!(csv.err.contains("10 requests exported"), "{}", csv.err);
    let file = folder.path().join("out.jsonl");
    let name = file.to_str().expect("a plain path");
    let out = on(&path, &["usage", "export", "--jsonl", "--tag", "story", "--out", name]);
    assert_eq!((out.code, out.out.as_str()), (0, ""), "{}", out.err);
    let lines = std::fs::read_to_string(&file).expect("the file");
    let entries: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(entries.len(), 9);
    assert_eq!(
        (&entries[0]["request_id"], &entries[0]["text"]),
        (&json!("request-0"), &Value::Null)
    );
    assert_eq!(on(&path, &["usage", "export"]).code, 2, "a format has to be named");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = || file.metadata().expect("the file").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600, "for the owner alone");
        let open_to_all = PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&file, open_to_all).expect("it is ours");
        let out = on(&path, &["usage", "export", "--jsonl", "--tag", "none", "--out", name]);
        let bytes = file.metadata().expect("the file").len();
        assert_eq!((out.code, mode(), bytes), (0, 0o600, 0), "{}", out.err);
    }

    let pruned = json_of(&on(&path, &["usage", "prune", "--before", "55h", "--json"]));
    assert_eq!(pruned["removed"], 5);
    let pruned = on(&path, &["usage", "prune", "--before", "0s"]);
    assert!(pruned.out.starts_with("5 requests from before 2"), "{}", pruned.out);
}

#[test]
fn a_ledger_that_is_not_there_is_made_by_create_alone() {
    let (folder, path) = scratch();
    for words in [["key", "list"].as_slice(), &["key", "revoke", "x"], &["usage"]] {
        let run = on(&path, words);
        assert_eq!((run.code, run.err.contains("there is none")), (2, true), "{}", run.err);
        assert!(run.err.contains("--ledger FILE") && run.err.contains(&path), "{}", run.err);
        assert!(!Path::new(&path).exists(), "{words:?} made one");
    }
    let other = folder.path().join("notes.txt");
    std::fs::write(&other, "dear diary, ".repeat(1000)).expect("written");
    let run = on(other.to_str().expect("a plain path"), &["usage"]);
    assert_eq!((run.code, run.err.contains("no SQLite file")), (2, true), "{}", run.err);
    let run = on("postgres://user:secret@host/db", &["usage"]);
    assert_eq!((run.code, run.err.contains("PostgreSQL is not spoken yet")), (2, true));
    assert!(!run.err.contains("secret"), "{}", run.err);
}

#[cfg(unix)]
#[test]
fn without_a_name_the_ledger_is_in_the_data_folder() {
    let (folder, _) = scratch();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_jeton"))
        .args(["key", "create", "laptop"])
        .env("XDG_DATA_HOME", folder.path())
        .output()
        .expect("it runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let ledger = Ledger::open(folder.path().join("jeton/ledger.db")).expect("it is there");
    assert_eq!(ledger.keys().list().expect("a list").len(), 1);
}
