//! A reply on its way in, by three doors. `Ok(true)` where it was acknowledged; an error where the daemon died on the way.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::Mail;

/// Leaves it in a Maildir, as an MDA does: it is acknowledged when it is synced, and that does not need the daemon.
pub fn maildir(folder: &Path, name: &str, message: &[u8]) -> io::Result<bool> {
    let (tmp, new) = (folder.join("tmp").join(name), folder.join("new").join(name));
    let written = File::create(&tmp).and_then(|mut file| file.write_all(message).and_then(|()| file.sync_all()));
    let moved = written.and_then(|()| fs::rename(&tmp, &new)).and_then(|()| File::open(folder.join("new"))?.sync_all());
    // An MDA whose disk fails tells its MTA to come again.
    Ok(moved.is_ok())
}

/// By LMTP.
pub fn lmtp(socket: &Path, mail: &Mail, message: &[u8]) -> io::Result<bool> {
    let stream = UnixStream::connect(socket)?;
    deliver(&mut BufReader::new(stream), "LHLO mta.example", mail, message)
}

/// By SMTP.
pub fn smtp(port: u16, mail: &Mail, message: &[u8]) -> io::Result<bool> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    deliver(&mut BufReader::new(stream), "EHLO mail.example", mail, message)
}

fn deliver<S: Read + Write>(stream: &mut BufReader<S>, hello: &str, mail: &Mail, message: &[u8]) -> io::Result<bool> {
    if !said(stream)?.starts_with('2') {
        return Ok(false);
    }
    for command in [hello.to_owned(), format!("MAIL FROM:<{}>", mail.to), format!("RCPT TO:<{}>", mail.reply_to()), "DATA".to_owned()] {
        let reply = ask(stream, command.as_bytes())?;
        if !reply.starts_with(['2', '3']) {
            return Ok(false);
        }
    }
    let text = String::from_utf8_lossy(message).replace("\r\n.", "\r\n..");
    stream.get_mut().write_all(text.as_bytes())?;
    let reply = ask(stream, if text.ends_with("\r\n") { b"." } else { b"\r\n." })?;
    let _ = ask(stream, b"QUIT");
    Ok(reply.starts_with('2'))
}

fn ask<S: Read + Write>(stream: &mut BufReader<S>, command: &[u8]) -> io::Result<String> {
    stream.get_mut().write_all(&[command, b"\r\n"].concat())?;
    said(stream)
}

fn said<S: Read>(stream: &mut BufReader<S>) -> io::Result<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}
