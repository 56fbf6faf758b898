//! Stops and new settings, while answers run.

use crate::client::{begin_chat, connect, get, read_reply, serve_model, serve_with, stop};
use ledger::Ledger;
use policy::config::{Config, Server};
use server::{Running, Stopped, attend};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Begins a stream that does not end by itself before its limit, and reads its first event.
fn begin_stream(server: &Running, max_tokens: u32) -> BufReader<TcpStream> {
    let body = format!(
        "{{\"messages\":[{{\"role\":\"user\",\"content\":\"Tell me a story.\"}}],\"stream\":true,\
         \"max_tokens\":{max_tokens},\"ignore_eos\":true,\"seed\":7}}"
    );
    let mut stream = BufReader::new(begin_chat(server, &body));
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        assert!(stream.read_line(&mut line).expect("it answers") > 0, "no event came");
    }
    stream
}

fn rest_of(mut stream: BufReader<TcpStream>) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the stream ends well");
    rest
}

#[test]
fn a_stop_lets_answers_end_and_takes_no_more() {
    let server = serve_model(Config::default());
    let stream = begin_stream(&server, 200);
    server.shutdown();
    let ready = get(&server, "/ready");
    assert_eq!((ready.status, ready.header("retry-after")), (503, Some("30")));
    let mut refused = connect(&server);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-length: 2\r\n\r\n{{}}",
        server.address()
    );
    refused.write_all(request.as_bytes()).expect("it takes the request");
    let refused = read_reply(&mut refused);
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &"stopping".into()));
    let rest = rest_of(stream);
    assert!(rest.contains("\"finish_reason\":\"length\""), "{rest}");
    assert!(rest.contains("data: [DONE]"), "{rest}");
    server.join();
}

#[test]
fn what_takes_too_long_is_ended_and_told_so() {
    let settings = Server { shutdown_drain_s: 0.05, ..Server::default() };
    let server = serve_model(Config { server: settings, ..Config::default() });
    let stream = begin_stream(&server, 900);
    let ledger = server.site().service().expect("it is ready").ledger().clone();
    server.shutdown();
    let rest = rest_of(stream);
    // The last frame says why, and the connection ends as it should.
    assert!(rest.contains("\"code\":\"stopping\"}}"), "{rest}");
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
    server.join();
    assert_eq!(ledger.waiting(), 0);
}

#[test]
fn new_settings_count_and_wrong_ones_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jeton.yaml");
    let write = |text: &str| std::fs::write(&path, text).expect("it can be written");
    write("presets: {short: 11}\n");
    let server = serve_with(Config::default(), Ledger::in_memory, None);
    let read = |text: &str| Config::from_yaml(text, "jeton.yaml").map_err(|e| e.to_string());
    let short = || server.site().service().expect("ready").config().presets.get("short").copied();
    let wait_for = |tokens: u64| {
        let began = Instant::now();
        while short() != Some(tokens) {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", short());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    /// Ends the attending, however the test ends.
    struct Stop<'a>(&'a Running);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.shutdown();
        }
    }
    std::thread::scope(|scope| {
        let stop = Stop(&server);
        let file = Some(path.clone());
        let attending = scope.spawn(|| attend(&server, file, read));
        write("presets: {short: 222}\n");
        wait_for(222);
        write("presets: {short: many}\n");
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(short(), Some(222), "wrong settings change nothing");
        write("presets: {short: 33}\nserver: {open_metrics: true}\n");
        wait_for(33);
        drop(stop);
        let stopped = attending.join().expect("it ends").expect("signals can be had");
        assert_eq!(stopped, Stopped::Drained);
    });
    stop(server);
}
