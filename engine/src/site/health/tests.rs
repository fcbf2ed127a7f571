use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// A real server that gives these answers, one to a connection; its address.
fn serve(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/up", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            asked.push(lines.next().unwrap().unwrap());
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            // A client that has heard enough may be gone.
            let _ = stream.write_all(answer.as_bytes());
        }
        asked
    });
    (url, server)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

const VALUES: Values<'static> = Values {
    site: "branch",
    application: "shop",
    component: "web",
    run: "01H",
};
const SOON: Duration = Duration::from_secs(5);

fn check(url: &str, status: u16, body: Option<&str>) -> Result<(), HealthFailure> {
    ask(
        &HttpCheck {
            url: url.to_owned(),
            status,
            body: body.map(str::to_owned),
        },
        SOON,
        &VALUES,
    )
}

#[test]
fn answers_count_as_up_or_say_why_not() {
    for (given, status, expected, outcome) in [
        (answer("200 OK", "anything"), 200, None, None),
        (answer("204 No Content", ""), 204, None, None),
        (answer("503 Busy", "no"), 503, None, None),
        (
            answer("200 OK", "ok shop at branch (web)"),
            200,
            Some("${DRAM_APPLICATION} at ${DRAM_SITE} (${DRAM_COMPONENT})"),
            None,
        ),
        (answer("500 Oh", "no"), 200, None, Some("answered 500 instead of 200")),
        (
            answer("302 Found\r\nlocation: http://127.0.0.1:1/", ""),
            200,
            None,
            Some("answered 302 instead of 200"),
        ),
        (
            answer("200 OK", "shop at office\n"),
            200,
            Some("shop at ${DRAM_SITE}"),
            Some("was answered by site `office`, not by `branch`"),
        ),
        (
            answer("200 OK", r#"{"site": "office", "up": true}"#),
            200,
            Some(r#""site": "${DRAM_SITE}""#),
            Some("was answered by site `office`, not by `branch`"),
        ),
        (
            answer("200 OK", "office"),
            200,
            Some("${DRAM_SITE}"),
            Some("answered without `branch`; it said `office`"),
        ),
        (
            answer("200 OK", "site branch2"),
            200,
            Some("site ${DRAM_SITE}."),
            Some("answered without `site branch.`; it said `site branch2`"),
        ),
        (
            answer("200 OK", "\u{1b}[2J bad"),
            200,
            Some("good"),
            Some("answered without `good`; it said `\\u{1b}[2J bad`"),
        ),
    ] {
        let (url, server) = serve(vec![given]);
        let told = check(&url, status, expected).err().map(|failure| failure.to_string());
        assert_eq!(told, outcome.map(|words| format!("`{url}` {words}")));
        assert_eq!(server.join().unwrap(), ["GET /up HTTP/1.1"]);
    }
}

#[test]
fn an_endless_answer_is_read_in_part() {
    let body = format!("ready {}", "x".repeat(3 << 20));
    let (url, server) = serve(vec![answer("200 OK", &body), answer("200 OK", &body)]);
    check(&url, 200, Some("ready")).unwrap();
    assert!(matches!(
        check(&url, 200, Some("steady")),
        Err(HealthFailure::Body { .. })
    ));
    server.join().unwrap();
}

#[test]
fn nobody_there() {
    // A port that was free a moment ago, with nobody behind it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://ann:hunter2@127.0.0.1:{port}/up");
    let failure = check(&url, 200, None).unwrap_err();
    let told = failure.to_string();
    assert!(
        told.starts_with(&format!("`http://…@127.0.0.1:{port}/up` did not answer: ")),
        "{told}"
    );
    assert!(!told.contains("hunter2"));
    for bad in ["", "127.0.0.1:80", "ftp://x/", "http://", "http://exa mple/"] {
        assert!(
            matches!(check(bad, 200, None), Err(HealthFailure::BadUrl { .. })),
            "{bad}: {:?}",
            check(bad, 200, None)
        );
    }
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let probe = HttpCheck {
        url,
        status: 200,
        body: None,
    };
    let failure = ask(&probe, Duration::from_millis(50), &VALUES).unwrap_err();
    assert!(matches!(failure, HealthFailure::NoAnswer { .. }), "{failure}");
}

/// A clock that moves when somebody sleeps by it.
#[derive(Default)]
struct Dreaming(std::sync::Mutex<Duration>);

impl Clock for Dreaming {
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, span: Duration) {
        *self.0.lock().unwrap() += span;
    }
}

fn unhealthy(attempt: u32) -> SiteError {
    SiteError::Unhealthy {
        site: "branch".to_owned(),
        component: "web".to_owned(),
        failure: Box::new(HealthFailure::NoAnswer {
            url: "http://x/".to_owned(),
            why: format!("attempt {attempt}"),
        }),
        asked_for: Duration::ZERO,
    }
}

#[test]
fn it_is_asked_until_the_start_period_is_over() {
    let (clock, attempts) = (Dreaming::default(), Cell::new(0));
    let failing = || {
        attempts.set(attempts.get() + 1);
        Err(unhealthy(attempts.get()))
    };
    let error = poll(Duration::from_secs(60), &clock, &Cancel::default(), failing)
        .unwrap_err()
        .unwrap();
    assert_eq!(clock.elapsed(), Duration::from_secs(60));
    assert!((60..70).contains(&attempts.get()), "{}", attempts.get());
    assert_eq!(
        error.to_string(),
        format!(
            "`web` at site `branch` is not up after 60 s: `http://x/` did not answer: attempt {}",
            attempts.get()
        )
    );
    assert!(error.help().contains("startPeriod"));
}

#[test]
fn it_is_asked_once_at_least_and_not_again_when_waiting_cannot_help() {
    let clock = Dreaming::default();
    let mut attempts = 0;
    poll(Duration::ZERO, &clock, &Cancel::default(), || {
        attempts += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(attempts, 1);
    let error = poll(SOON, &clock, &Cancel::default(), || {
        attempts += 1;
        Err(SiteError::NoRoot {
            site: "branch".to_owned(),
            root: "/branch".into(),
        })
    });
    assert!(matches!(error, Err(Some(SiteError::NoRoot { .. }))));
    assert_eq!((attempts, clock.elapsed()), (2, Duration::ZERO));
}

#[test]
fn it_comes_up_later_or_is_called_off() {
    let clock = Dreaming::default();
    let mut attempts = 0;
    poll(SOON, &clock, &Cancel::default(), || {
        attempts += 1;
        if attempts < 4 { Err(unhealthy(attempts)) } else { Ok(()) }
    })
    .unwrap();
    assert_eq!(clock.elapsed(), Duration::from_millis(100 + 200 + 400));
    let cancel = Cancel::default();
    let stopped = poll(SOON, &clock, &cancel, || {
        cancel.cancel();
        Err(unhealthy(1))
    });
    assert!(matches!(stopped, Err(None)));
}
