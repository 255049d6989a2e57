//! A mail server on loopback that takes mail, or does not, and remembers it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A mail as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is for, as the envelope says.
    pub to: Vec<String>,
    /// Headers and body.
    pub text: String,
}

impl Mail {
    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let begin = format!("{name}: ");
        self.text.lines().find_map(|line| line.strip_prefix(&begin)).unwrap_or_default()
    }
}

/// Which reply the next mails get in place of being taken: `450`, `550`.
type Refusals = Arc<Mutex<Vec<u16>>>;

/// A mail server that listens until it is dropped.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Mail>>>,
    said: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl MailServer {
    /// Starts one that refuses as many mails as there are `refusals`, each with that code, and
    /// takes all others. It offers neither TLS nor a way to sign in.
    pub async fn start(refusals: impl IntoIterator<Item = u16>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bind loopback");
        let address = listener.local_addr().expect("local address");
        let (taken, said) = (Arc::default(), Arc::default());
        let refusals: Refusals = Arc::new(Mutex::new(refusals.into_iter().collect()));
        let (mails, lines) = (Arc::clone(&taken), Arc::clone(&said));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mails, lines) = (Arc::clone(&mails), Arc::clone(&lines));
                let refusals = Arc::clone(&refusals);
                // Whoever hangs up in the middle is none of the test's business.
                tokio::spawn(async move { serve(stream, &mails, &lines, &refusals).await.ok() });
            }
        });
        Self { address, taken, said, task }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The mails that it took.
    pub fn taken(&self) -> Vec<Mail> {
        self.taken.lock().unwrap().clone()
    }

    /// Every command that it was given.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    taken: &Mutex<Vec<Mail>>,
    said: &Mutex<Vec<String>>,
    refusals: &Refusals,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mock\r\n").await?;
    let mut to = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.trim().to_owned();
        said.lock().unwrap().push(command.clone());
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let reply = match verb.as_str() {
            "EHLO" | "HELO" => "250 mock".to_owned(),
            "RCPT" => {
                to.push(command.trim_start_matches("RCPT TO:").trim_matches(['<', '>']).to_owned());
                "250 ok".to_owned()
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let text = data(&mut stream).await?;
                let refusal = {
                    let mut refusals = refusals.lock().unwrap();
                    (!refusals.is_empty()).then(|| refusals.remove(0))
                };
                match refusal {
                    Some(code) => format!("{code} not now"),
                    None => {
                        let to = std::mem::take(&mut to);
                        taken.lock().unwrap().push(Mail { to, text });
                        "250 taken".to_owned()
                    }
                }
            }
            "MAIL" | "RSET" | "NOOP" => "250 ok".to_owned(),
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 not here".to_owned(),
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

/// A mail up to the line that has a dot alone.
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 || line.trim_end() == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
