//! The portal's colour made readable: text on the button, links on light and on dark ground (WCAG 2.2 §1.4.3: at least
//! 4.5 to 1).

const ENOUGH: f64 = 4.5;
const LIGHT_GROUND: Rgb = Rgb(0xff, 0xff, 0xff);
const DARK_GROUND: Rgb = Rgb(0x1d, 0x21, 0x27);
const DEFAULT: Rgb = Rgb(0x1f, 0x5f, 0xd6);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rgb(u8, u8, u8);

/// Colours of one portal, each `#rrggbb`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Colors {
    /// Ground of the button.
    pub button: String,
    /// Text on the button.
    pub button_text: String,
    /// Links and accents on light ground.
    pub accent: String,
    /// The same on dark ground.
    pub accent_dark: String,
}

impl Colors {
    /// From the configured `#rrggbb`; a quiet blue where that is none.
    pub fn of(color: &str) -> Self {
        let button = parse(color).unwrap_or(DEFAULT);
        Self {
            button: show(button),
            button_text: show(text_on(button)),
            accent: show(readable(button, LIGHT_GROUND, Rgb(0, 0, 0))),
            accent_dark: show(readable(button, DARK_GROUND, Rgb(255, 255, 255))),
        }
    }
}

/// How well text of one colour reads on another, each `#rrggbb`, `#rgb`, `white` or `black`; `None` where either is something else.
pub(super) fn contrast_of(text: &str, ground: &str) -> Option<f64> {
    let known = |color: &str| match color.to_ascii_lowercase().as_str() {
        "white" => Some(Rgb(255, 255, 255)),
        "black" => Some(Rgb(0, 0, 0)),
        short if short.len() == 4 && short.starts_with('#') => {
            parse(&format!("#{}", short.chars().skip(1).flat_map(|digit| [digit, digit]).collect::<String>()))
        }
        other => parse(other),
    };
    Some(contrast(known(text)?, known(ground)?))
}

fn parse(color: &str) -> Option<Rgb> {
    let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let part = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    Some(Rgb(part(0)?, part(2)?, part(4)?))
}

fn show(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// White where it can be read, else black: one of the two always reaches 4.5.
fn text_on(ground: Rgb) -> Rgb {
    let white = Rgb(255, 255, 255);
    if contrast(white, ground) >= ENOUGH { white } else { Rgb(0, 0, 0) }
}

/// `color`, moved towards `target` until it can be read on `ground`.
fn readable(color: Rgb, ground: Rgb, target: Rgb) -> Rgb {
    (0..=20).map(|step| mix(color, target, f64::from(step) / 20.0)).find(|mixed| contrast(*mixed, ground) >= ENOUGH).unwrap_or(target)
}

fn mix(a: Rgb, b: Rgb, share: f64) -> Rgb {
    // Between two octets, so the result is one.
    let one = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    Rgb(one(a.0, b.0), one(a.1, b.1), one(a.2, b.2))
}

fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(Rgb(r, g, b): Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read() {
        for color in ["#000000", "#ffffff", "#ffee00", "#1f5fd6", "#777777", "#ff0000", "#00ff00", "#0a6b4f", "#767676"] {
            let colors = Colors::of(color);
            let pair = |a: &str, b| contrast(parse(a).unwrap(), b);
            assert!(pair(&colors.button_text, parse(color).unwrap()) >= ENOUGH, "{color} {colors:?}");
            assert!(pair(&colors.accent, LIGHT_GROUND) >= ENOUGH, "{color} {colors:?}");
            assert!(pair(&colors.accent_dark, DARK_GROUND) >= ENOUGH, "{color} {colors:?}");
        }
    }

    #[test]
    fn what_is_no_colour_never_gets_into_a_mail() {
        for bad in ["", "red", "#12", "#12345g", "#+12345", "url(x)", "#é2345"] {
            assert_eq!(Colors::of(bad), Colors::of("#1f5fd6"), "{bad}");
        }
    }
}
