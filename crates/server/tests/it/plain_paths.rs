//! Paths that need no model.

use crate::client::{get, get_with, raw, serve, start_with, stop};
use ledger::Ledger;
use policy::config::{Config, Server};
use server::service::Service;

#[test]
fn the_page_and_the_state_are_told() {
    let server = serve(Server::default());
    let page = get(&server, "/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.header("content-security-policy")
            .is_some_and(|policy| { policy.starts_with("default-src 'none'; script-src 'self'") })
    );
    let tag = page.header("etag").expect("files have tags");
    let again = get_with(&server, "/", &format!("if-none-match: {tag}\r\n"));
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(get(&server, "/health").json()["status"], "ok");
    assert_eq!(get(&server, "/ready").status, 200);
    stop(server);
}

#[test]
fn a_server_without_its_models_is_alive_and_not_ready() {
    let ledger = Ledger::in_memory().expect("memory is there");
    let server = start_with(&Config::default(), &ledger, None);
    let ready = get(&server, "/ready");
    assert_eq!((ready.status, ready.header("retry-after")), (503, Some("5")));
    assert_eq!(ready.json()["error"]["code"], "loading");
    assert_eq!(get(&server, "/health").status, 200);
    server.site().serve(Service::new(Vec::new(), Config::default(), ledger));
    assert_eq!(get(&server, "/ready").status, 200);
    stop(server);
}

#[test]
fn unknown_paths_and_methods_have_whole_error_bodies() {
    let server = serve(Server::default());
    let error = get(&server, "/v2/nothing");
    assert_eq!((error.status, &error.json()["error"]["code"]), (404, &"unknown_url".into()));
    let host = server.address();
    let request = format!("DELETE /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let error = raw(&server, request.as_bytes());
    assert_eq!((error.status, error.header("allow")), (405, Some("GET,HEAD")));
    let chat = get(&server, "/v1/chat/completions");
    assert_eq!((chat.status, chat.header("allow")), (405, Some("POST")));
    let body = error.json();
    let keys: Vec<&String> = body["error"].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["message", "type", "param", "code"]);
    stop(server);
}
