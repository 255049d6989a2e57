//! Notices by mail.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncTransport as _, Message as Mail, Tokio1Executor};
use longhaul_contract::digest::Digest;
use longhaul_contract::notice::{Notice, NoticeEvent, NotifyRequest};

use super::message::Message;
use super::send::Undelivered;
use super::settings::{EmailSettings, MailTls};
use super::webhook;

/// How long the server may take to answer a command.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps answering machines quiet.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The mail to one address. Its id is the same at each attempt, and all that is said of a gate is
/// one thread.
pub(crate) fn mail(
    settings: &EmailSettings,
    to: &str,
    request: &NotifyRequest,
    notice: &Notice,
    message: &Message,
) -> Result<Mail, String> {
    let from: Mailbox =
        settings.from.parse().map_err(|error| format!("`from` is no address: {error}"))?;
    let to: Mailbox = to.parse().map_err(|error| format!("`to` is no address: {error}"))?;
    let domain = from.email.domain().to_owned();
    let name = |of: &str| {
        let digest = Digest::of_bytes(of.as_bytes());
        format!("<{}@{domain}>", digest.as_str().trim_start_matches("sha256:"))
    };
    let id = name(&format!("{}/{}", webhook::key(request, notice), to.email));
    let thread = name(&format!("{}/{}", request.chain, gate(notice)));
    Mail::builder()
        .from(from)
        .to(to)
        .subject(&message.title)
        .message_id(Some(id))
        .references(thread)
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(message.text())
        .map_err(|error| error.to_string())
}

fn gate(notice: &Notice) -> &str {
    match &notice.event {
        NoticeEvent::Asked { request }
        | NoticeEvent::Reminded { request }
        | NoticeEvent::Escalated { request }
        | NoticeEvent::Delegated { request, .. } => &request.id,
        NoticeEvent::Closed { gate, .. }
        | NoticeEvent::Voted { gate, .. }
        | NoticeEvent::Refused { gate, .. } => gate,
        NoticeEvent::Remembered { .. }
        | NoticeEvent::Judged { .. }
        | NoticeEvent::Steered { .. } => "",
    }
}

/// A connection that is made for each message: there are few.
pub(super) fn transport(
    settings: &EmailSettings,
    password: Option<String>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Undelivered> {
    let host = settings.host.as_str();
    let made = match settings.tls {
        MailTls::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
        MailTls::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
        MailTls::Plain => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)),
    };
    let mut builder =
        made.map_err(|error| unsent(&error))?.port(settings.port).timeout(Some(TIMEOUT));
    if let (Some(user), Some(password)) = (&settings.user, password) {
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}

/// Sends a mail.
pub(super) async fn send(
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    mail: Mail,
) -> Result<(), Undelivered> {
    transport.send(mail).await.map(drop).map_err(|error| unsent(&error))
}

/// What a failure means. The server's words, which may repeat what it was sent, are left out.
fn unsent(error: &lettre::transport::smtp::Error) -> Undelivered {
    if let Some(code) = error.status() {
        let problem = format!("the mail server answered {code}");
        return if error.is_permanent() {
            Undelivered::never(problem)
        } else {
            Undelivered::later(problem)
        };
    }
    let problem = if error.is_timeout() {
        "the mail server did not answer in time"
    } else if error.is_tls() {
        "the mail server could not be reached by TLS"
    } else if error.is_client() {
        "the mail server does not offer what the channel needs (TLS, or a way to sign in)"
    } else {
        "the mail server could not be reached"
    };
    Undelivered::later(problem)
}

#[cfg(test)]
mod tests {
    use super::super::filter::Told;
    use super::super::testing;
    use super::*;

    fn settings() -> EmailSettings {
        EmailSettings {
            host: "127.0.0.1".into(),
            port: 25,
            tls: MailTls::Plain,
            user: None,
            password_env: None,
            from: "Longhaul <longhaul@example.com>".into(),
            to: vec!["ada@example.com".into()],
            groups: Vec::new(),
            links: true,
        }
    }

    fn text(notice: &Notice, to: &str) -> String {
        let told = Told::of(notice).unwrap();
        let all = testing::notices(vec![]);
        let link = Some("https://l.example/a/x".to_owned());
        let message = Message::of("brief-1", &all, notice, &told, link);
        let mail = mail(&settings(), to, &all, notice, &message).unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    fn header(mail: &str, name: &str) -> String {
        let line = mail.lines().find(|line| line.starts_with(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {mail}")).to_owned()
    }

    #[test]
    fn a_mail_has_subject_text_and_link() {
        let mail = text(&testing::asked(1), "ada@example.com");
        let subject = header(&mail, "Subject");
        assert_eq!(subject, "Subject: brief wants to run crm.refund <!channel> C-17");
        for part in ["Effect: money", "    + 120", "https://l.example/a/x", "Auto-Submitted: auto"]
        {
            assert!(mail.contains(part), "{part} is not in {mail}");
        }
    }

    #[test]
    fn its_id_is_its_own_and_a_gate_is_one_thread() {
        let id = |mail: &str| header(mail, "Message-ID");
        let first = text(&testing::asked(1), "ada@example.com");
        assert_eq!(id(&first), id(&text(&testing::asked(1), "ada@example.com")));
        assert_ne!(id(&first), id(&text(&testing::asked(1), "eve@example.com")));
        assert_ne!(id(&first), id(&text(&testing::asked(2), "ada@example.com")));
        let closed = text(&testing::closed(3), "ada@example.com");
        assert_eq!(header(&first, "References"), header(&closed, "References"));
    }

    #[test]
    fn no_summary_adds_a_header() {
        let mut request = testing::request();
        request.summary = "x\r\nBcc: eve@example.com".into();
        let event = NoticeEvent::Asked { request: Box::new(request) };
        let notice = Notice { number: 1, at: testing::now(), event };
        let mail = text(&notice, "ada@example.com");
        assert!(!mail.lines().any(|line| line.starts_with("Bcc")), "{mail}");
    }
}
