use super::super::{Facts, Kind as Read, kind};
use super::phrases::{END_BYTES, PHRASES, ROWS};
use super::*;

fn said<'a>(subject: &'a str, from: &'a str, words: &'a str) -> Said<'a> {
    Said { words, doubtful: "", whole: words, subject, from, name: "" }
}

fn read(subject: &str, from: &str, words: &str) -> (Read, Vec<String>) {
    let mut marks = stock_marks(&said(subject, from, words));
    marks.insert(Mark::Refers);
    let found = kind(&Facts { typed: words.into(), marks, ..Facts::default() });
    (found.kind, found.signals)
}

#[test]
fn acknowledgements_in_several_languages() {
    for (subject, words) in [
        ("Re: Reset", "Hello,\n\nyour request (#48213) has been received and is being reviewed by our support staff."),
        (
            "[#48213] Passwort",
            "Guten Tag,\nvielen Dank für Ihre Nachricht. Sie ist unter der Ticketnummer 48213 erfasst. Dies ist eine automatische Antwort.",
        ),
        ("Ticket 48213", "Bonjour,\n\nNous accusons réception de votre demande, ticket n° 48213."),
        ("Caso 48213", "Estimado cliente:\n\nHemos recibido su consulta y le responderemos a la mayor brevedad. Caso 48213."),
        ("[48213]", "お問い合わせを受け付けました。受付番号は48213です。このメールは自動送信されています。"),
        ("[48213]", "您的请求已收到，工单编号48213。本邮件由系统自动发送。"),
        ("[48213]", "Ваше обращение зарегистрировано, номер 48213."),
        ("[48213]", "تم استلام طلبكم، رقم التذكرة 48213. هذه رسالة آلية."),
    ] {
        assert_eq!(read(subject, "a@b.example", words).0, Read::AutoReply, "{words}: {:?}", read(subject, "a@b.example", words).1);
    }
}

#[test]
fn one_kind_of_evidence_is_a_persons() {
    let desk = "support@b.example";
    for (subject, words) in [
        // A number.
        ("[Ticket #48213] Re: Reset", "It works now"),
        ("Re: Reset", "Ticket 48213: the link does not work"),
        ("Re: Reset", "Vorgang 4711 läuft schon bei der Polizei"),
        // The word of a machine, quoted or asked about.
        ("Re: Reset", "Is this an automatic message?"),
        ("Re: Reset", "Your auto-reply says a ticket has been created (#48213)"),
        ("Re: Reset", "I got an automatic mail from you, ticket 48213"),
        ("Re: Reset", "Diese automatischen Mails nerven. Ticket 4711"),
        ("Re: Reset", "自動送信のメールが届きましたが、心当たりがありません。受付番号4711"),
        ("Re: Reset", "Dostałem automatyczną wiadomość, zgłoszenie 4711"),
        // What a company adds below what was typed, with no mark of a signature.
        ("Re: Reset", "Please block it.\n\nThis is an automated message, please do not reply to this mail. Ticket 48213"),
        ("Re: Reset", "Bitte sperren\nB GmbH\nDies ist eine automatisch erstellte Nachricht. Ticket 48213"),
        ("Re: Reset", "Solved, no reply is needed.\n\nThis is an automated message. Ticket 48213"),
        // A person at a help desk.
        ("[Ticket #48213] Re: Reset", "Thanks for contacting us. We have received your message, but nobody here asked for a new password."),
        ("[Ticket #48213] Re: Reset", "Nous avons bien reçu votre message ; personne chez nous n'a fait cette demande. Ticket 48213"),
        ("[Ticket #48213] Re: Reset", "Thank you for contacting us. We have received your mail. Kim"),
        // Promises that are asked for.
        ("Re: Reset", "please answer within one business day, case 4711"),
        // Our own line with the code.
        ("Re: Reset", "@shop.example #27180463"),
    ] {
        assert_eq!(read(subject, desk, words).0, Read::Reply, "{words}: {:?}", read(subject, desk, words).1);
    }
}

#[test]
fn challenges_ask_twice_and_have_a_link() {
    let marks = |words| stock_marks(&said("", "a@b.example", words));
    let asks = "Your message is being held. Please confirm that you are human, so it can be delivered: https://isp.example/a";
    assert!(marks(asks).contains(&Mark::ChallengeText));
    for words in ["It landed in my spam filter: https://isp.example/a", "Why must I verify that you are human? My spam filter says so"] {
        assert!(!marks(words).contains(&Mark::ChallengeText), "{words}");
    }
}

#[test]
fn receipts_in_prose() {
    let receipt = |words, whole| stock_marks(&Said { whole, ..said("Read: Reset", "a@b.example", words) });
    let block = "Your message\n\n To: a@b.example\n Subject: Reset\n\nwas read on Monday";
    assert!(receipt("Your message", block).contains(&Mark::ReceiptText));
    assert!(!receipt("I never asked for this, please stop it", block).contains(&Mark::ReceiptText));
    assert!(receipt("not me", block).contains(&Mark::PersonWords));
}

#[test]
fn every_row_has_a_known_kind_and_three_bytes() {
    let known = ["automatic", "no_answer", "received", "promise", "thanks", "demand", "guard", "receipt", "ticket", "greeting", "person"];
    for [kind, language, _] in ROWS.iter() {
        assert!(known.contains(kind) && *language != "-" || ["mailbox", "sender"].contains(kind), "{kind} {language}");
    }
    for phrase in PHRASES.iter() {
        assert!(phrase.start.len() >= 3, "{}: {:?}", phrase.language, phrase.start);
        assert!(phrase.ends.iter().all(|end| end.len() <= END_BYTES), "{}: {:?}", phrase.language, phrase.ends);
    }
    assert_eq!(
        PHRASES.iter().filter(|phrase| phrase.kind == Kind::Automatic).map(|phrase| phrase.language).collect::<BTreeSet<_>>().len(),
        36
    );
}

#[test]
fn numbers_of_tickets() {
    for text in ["ticket #48213", "[#48213]", "case 00123", "ihre vorgangsnummer: 4711", "受付番号は20931です", "заявка № 4711"]
    {
        assert!(ticket::in_text(&fold(text)), "{text}");
    }
    for text in ["at 10:15 in 2024", "on 2024-03-04", "the code 27180463", "@shop.example #27180463", "case closed", "€ 4711"] {
        assert!(!ticket::in_text(&fold(text)), "{text}");
    }
    for subject in ["HD-482 Re: Reset", "Re: Reset [ ref:_00D.x.!500:ref ]", "[Ticket ID: 8727101] Reset", "Case 00048213: Reset"] {
        assert!(ticket::in_subject(subject, &fold(subject)), "{subject}");
    }
    assert!(!ticket::in_subject("Re: Reset your password [EXT]", "re: reset your password [ext]"));
}
