//! Logging in to Keystone: to a real one where the environment names one (`DRAM_LAB_KEYSTONE`, with a user, its password, its
//! project and an application credential of it), and to one that answers as the reference of its protocol says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use bytes::Bytes;

use super::super::cloud::{Credential, Domain, Method, Named};
use super::super::fault::Fault;
use super::*;

fn named(name: &str) -> Named {
    Named::Name {
        name: name.into(),
        domain: Domain::Id("default".into()),
    }
}

/// The real Keystone, if there is one, with both ways to log in. It is no part of every lab, so it is never required.
fn keystone() -> Option<[Cloud; 2]> {
    let get = |name: &str| std::env::var(format!("DRAM_LAB_KEYSTONE{name}")).ok();
    let Some(auth_url) = get("") else {
        dram_skips::skip_even_in_ci("`DRAM_LAB_KEYSTONE` names no Keystone");
        return None;
    };
    let keystone = |method| {
        cloud(Identity::Keystone {
            auth_url: auth_url.clone(),
            method,
        })
    };
    let password = Method::Password {
        user: named(&get("_USER")?),
        password: Secret::new(get("_PASSWORD")?),
        project: Some(named(&get("_PROJECT")?)),
    };
    let application = Method::Application {
        credential: Credential::Id(get("_APPLICATION")?),
        secret: Secret::new(get("_APPLICATION_SECRET")?),
    };
    Some([keystone(password), keystone(application)])
}

#[test]
fn keystone_lets_a_user_and_an_application_in_and_a_stranger_not() {
    let Some(clouds) = keystone() else { return };
    for mut cloud in clouds {
        let container = Fresh::new(cloud.clone());
        container.put("x", &[Bytes::from_static(b"content")]).unwrap();
        container.account.spoil_token();
        assert_eq!(container.get("x").unwrap(), "content");
        if let Identity::Keystone { method, .. } = &mut cloud.identity {
            match method {
                Method::Password { password, .. } => *password = Secret::new("hunter2"),
                Method::Application { secret, .. } => *secret = Secret::new("hunter2"),
            }
        }
        let stranger = Container::new(Arc::new(Account::of(cloud).unwrap()), "f-any", Cancel::new());
        let fault = stranger.get("x").unwrap_err();
        assert!(matches!(fault, Fault::Unauthenticated { .. }), "{fault}");
        assert!(!format!("{fault:?}").contains("hunter2"));
    }
}

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

#[test]
fn a_refused_token_is_renewed_once_and_a_second_refusal_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let refused = answer("401 Unauthorized", "", "");
    let content = answer("200 OK", "", "content");
    let answers = vec![
        token("one", &own),
        refused.clone(),
        token("two", &own),
        content,
        refused.clone(),
        token("three", &own),
        refused,
    ];
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (connection, _) = listener.accept().unwrap();
            kept.lock().unwrap().push(request(&connection));
            (&connection).write_all(answer.as_bytes()).unwrap();
        }
    });
    let lab = cloud(Identity::Keystone {
        auth_url: format!("{own}/v3"),
        method: Method::Application {
            credential: Credential::Id("i".into()),
            secret: Secret::new("hunter2"),
        },
    });
    let container = Container::new(Arc::new(Account::of(lab).unwrap()), "c", Cancel::new());
    assert_eq!(container.get("x").unwrap(), "content");
    let fault = container.get("x").unwrap_err();
    assert!(matches!(fault, Fault::Unauthenticated { .. }), "{fault}");
    server.join().unwrap();
    let asked = asked.lock().unwrap();
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
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| container.get("x"));
        // The request is under way when its connection is there.
        let (connection, _) = silent.accept().unwrap();
        cancel.cancel();
        assert!(matches!(waiting.join().unwrap(), Err(Fault::Canceled)));
        drop(connection);
    });
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}
