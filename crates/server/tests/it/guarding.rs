//! Who may come in: keys, names of this machine, pages of other origins.

use crate::client::{get, get_with, raw, serve, serve_with, stop};
use ledger::{Ledger, NewKey};
use policy::config::{Config, Server};
use server::{Setup, StartError, start};
use std::net::SocketAddr;

#[test]
fn keys_guard_everything_but_the_page_and_the_state() {
    let ledger = Ledger::in_memory().expect("memory is there");
    let new = NewKey { name: "ada".to_owned(), ..NewKey::default() };
    let (_, key) = ledger.keys().create(&new).expect("it is new");
    let server = serve_with(Config::default(), || Ok(ledger), Some("own"));
    for open in ["/", "/health", "/ready"] {
        assert_eq!(get(&server, open).status, 200, "{open}");
    }
    let without = get(&server, "/metrics");
    assert_eq!((without.status, without.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(without.json()["error"]["code"], "invalid_api_key");
    let bearing = |key: &str| {
        get_with(&server, "/metrics", &format!("authorization: Bearer {key}\r\n")).status
    };
    assert_eq!((bearing("wrong"), bearing(&key), bearing("own")), (401, 403, 200));
    stop(server);
}

#[test]
fn metrics_may_be_open() {
    let settings = Server { open_metrics: true, ..Server::default() };
    let config = Config { server: settings, ..Config::default() };
    let ledger = Ledger::in_memory().expect("memory is there");
    let new = NewKey { name: "ada".to_owned(), ..NewKey::default() };
    let (_, key) = ledger.keys().create(&new).expect("it is new");
    let server = serve_with(config, || Ok(ledger), Some("own"));
    let bearing = get_with(&server, "/metrics", &format!("authorization: Bearer {key}\r\n"));
    assert_eq!(bearing.status, 200, "who shows a key may see no less than who shows none");
    let metrics = get(&server, "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("jeton_connections_open 1\n"), "{}", metrics.body);
    assert!(metrics.body.ends_with("# EOF\n"));
    stop(server);
}

#[test]
fn a_strangers_page_cannot_reach_a_server_without_keys() {
    let server = serve(Server {
        cors_origins: vec!["https://friend.example".to_owned()],
        ..Server::default()
    });
    let port = server.address().port();
    let as_host = |host: &str| {
        raw(
            &server,
            format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes(),
        )
    };
    assert_eq!(as_host(&format!("localhost:{port}")).status, 200);
    let rebound = as_host(&format!("evil.example:{port}"));
    assert_eq!(
        (rebound.status, &rebound.json()["error"]["code"]),
        (403, &"host_not_allowed".into())
    );
    let from = |origin: &str| get_with(&server, "/health", &format!("origin: {origin}\r\n"));
    assert_eq!(from("https://evil.example").json()["error"]["code"], "origin_not_allowed");
    assert_eq!(from("null").status, 403);
    let own = from(&format!("http://127.0.0.1:{port}"));
    assert_eq!((own.status, own.header("access-control-allow-origin")), (200, None));
    let friend = from("https://friend.example");
    assert_eq!(friend.header("access-control-allow-origin"), Some("https://friend.example"));
    assert_eq!(friend.header("vary"), Some("origin"));
    stop(server);
}

#[test]
fn pages_that_may_call_are_told_before() {
    let config = Config {
        server: Server { cors_origins: vec!["*".to_owned()], ..Server::default() },
        ..Config::default()
    };
    let server = serve_with(config, Ledger::in_memory, Some("own"));
    let host = server.address();
    let ask = |origin: &str| {
        let request = format!(
            "OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{origin}\
             access-control-request-method: POST\r\n\
             access-control-request-headers: authorization, x-stainless-os\r\n\r\n"
        );
        raw(&server, request.as_bytes())
    };
    let told = ask("origin: https://any.example\r\n");
    assert_eq!(told.status, 204);
    assert_eq!(told.header("access-control-allow-headers"), Some("authorization, x-stainless-os"));
    assert_eq!(told.header("access-control-allow-origin"), Some("https://any.example"));
    assert_eq!(told.header("access-control-allow-credentials"), None);
    stop(server);
}

#[test]
fn every_response_keeps_browsers_in_bounds() {
    let server = serve(Server::default());
    for path in ["/", "/health", "/nothing"] {
        let reply = get(&server, path);
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let named = get_with(&server, "/health", "x-request-id: mine-7\r\n");
    assert_eq!(named.header("x-request-id"), Some("mine-7"));
    let strange = get_with(&server, "/health", "x-request-id: <b>\r\n");
    assert!(strange.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    stop(server);
}

#[test]
fn strangers_are_not_invited_without_keys() {
    let start_open = |settings: Server, own_key: Option<&str>| {
        start(Setup {
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            settings,
            ledger: Ledger::in_memory().expect("memory is there"),
            own_key: own_key.map(str::to_owned),
        })
    };
    assert!(matches!(start_open(Server::default(), None), Err(StartError::NoKeys { .. })));
    let allowed = Server { allow_no_keys: true, ..Server::default() };
    let open = start_open(allowed, None).expect("somebody said so");
    let as_host = |host: &str| {
        let request = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        raw(&open, request.as_bytes()).status
    };
    for near in ["localhost", "10.1.2.3:80", "nas", "nas.lan:8080"] {
        assert_eq!(as_host(near), 200, "{near}");
    }
    assert_eq!(as_host("evil.example"), 403, "its owner can make it point here");
    stop(open);
    stop(start_open(Server::default(), Some("own")).expect("there is a key"));
}
