//! Log lines to the journal, by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): every field as a field, and a message in
//! words. Most of our lines are a name with fields and have no text; the journal shows an entry without `MESSAGE=` to nobody,
//! so such a line gets one that is made of them.

use std::fmt::{Debug, Write as _};
use std::io;
use std::os::unix::net::UnixDatagram;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

const SOCKET: &str = "/run/systemd/journal/socket";
/// The longest value, in octets; a datagram takes no more than about 200 KiB.
const VALUE_MAX: usize = 16 * 1024;

/// The layer.
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// Connects; an error where there is no journal.
    pub(super) fn open() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(SOCKET)?;
        Ok(Self(socket))
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Whom should one tell that the journal is away?
        let _ = self.0.send(&entry(event));
    }
}

fn entry(event: &Event<'_>) -> Vec<u8> {
    let mut line = Line::default();
    event.record(&mut line);
    let meta = event.metadata();
    let mut entry = Vec::with_capacity(512);
    put(&mut entry, "PRIORITY", priority(*meta.level()));
    put(&mut entry, "SYSLOG_IDENTIFIER", "resetd");
    put(&mut entry, "TARGET", meta.target());
    for (name, value) in &line.fields {
        put(&mut entry, &format!("RESETD_{}", name.replace('.', "_").to_ascii_uppercase()), value);
    }
    put(&mut entry, "MESSAGE", &line.message());
    entry
}

fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "5",
        Level::DEBUG => "6",
        Level::TRACE => "7",
    }
}

/// `NAME=value`, or where the value has more than one line: the name, its length, and the value.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    let value = &value.as_bytes()[..value.floor_char_boundary(VALUE_MAX)];
    entry.extend(name.as_bytes());
    if value.contains(&b'\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value);
    entry.push(b'\n');
}

/// What an event says.
#[derive(Default)]
struct Line {
    text: String,
    fields: Vec<(&'static str, String)>,
}

impl Line {
    /// Its text, or else its name and fields: `mail.sent reset=… attempt=1`.
    fn message(&self) -> String {
        if !self.text.is_empty() {
            return self.text.clone();
        }
        let mut message = String::new();
        for (name, value) in &self.fields {
            let _ = match *name {
                "event" => write!(message, "{value}"),
                name => write!(message, " {name}={value}"),
            };
        }
        message.trim_start().to_owned()
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.text),
            name => self.fields.push((name, value.to_owned())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    struct Kept(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(String::from_utf8_lossy(&entry(event)).into_owned());
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let kept = Arc::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Kept(Arc::clone(&kept))), log);
        let entries = kept.lock().unwrap();
        entries.concat()
    }

    #[test]
    fn a_line_without_words_gets_some() {
        let entry = logged(|| tracing::info!(event = "mail.sent", reset = "01a2", attempt = 2));
        for field in ["PRIORITY=5\n", "SYSLOG_IDENTIFIER=resetd\n", "RESETD_EVENT=mail.sent\n", "RESETD_ATTEMPT=2\n"] {
            assert!(entry.contains(field), "{field} in {entry}");
        }
        assert!(entry.ends_with("MESSAGE=mail.sent reset=01a2 attempt=2\n"), "{entry}");
    }

    #[test]
    fn words_are_left_as_they_are() {
        let entry = logged(|| tracing::error!(event = "reload.failed", "the file is bad"));
        assert!(entry.contains("PRIORITY=3\n") && entry.ends_with("MESSAGE=the file is bad\n"), "{entry}");
    }

    #[test]
    fn no_value_can_forge_a_field() {
        let entry = logged(|| tracing::info!(event = "x", said = "250 ok\nPRIORITY=0"));
        assert!(entry.contains("RESETD_SAID\n\x11\0\0\0\0\0\0\x00250 ok\nPRIORITY=0\n"), "{entry:?}");
    }
}
