//! `Authentication-Results` (RFC 8601): whether a system that we are told to trust says `dmarc=pass` for the sender.

use super::Trust;
use super::header::Headers;

/// Whether the topmost field of a trusted authserv-id vouches for `domain` as the author's (RFC 7489 §11.2). A missing
/// field, a missing `header.from`, or a second verdict that does not pass: no.
pub fn passes(headers: &Headers, domain: &str, trust: &Trust) -> bool {
    let trusted = |id: &str| trust.authserv_ids.iter().any(|known| known.eq_ignore_ascii_case(id));
    let mut fields = headers.all("Authentication-Results").map(|field| without_comments(&field.plain()));
    let Some(value) = fields.find(|value| trusted(authserv_id(value))) else {
        return false;
    };
    vouches(&value, domain)
}

/// Whether the results of one field (RFC 8601, or RFC 8617 §4.1.1), comments taken out, say `dmarc=pass` for `domain` and nothing else
/// of DMARC.
fn vouches(value: &str, domain: &str) -> bool {
    let verdicts: Vec<(&str, Option<&str>)> = value.split(';').skip(1).filter_map(dmarc).collect();
    !verdicts.is_empty()
        && verdicts
            .iter()
            .all(|(result, from)| result.eq_ignore_ascii_case("pass") && from.is_some_and(|from| from.eq_ignore_ascii_case(domain)))
}

/// Whether the value of an `ARC-Authentication-Results` field vouches for `domain` as the author's.
pub fn arc_vouches(value: &str, domain: &str) -> bool {
    vouches(&without_comments(value), domain)
}

fn authserv_id(value: &str) -> &str {
    value.split(';').next().unwrap_or("").split_whitespace().next().unwrap_or("").trim_matches('"')
}

/// The result of a `dmarc` method and its `header.from`.
fn dmarc(resinfo: &str) -> Option<(&str, Option<&str>)> {
    let mut words = resinfo.split_whitespace();
    let (method, result) = words.next()?.split_once('=')?;
    let method = method.split('/').next().unwrap_or(method);
    let from = words.find_map(|word| word.strip_prefix("header.from=")).map(|value| value.trim_matches('"'));
    let from = from.map(|value| value.rsplit('@').next().unwrap_or(value));
    method.eq_ignore_ascii_case("dmarc").then_some((result, from))
}

/// Takes comments out (RFC 5322 §3.2.2); blanks around `=` too, so that a verdict is one word, and of several blanks all but
/// one. What stands in quotes is kept together but loses its semicolons and blanks: nothing in them may look like a verdict.
pub fn without_comments(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut depth, mut quoted, mut escaped, mut blank) = (0_u32, false, false, false);
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => depth -= 1,
            ';' | ' ' | '=' if quoted => {}
            c if depth == 0 && c.is_whitespace() => blank = true,
            c if depth == 0 => {
                if std::mem::take(&mut blank) && c != '=' && !out.is_empty() && !out.ends_with('=') {
                    out.push(' ');
                }
                out.push(c);
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, domain: &str) -> bool {
        let ids = ["mx.ours.example".to_owned()];
        passes(&Headers::split(message.as_bytes()).0, domain, &Trust { authserv_ids: &ids })
    }

    #[test]
    fn only_the_topmost_trusted_field_counts() {
        let pass = "Authentication-Results: mx.ours.example; dmarc=pass (p=NONE) header.from=b.example\n\n";
        assert!(check(pass, "b.example"));
        assert!(!check(pass, "c.example"));
        assert!(!check(&pass.replace("mx.ours.example", "mx.theirs.example"), "b.example"));
        assert!(!check(&format!("Authentication-Results: mx.ours.example; dmarc=fail header.from=b.example\n{pass}"), "b.example"));
        assert!(!check("Authentication-Results: mx.ours.example; spf=pass\n\n", "b.example"));
        assert!(!check("Authentication-Results: mx.ours.example; dmarc=fail (dmarc=pass header.from=b.example)\n\n", "b.example"));
        assert!(check("Authentication-Results: mx.ours.example; dmarc (a) = (b) pass\n\theader.from = (c) b.example\n\n", "b.example"));
        assert!(!check("Authentication-Results: mx.ours.example; spf=pass reason=\"; dmarc=pass header.from=b.example\"\n\n", "b.example"));
    }
    /// A seal's results are as long as a message, and are read before the seal is checked.
    #[test]
    fn long_results_cost_no_more_than_their_length() {
        let value = format!("i=1; x; dmarc={} fail header.from=b.example", "() ".repeat(1_000_000));
        let began = std::time::Instant::now();
        assert!(!arc_vouches(&value, "b.example"));
        assert!(began.elapsed() < std::time::Duration::from_secs(2));
    }
}
