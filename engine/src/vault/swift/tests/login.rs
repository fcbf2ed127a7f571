//! Logging in to a server that answers as the reference of Keystone's protocol says, and what real ones seldom do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::cloud::{Credential, Method};
use super::super::fault::Fault;
use super::*;

fn request(connection: &TcpStream) -> String {
    let mut reader = BufReader::new(connection);
    let mut text = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        text += &line;
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn token(name: &str, own: &str) -> String {
    let body = format!(
        r#"{{"token": {{"issued_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T01:00:00Z", "catalog": [
        {{"type": "object-store", "endpoints": [{{"interface": "public", "region_id": "r", "url": "{own}/v1/AUTH_p"}}]}}]}}}}"#
    );
    answer("201 Created", &format!("X-Subject-Token: {name}\r\n"), &body)
}

/// Gives these answers, each to a connection of its own, and returns what was asked.
fn serve(listener: TcpListener, answers: Vec<String>) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let serve = |answer: String| {
            let (connection, _) = listener.accept().unwrap();
            let asked = request(&connection);
            (&connection).write_all(answer.as_bytes()).unwrap();
            asked
        };
        answers.into_iter().map(serve).collect()
    })
}

fn application(keystone: &str) -> Cloud {
    cloud(Identity::Keystone {
        auth_url: format!("{keystone}/v3"),
        method: Method::Application {
            credential: Credential::Id("i".into()),
            secret: Secret::new("hunter2"),
        },
    })
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let busy = |status: &str| answer(status, "Retry-After: 1\r\n", "");
    let answers = [
        busy("503 Service Unavailable"),
        token("one", &own),
        busy("429 Too Many Requests"),
        answer("200 OK", "", "content"),
    ];
    let server = serve(listener, answers.to_vec());
    let mut container = Container::new(Arc::new(Account::of(application(&own)).unwrap()), "c", Cancel::new());
    container.patience.first = Duration::from_millis(1);
    let began = Instant::now();
    assert_eq!(container.get("x").unwrap(), "content");
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(server.join().unwrap().len(), 4);
}

#[test]
fn a_refused_token_is_renewed_once_and_a_second_refusal_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let refused = answer("401 Unauthorized", "", "");
    let content = answer("200 OK", "", "content");
    let answers = [
        token("one", &own),
        refused.clone(),
        token("two", &own),
        content,
        refused.clone(),
        token("three", &own),
        refused,
    ];
    let server = serve(listener, answers.to_vec());
    let container = Container::new(Arc::new(Account::of(application(&own)).unwrap()), "c", Cancel::new());
    assert_eq!(container.get("x").unwrap(), "content");
    let fault = container.get("x").unwrap_err();
    assert!(matches!(fault, Fault::Unauthenticated { .. }), "{fault}");
    let asked = server.join().unwrap();
    let begins: Vec<&str> = asked.iter().map(|asked| asked.lines().next().unwrap()).collect();
    let (login, get) = ("POST /v3/auth/tokens HTTP/1.1", "GET /v1/AUTH_p/c/x HTTP/1.1");
    assert_eq!(begins, [login, get, login, get, get, login, get]);
    let tokens: Vec<bool> = ["one", "two", "two", "three"]
        .iter()
        .zip([1, 3, 4, 6])
        .map(|(token, at)| asked[at].contains(&format!("x-auth-token: {token}")))
        .collect();
    assert_eq!(tokens, [true; 4], "{asked:?}");
    assert!(asked[0].contains("hunter2"), "the secret goes to Keystone");
    assert!(!asked[1].contains("hunter2"), "and to nobody else");
}

#[test]
fn a_server_that_never_answers_is_given_up_when_the_flag_is_raised() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let lab = cloud(Identity::V1 {
        auth_url: format!("http://{}/auth", silent.local_addr().unwrap()),
        user: "u".into(),
        key: Secret::new("k"),
    });
    let cancel = Cancel::new();
    let container = Container::new(Arc::new(Account::of(lab).unwrap()), "c", cancel.clone());
    let began = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| container.get("x"));
        // The request is under way when its connection is there.
        let (connection, _) = silent.accept().unwrap();
        cancel.cancel();
        assert!(matches!(waiting.join().unwrap(), Err(Fault::Canceled)));
        drop(connection);
    });
    assert!(began.elapsed() < Duration::from_secs(10));
}
