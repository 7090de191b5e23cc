//! The template engine, with everything off that a wording could do harm with.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};
use zeroize::Zeroizing;

use super::fields::escape;

/// Work that one rendering may do: our longest takes under 2,000.
const FUEL: u64 = 50_000;

/// No loader, no filter that could mark a value as safe, no function; `none` and what is undefined can't be printed. HTML is
/// escaped whatever `{% autoescape %}` says.
pub(super) fn environment(html: bool) -> Environment<'static> {
    let mut environment = Environment::empty();
    // A line that is only a tag leaves no empty line. The default delimiters can't clash.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(20);
    environment.set_auto_escape_callback(move |_| if html { AutoEscape::Html } else { AutoEscape::None });
    environment.set_formatter(if html { print_html } else { print_text });
    environment.add_filter("upper", |text: &str| text.to_uppercase());
    environment.add_filter("lower", |text: &str| text.to_lowercase());
    environment.add_filter("default", minijinja::filters::default);
    environment.add_filter("length", minijinja::filters::length);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("none", minijinja::tests::is_none);
    environment
}

fn print_html(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_safe() {
        return print(out, value, None);
    }
    print(out, value, Some(escape))
}

fn print_text(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    print(out, value, None)
}

fn print(out: &mut Output<'_>, value: &Value, escape: Option<fn(&str, &mut String)>) -> Result<(), minijinja::Error> {
    if value.is_undefined() || value.is_none() {
        return Err(ErrorKind::UndefinedError.into());
    }
    match (value.as_str(), escape) {
        (Some(text), None) => out.write_str(text)?,
        (Some(text), Some(escape)) => {
            let mut escaped = Zeroizing::new(String::with_capacity(text.len() + 16));
            escape(text, &mut escaped);
            out.write_str(&escaped)?;
        }
        (None, _) if value.is_number() => write_number(out, value)?,
        (None, _) => {
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "only text and numbers can be printed"));
        }
    }
    Ok(())
}

fn write_number(out: &mut Output<'_>, value: &Value) -> Result<(), minijinja::Error> {
    Ok(out.write_fmt(format_args!("{value}"))?)
}
