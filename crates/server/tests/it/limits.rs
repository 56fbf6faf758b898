//! What a hostile client meets: every bound of the door, over a real socket.

use crate::client::{Reply, connect, get, raw, read_reply, serve, serve_model, stop};
use policy::config::{Config, Server};
use server::Running;
use std::io::{Read, Write};

/// `POST /v1/chat/completions` with this body, on a connection of its own.
fn post(server: &Running, body: &str) -> Reply {
    let head = head(server, &format!("content-length: {}\r\n", body.len()));
    raw(server, format!("{head}{body}").as_bytes())
}

fn head(server: &Running, headers: &str) -> String {
    let host = server.address();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n"
    )
}

#[test]
fn headers_have_a_size_a_number_and_a_time() {
    let server =
        serve(Server { header_bytes_max: 8192, header_timeout_s: 0.3, ..Server::default() });
    let long =
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(9000));
    assert_eq!(raw(&server, long.as_bytes()).status, 431);
    let many: String = (0..70).map(|index| format!("x-{index}: a\r\n")).collect();
    let many = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    assert_eq!(raw(&server, many.as_bytes()).status, 431);
    assert_eq!(raw(&server, b"nonsense\r\n\r\n").status, 400);
    for beginning in ["", "GET /health HTTP/1.1\r\nho"] {
        let mut stream = connect(&server);
        stream.write_all(beginning.as_bytes()).expect("it takes the beginning");
        let mut rest = Vec::new();
        // Closed by the server: nothing, or a reset.
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"", "{beginning:?}");
    }
    assert_eq!(get(&server, "/health").status, 200);
    stop(server);
}

#[test]
fn bodies_have_a_size_and_a_time() {
    let server = serve_model(Config {
        server: Server { body_bytes_max: 2048, body_timeout_s: 0.3, ..Server::default() },
        ..Config::default()
    });
    assert_eq!(post(&server, &"a".repeat(3000)).status, 413);
    // A client that sends all of it before it reads gets the answer and no reset.
    let reply = post(&server, &"a".repeat(20 << 20));
    assert_eq!(reply.status, 413);
    assert!(reply.json()["error"]["message"].as_str().is_some_and(|told| told.contains("2048")));
    let chunk = format!("{:x}\r\n{}\r\n", 3000, "a".repeat(3000));
    let chunked = head(&server, "transfer-encoding: chunked\r\n") + &chunk;
    assert_eq!(raw(&server, chunked.as_bytes()).status, 413);
    let slow = head(&server, "content-length: 100\r\n") + "{";
    let reply = raw(&server, slow.as_bytes());
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (408, &"request_timeout".into()));
    stop(server);
}

/// The memory that requests share is taken by their bytes, not by the pieces they come in.
#[test]
fn small_pieces_take_no_more_than_they_weigh() {
    let server = serve_model(Config {
        server: Server { body_bytes_max: 4096, ..Server::default() },
        ..Config::default()
    });
    let body = "{\"messages\": 1}".to_owned() + &" ".repeat(3000);
    let pieces: String = body.chars().map(|letter| format!("1\r\n{letter}\r\n")).collect();
    let request = head(&server, "transfer-encoding: chunked\r\n") + &pieces + "0\r\n\r\n";
    let reply = raw(&server, request.as_bytes());
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &"messages".into()));
    stop(server);
}

#[test]
fn what_is_not_json_is_told_so() {
    let server = serve_model(Config::default());
    let deep = format!("{{\"messages\":{}{}}}", "[".repeat(101), "]".repeat(101));
    let wide = format!("[{}1]", "1,".repeat(600_000));
    for body in ["", "{", "[1]", "\"a\"", "{\"a\":1}x", "\u{0}", &deep, &wide] {
        let reply = post(&server, body);
        let shown: String = body.chars().take(20).collect();
        assert_eq!(reply.status, 400, "{shown}");
        let json = reply.json();
        let error = json["error"].as_object().expect("an object").clone();
        assert_eq!(error["type"], "invalid_request_error", "{shown}");
        let keys: Vec<String> = error.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["message", "type", "param", "code"]);
    }
    stop(server);
}

#[test]
fn who_finds_no_room_is_told_so() {
    let server = serve(Server { connections_max: 1, ..Server::default() });
    let mut first = connect(&server);
    let request = format!("GET /health HTTP/1.1\r\nhost: {}\r\n\r\n", server.address());
    first.write_all(request.as_bytes()).expect("it takes the request");
    let mut byte = [0];
    first.read_exact(&mut byte).expect("it answers");
    let reply = raw(&server, request.as_bytes());
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(reply.json()["error"]["code"], "too_many_connections");
    drop(first);
    loop {
        // The place is free as soon as the server has seen that the first one left.
        let mut stream = connect(&server);
        let closing = request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        stream.write_all(closing.as_bytes()).expect("it takes the request");
        if read_reply(&mut stream).status == 200 {
            break;
        }
    }
    stop(server);
}
