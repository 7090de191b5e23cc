//! What elements mean in the mail of the big programs: quotes, containers of originals, signatures, hidden text.

use super::tag::Tag;

/// What an element is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing special.
    Plain,
    /// Quotes.
    Quote,
    /// Holds an attribution and a quote, and sometimes answers between; or an original whole, if there is no quote in it.
    Container,
    /// Holds an original whole.
    Original,
    /// Stands above an original that goes on to the end.
    Cut,
    /// Holds a signature.
    Signature,
    /// Not shown.
    Hidden,
}

/// Classes and ids (their `x_` prefixes taken off) and what they mean. Matching is by whole name, lower-case.
const NAMES: &[(&str, Role)] = &[
    ("gmail_attr", Role::Quote),
    ("gmail_quote", Role::Container),
    ("gmail_quote_container", Role::Container),
    ("moz-cite-prefix", Role::Quote),
    ("moz-email-headers-table", Role::Quote),
    ("moz-forward-container", Role::Original),
    ("yahoo_quoted", Role::Original),
    ("yahooquoted", Role::Original),
    ("protonmail_quote", Role::Container),
    ("tutanota_quote", Role::Quote),
    ("zmail_extra", Role::Original),
    ("zmail_extra_hr", Role::Cut),
    ("zwchr", Role::Cut),
    ("divrplyfwdmsg", Role::Cut),
    ("appendonsend", Role::Cut),
    ("mail-editor-reference-message-container", Role::Original),
    ("ms-outlook-mobile-reference-message", Role::Original),
    ("olk_src_body_section", Role::Original),
    ("olk_src_body_content", Role::Original),
    ("outlookmessageheader", Role::Cut),
    ("stopspelling", Role::Cut),
    ("isreplycontent", Role::Original),
    ("isforwardcontent", Role::Original),
    ("zhistoryrow", Role::Original),
    ("ntes-mailmaster-quote", Role::Original),
    ("netease_mail_signature", Role::Signature),
    ("orimsghtmlseperator", Role::Cut),
    ("quoted-content", Role::Original),
    ("reply-intro", Role::Quote),
    ("replybody", Role::Plain),
    ("messagereplysection", Role::Original),
    ("messagesignaturesection", Role::Signature),
    ("front-blockquote", Role::Quote),
    ("missive_quote", Role::Quote),
    ("airmail_on", Role::Quote),
    ("airmail_ext_on", Role::Quote),
    ("clean_bq", Role::Quote),
    ("wlemail_quote", Role::Quote),
    ("readmsgbody", Role::Plain),
    ("acompli_signature", Role::Signature),
    ("gmail_signature", Role::Signature),
    ("gmail_signature_prefix", Role::Signature),
    ("moz-signature", Role::Signature),
    ("protonmail_signature_block", Role::Signature),
    ("protonmail_signature_block-user", Role::Signature),
    ("protonmail_signature_block-proton", Role::Signature),
    ("signature", Role::Signature),
    ("ms-outlook-mobile-signature", Role::Signature),
    ("ms-outlook-mobile-body-separator-line", Role::Plain),
    ("applemailsignature", Role::Signature),
    ("linebreakatbeginningofsignature", Role::Plain),
    ("composer_signature", Role::Signature),
    ("bloop_sign", Role::Signature),
    ("zmail_signature", Role::Signature),
    ("foxmail_sign", Role::Signature),
    ("mobile-signature", Role::Signature),
    ("qt", Role::Quote),
];

/// The role of an element.
pub fn of(tag: &Tag) -> Role {
    if tag.is("includetail") {
        return Role::Original;
    }
    if tag.is("blockquote") {
        return if is_indented(tag) { Role::Plain } else { Role::Quote };
    }
    let shapes = ["div", "span", "table", "p", "hr", "section", "td", "body", "font", "a", "pre", "body"];
    if !shapes.iter().any(|name| tag.is(name)) {
        return Role::Plain;
    }
    if tag.is("pre") {
        return named(tag).filter(|role| *role == Role::Signature).unwrap_or(Role::Plain);
    }
    if let Some(role) = named(tag) {
        return role;
    }
    tag.attribute("style").map_or(Role::Plain, |style| styled(tag, &style))
}

/// What the button for indenting makes in Gmail and Apple Mail: 40 pixels, no bar, no name. People indent their own words.
fn is_indented(tag: &Tag) -> bool {
    let style: String = tag.attribute("style").unwrap_or_default().to_ascii_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let bare = ["class", "type", "cite", "id"].iter().all(|name| tag.attribute(name).is_none());
    bare && style.contains("margin:0") && style.contains("40px") && style.contains("border:none") && style.contains("padding:0")
}

fn named(tag: &Tag) -> Option<Role> {
    let mut names = String::new();
    for attribute in ["class", "id", "name", "data-marker", "data-smartmail"] {
        if let Some(value) = tag.attribute(attribute) {
            names.push_str(&value.to_ascii_lowercase());
            names.push(' ');
        }
    }
    names.split_ascii_whitespace().take(16).find_map(name_role)
}

fn name_role(name: &str) -> Option<Role> {
    // Outlook on the web puts x_ before every name it shows again, once each time.
    let mut bare = name;
    while let Some(rest) = bare.strip_prefix("x_") {
        bare = rest;
    }
    if bare == "__divider__" {
        return Some(Role::Cut);
    }
    // GMX and web.de: <div name="quote">; as a class the word is too common.
    if bare == "quote" {
        return Some(Role::Original);
    }
    // Yahoo puts a random word before its names.
    if bare.starts_with("ydp") || bare.starts_with("yiv") {
        if bare.ends_with("yahoo_quoted") {
            return Some(Role::Original);
        }
        return (bare.ends_with("signature")).then_some(Role::Signature);
    }
    NAMES.iter().find(|(known, _)| *known == bare).map(|(_, role)| *role)
}

fn styled(tag: &Tag, style: &str) -> Role {
    let style: String = style.to_ascii_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    if style.contains("display:none") || style.contains("mso-hide:all") || style.contains("visibility:hidden") {
        return Role::Hidden;
    }
    // Outlook and Windows Mail draw a line above the header block of the original.
    let line_above =
        style.contains("border-top:solid") || style.contains("border-top:1ptsolid") || style.contains("border-top-style:solid");
    if tag.is("div")
        && line_above
        && (style.contains("padding:3.0pt")
            || style.contains("border-style:solidnonenone")
            || style.contains("padding:3pt")
            || style.contains("padding-top:5px"))
    {
        return Role::Cut;
    }
    // GMX, Yandex and Mail.ru without a blockquote.
    let bar = style.contains("border-left:") && style.contains("padding") && style.contains("margin");
    if tag.is("div") && bar && !style.contains("border-left:none") && !style.contains("border-left:0") {
        return Role::Quote;
    }
    Role::Plain
}
