//! Cookies: whose they are, how long they count, and what other sites cannot do with them.

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn ada() -> Person {
    Person { name: "ada@example.com".to_owned(), groups: vec!["finance".to_owned()] }
}

fn sent(cookie: &HeaderValue) -> HeaderMap {
    let text = cookie.to_str().unwrap();
    let pair = text.split(';').next().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::try_from(format!("a=b; {pair}; c=d")).unwrap());
    headers
}

#[test]
fn whoever_is_signed_in_is_known_until_their_time_is_over() {
    let sessions = Sessions::new(b"a key", LONG, false);
    let session = sessions.session(&sent(&sessions.begin(ada(), None))).unwrap();
    assert_eq!(session.person, ada());
    let over = Sessions::new(b"a key", Duration::ZERO, false);
    assert_eq!(over.session(&sent(&over.begin(ada(), None))), None);
    assert_eq!(sessions.session(&sent(&sessions.end())), None);
    assert_eq!(sessions.session(&HeaderMap::new()), None);
}

#[test]
fn cookies_cannot_be_made_or_changed_elsewhere() {
    let sessions = Sessions::new(b"a key", LONG, false);
    let good = sessions.begin(ada(), None);
    let other = Sessions::new(b"another key", LONG, false);
    assert_eq!(sessions.session(&sent(&other.begin(ada(), None))), None);
    let changed = good.to_str().unwrap().replacen("=e", "=f", 1);
    assert_ne!(changed, good.to_str().unwrap());
    assert_eq!(sessions.session(&sent(&HeaderValue::try_from(changed).unwrap())), None);
    // Who is on the way is not there.
    let login = Login {
        state: "s".to_owned(),
        nonce: "n".to_owned(),
        verifier: "v".to_owned(),
        next: "/approvals".to_owned(),
        expires: Timestamp::default(),
    };
    let left = sessions.leave(login);
    assert_eq!(sessions.login(&sent(&left)).unwrap().state, "s");
    let as_session = left.to_str().unwrap().replacen(LOGIN, SESSION, 1);
    assert_eq!(sessions.session(&sent(&HeaderValue::try_from(as_session).unwrap())), None);
}

#[test]
fn browsers_keep_them_to_themselves() {
    for (secure, name, ending) in [
        (false, "longhaul_session=", "; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"),
        (true, "__Host-longhaul_session=", "; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"),
    ] {
        let cookie = Sessions::new(b"a key", LONG, secure).begin(ada(), None);
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with(name) && text.ends_with(ending), "{text}");
        assert!(cookie.is_sensitive());
    }
}

#[test]
fn a_form_is_one_sessions_own() {
    let sessions = Sessions::new(b"a key", LONG, false);
    let mine = sent(&sessions.begin(ada(), None));
    let bob = Person { name: "bob@example.com".to_owned(), groups: Vec::new() };
    let theirs = sent(&sessions.begin(bob, None));
    let csrf = sessions.csrf(&mine);
    assert!(sessions.is_own_form(&mine, &csrf));
    for (headers, sent) in [(&theirs, csrf.as_str()), (&mine, ""), (&mine, "AAAA")] {
        assert!(!sessions.is_own_form(headers, sent));
    }
}
