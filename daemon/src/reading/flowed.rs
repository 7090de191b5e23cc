//! `format=flowed` (RFC 3676): soft line breaks joined, quote depth kept, space-stuffing undone.

/// Joins the flowed lines of a text.
pub fn join(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let content = &line[depth..];
        let content = content.strip_prefix(' ').unwrap_or(content);
        let signature = content == "-- ";
        match open {
            Some(before) if before == depth && !signature => out.push_str(content),
            _ => {
                if open.is_some() {
                    out.push('\n');
                }
                out.push_str(&">".repeat(depth.min(100)));
                if depth > 0 {
                    out.push(' ');
                }
                out.push_str(content);
            }
        }
        if content.ends_with(' ') && !signature {
            if delsp {
                out.pop();
            }
            open = Some(depth);
        } else {
            open = None;
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn soft_breaks_join_within_one_depth() {
        assert_eq!(join("It was \nnot me.\n> You \n> asked\n-- \nBob\n", false), "It was not me.\n> You asked\n-- \nBob\n");
        assert_eq!(join("不是 \n我\n", true), "不是我\n");
    }
}
