//! A reader that stops reading and stays: it is cut off, and what it held is free again.

use crate::client::{PATIENCE, begin_chat, get, serve_model, stop};
use policy::config::{Config, Server};
use server::Running;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A stream that is far longer than what the kernel keeps between two programs of one machine.
const BODY: &str = r#"{"messages":[{"role":"user","content":"Tell me a story."}],"stream":true,
    "max_tokens":900,"ignore_eos":true,"n":8,"seed":7,"temperature":1,"trace":true}"#;

/// Asks for it and reads only how the answer begins.
fn stall(server: &Running) -> TcpStream {
    let mut stream = begin_chat(server, BODY);
    let mut beginning = [0; 15];
    stream.read_exact(&mut beginning).expect("it answers");
    assert_eq!(&beginning, b"HTTP/1.1 200 OK");
    stream
}

/// A series of `/metrics`, over its labels.
fn metric(server: &Running, name: &str) -> f64 {
    let text = get(server, "/metrics").body;
    let lines = text
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

#[test]
fn who_stops_reading_is_cut_off_and_holds_nothing() {
    let settings = Server { write_timeout_s: 0.3, ..Server::default() };
    let server = serve_model(Config { server: settings, ..Config::default() });
    let mut readers: Vec<TcpStream> = (0..3).map(|_| stall(&server)).collect();
    let began = Instant::now();
    // The connection that asks for the figures is one itself.
    while metric(&server, "jeton_connections_open") > 1.0 {
        assert!(began.elapsed() < 3 * PATIENCE, "{}", get(&server, "/metrics").body);
        std::thread::sleep(Duration::from_millis(50));
    }
    for name in ["jeton_requests_running", "jeton_requests_waiting", "jeton_kv_blocks_used"] {
        let began = Instant::now();
        while metric(&server, name) > 0.0 {
            assert!(began.elapsed() < PATIENCE, "{name}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    for reader in &mut readers {
        let mut rest = Vec::new();
        if let Err(error) = reader.read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        assert!(!rest.ends_with(b"0\r\n\r\n"), "a stream that was cut off looks whole");
    }
    stop(server);
}
