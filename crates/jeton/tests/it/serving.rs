//! `jeton serve`, from its first line to its exit code.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

fn serve(arguments: &[&str]) -> Child {
    serve_with_key(arguments, None).spawn().expect("the program is built")
}

fn serve_with_key(arguments: &[&str], key: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jeton"));
    command
        .arg("serve")
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .env_remove("JETON_API_KEY")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(key) = key {
        command.env("JETON_API_KEY", key);
    }
    command
}

/// Where a server that was started with `--json` listens.
fn address(child: &mut Child) -> String {
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it tells its address");
    let told: Value = serde_json::from_str(&line).expect("one JSON line");
    assert_eq!(told["models"][0]["id"], "jeton-tiny");
    let url = told["url"].as_str().expect("a URL");
    url.strip_prefix("http://").expect("of this protocol").to_owned()
}

/// `GET path`, whole.
fn get(address: &str, path: &str) -> String {
    get_with(address, path, "")
}

fn get_with(address: &str, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it takes the request");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("it answers");
    reply
}

#[test]
fn it_tells_its_address_answers_and_stops_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("ledger.db").display().to_string();
    let mut child = serve(&["--port", "0", "--json", "--ledger", &ledger]);
    let address = &address(&mut child);
    assert!(get(address, "/ready").starts_with("HTTP/1.1 200"));
    let page = get(address, "/");
    assert!(page.contains("<title>") && page.contains("content-security-policy"), "{page}");
    assert!(get(address, "/metrics").contains("jeton_kv_blocks_used{model=\"jeton-tiny\"} 0"));
    let pid = child.id().to_string();
    let stopped = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
    assert!(stopped.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The exit code and what was said.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = serve(arguments).wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_cannot_be_served_is_refused_with_reasons() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("ledger.db").display().to_string();
    let on = |more: &[&str]| refused(&[&["--port", "0", "--ledger", &ledger], more].concat());
    let (code, said) = on(&["--host", "0.0.0.0"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("no key that holds strangers off") && said.contains("--insecure-no-keys"),
        "{said}"
    );
    let (code, said) = on(&["--kv-gb", "1000000"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("of memory are needed") && said.contains("`jeton-tiny`"), "{said}");
    for kv_gb in ["--kv-gb=0", "--kv-gb=-1", "--kv-gb=nan", "--kv-gb=1e7", "--kv-gb=all"] {
        let (code, said) = on(&[kv_gb]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("must be a number from 0.001 to 1000000"), "{said}");
    }
    let (code, said) = on(&["--kv-gb", "0.001", "--kv", "f32"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("holds 262 tokens") && said.contains("for 512"), "{said}");
    let config = folder.path().join("jeton.yaml");
    std::fs::write(&config, "limits:\n  max_tokens: {max: many}\n").expect("it can be written");
    let (code, said) = on(&["--config", &config.display().to_string()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("jeton.yaml:2:"), "{said}");
    let (code, said) = on(&["--model", "nowhere.gguf"]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(said.matches("nowhere.gguf").count(), 1, "{said}");
}

#[test]
fn a_key_in_the_environment_is_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("ledger.db").display().to_string();
    let start = |key: &str| {
        let arguments = ["--port", "0", "--json", "--ledger", &ledger];
        serve_with_key(&arguments, Some(key)).spawn().expect("the program is built")
    };
    let output = start(" \n").wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("JETON_API_KEY") && said.contains("it is empty"), "{said}");

    // As it comes out of a file.
    let mut child = start("secret\n");
    let address = address(&mut child);
    let models = |header: &str| get_with(&address, "/v1/models", header);
    assert!(models("").starts_with("HTTP/1.1 401"));
    assert!(models("authorization: Bearer secret\r\n").starts_with("HTTP/1.1 200"));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
