use resetd_core::inbound::{Kind, kind};

use super::{Envelope, Trust, read};

fn facts(raw: &str) -> resetd_core::inbound::Facts {
    let envelope = Envelope { mail_from: None, rcpt_to: vec!["<r+tag1@acme.example>".to_owned()] };
    read(raw.as_bytes(), &envelope, &Trust { authserv_ids: &["mx.acme.example".to_owned()] })
}

#[test]
fn ids_and_addresses_come_from_every_place() {
    let facts = facts(
        "Received: from x by y with ESMTP id 1 for <r+tag2@acme.example>; Mon, 4 Mar 2024 10:12:14 +0000\r\n\
         Delivered-To: r+tag3@acme.example\r\nX-Original-To: r+tag4@acme.example\r\nX-Forwarded-To: r+tag5@acme.example\r\n\
         From: \"Kim, K.\" <Kim@B.Example>\r\nTo: undisclosed:;, Acme <r+tag6@ACME.example>\r\nCc: r+tag7@acme.example\r\n\
         In-Reply-To: <a@x> \r\nReferences: <b@x>,<c@x>\r\n <0100-abc-000000@email.amazonses.com>\r\n\
         X-Microsoft-Original-Message-ID: <d@x>\r\nSubject: =?utf-8?Q?F=C3=BCr_dich?=\r\nReturn-Path: <>\r\n\
         Authentication-Results: mx.acme.example; dmarc=pass header.from=b.example\r\n\r\nno\r\n> Message-ID: <e@x>\r\n",
    );
    for tag in 1..=7 {
        assert!(facts.recipients.contains(&format!("r+tag{tag}@acme.example")), "{tag}: {:?}", facts.recipients);
    }
    assert_eq!(facts.references, ["a@x", "b@x", "c@x", "0100-abc-000000@email.amazonses.com"]);
    assert_eq!(facts.embedded_ids, ["d@x", "e@x"]);
    assert!(facts.next_hop_ids.contains(&"0100-abc-000000".to_owned()));
    assert_eq!(facts.from.as_deref(), Some("Kim@b.example"));
    assert_eq!(facts.from_name.as_deref(), Some("Kim, K."));
    assert_eq!(facts.subject.as_deref(), Some("Für dich"));
    assert_eq!(facts.return_path.as_deref(), Some(""));
    assert_eq!(facts.dmarc_pass.as_deref(), Some("b.example"));
    assert_eq!(kind(&facts).kind, Kind::Reply);
    assert_eq!(facts.typed, "no");
}

#[test]
fn two_authors_prove_nothing() {
    let raw = "From: a@b.example, c@d.example\r\nAuthentication-Results: mx.acme.example; dmarc=pass header.from=b.example\r\n\r\nno";
    assert_eq!(facts(raw).dmarc_pass, None);
    assert_eq!(facts(&raw.replace(", c@d.example", "\r\nFrom: c@d.example")).dmarc_pass, None);
}

/// Law 6: a relay's field beside the machine's, a comment before the keyword.
#[test]
fn an_automatic_answer_is_one_however_it_says_so() {
    for head in ["Auto-Submitted: no\r\nAuto-Submitted: auto-replied", "Auto-Submitted: (vacation) auto-replied; owner-email=x"] {
        assert_eq!(kind(&facts(&format!("From: a@b.example\r\n{head}\r\n\r\nnot me"))).kind, Kind::AutoReply, "{head}");
    }
}

/// Law 4: what a person copied from a report does not make the answer one, and the reset's address is not held for it.
#[test]
fn fields_of_reports_in_an_answer_make_no_report() {
    for copied in ["Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1", "Feedback-Type: abuse\nUser-Agent: x\nVersion: 1"]
    {
        let text = format!("Not me! This came too:\n\n{copied}\n");
        let answer = facts(&format!("From: a@b.example\nIn-Reply-To: <x@acme.example>\n\n{text}"));
        assert_eq!((kind(&answer).kind, answer.bounce), (Kind::Reply, None), "{copied}");
        assert!(answer.typed.starts_with("Not me!"));
        let report = facts(&format!("From: mailer-daemon@b.example\nIn-Reply-To: <x@acme.example>\nReturn-Path: <>\n\n{text}"));
        assert_ne!(kind(&report).kind, Kind::Reply, "{copied}");
    }
}

/// Everything here keeps the DKIM signature of `eve@b.example` good, whose domain is her victim's too.
#[test]
fn an_author_that_others_read_otherwise_is_vouched_for_by_nobody() {
    let results = "Authentication-Results: mx.acme.example; dmarc=pass header.from=b.example\r\n";
    assert!(facts(&format!("{results}From: Eve\r\n <eve@b.example>\r\n\r\nno")).dmarc_pass.is_some());
    for head in [
        "From: \"ann@b.example\"\r\n \r\n \r\n <eve@b.example>\r\n",
        "From: \"ann@b.example\"\r\n\t\r\n <eve@b.example>\r\n",
        "From: ann@b.example\r\nrubbish\r\nSubject: x\r\n",
        "From: ann@b.example\r\nrubbish\r\n",
        "From: ann@b.example\r\nX-A: b\rFrom: eve@b.example\r\n",
        "From: ann@b.example\r\nX-A: b\r\n c\rFrom: eve@b.example\r\n",
        "From: \"ann@b.example\"\r\n",
        "From: =?utf-8?q?ann=40b.example?=\r\n",
        "Subject: I did not ask for this\r\nSubject: lunch\r\nFrom: eve@b.example\r\n",
        "Content-Type: text/html\r\nContent-Type: text/plain\r\nFrom: eve@b.example\r\n",
        "To: r@acme.example\r\nTo: jo@b.example\r\nFrom: eve@b.example\r\n",
    ] {
        assert_eq!(facts(&format!("{results}{head}\r\nno")).dmarc_pass, None, "{head}");
    }
    let long = format!("{results}From: ann@b.example ({}), eve@b.example\r\n\r\nno", "x".repeat(17_000));
    assert_eq!(facts(&long).dmarc_pass, None);
    let many = format!("{results}From: ann@b.example\r\n{}From: eve@b.example\r\n\r\nno", "X: y\r\n".repeat(1_100));
    assert_eq!(facts(&many).dmarc_pass, None);
}

#[test]
fn what_is_no_mail_reaches_a_person() {
    for raw in ["", "\0\0\0", "not me", "From", "\r\n\r\n", "Content-Type: multipart/mixed; boundary=x\r\n\r\nnot me"] {
        let facts = facts(raw);
        assert_eq!(kind(&facts).kind, Kind::Reply, "{raw:?}");
        if raw.contains("not me") {
            assert_eq!(facts.typed, "not me", "{raw:?}");
        }
    }
}
