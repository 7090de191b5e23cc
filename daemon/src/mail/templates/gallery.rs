//! Every wording in every language on one page that needs no network: what an administrator looks at before people do.

use resetd_core::ids::PortalName;
use resetd_core::reset::Method;
use serde::Serialize;

use super::values::Brand;
use super::{Library, RenderError, Sample};

/// One mail of the gallery.
#[derive(Serialize)]
struct Shown {
    wording: String,
    locale: String,
    method: &'static str,
    subject: String,
    html: String,
    text: String,
}

/// The page. What it shows is chosen on it: language, light or dark; each mail stands there wide, narrow and as text.
///
/// # Errors
/// A wording can't be rendered.
pub fn gallery(library: &Library, portal: &PortalName, brand: &Brand) -> Result<String, RenderError> {
    let mut mails = Vec::new();
    for wording in library.wordings(Some(portal)) {
        for locale in &wording.locales {
            for (method, name) in [(Method::Link, "link"), (Method::Code, "code"), (Method::Both, "both")] {
                if wording.kind != super::Kind::Reset && method != Method::Link {
                    continue;
                }
                let mut values = Sample::new(brand, method).values();
                if wording.kind != super::Kind::Reset {
                    values = super::Values { link: None, code: None, link_minutes: None, code_minutes: None, ..values };
                }
                let mail = library.render(portal, &wording.name, locale, &values)?;
                let (html, text) = (brand.with_logo(&mail.html), mail.text.to_string());
                let method = if wording.kind == super::Kind::Reset { name } else { "" };
                mails.push(Shown { wording: wording.name.clone(), locale: mail.locale, method, subject: mail.subject, html, text });
            }
        }
    }
    // `<` must not end the script that the mails stand in.
    let json = serde_json::to_string(&mails).unwrap_or_default().replace('<', "\\u003c");
    Ok(PAGE.replace("/*MAILS*/[]", &json))
}

const PAGE: &str = include_str!("gallery.html");

#[cfg(test)]
mod tests {
    use super::super::sample_brand;
    use super::*;

    #[test]
    fn the_page_has_every_mail_and_loads_nothing() {
        let library = Library::builtin().unwrap();
        let page = gallery(&library, &PortalName::parse("shop").unwrap(), &sample_brand()).unwrap();
        for needle in ["Reset your Example Shop password", "\"locale\":\"ja\"", "\"locale\":\"pt-BR\"", "\"wording\":\"failed-logins\""] {
            assert!(page.contains(needle), "{needle}");
        }
        // The mails' own links are data; the page around them names nothing of the network.
        assert!(!PAGE.contains("://") && !PAGE.contains("src=") && !PAGE.contains("@import"));
        assert!(!page.contains("</script><"), "a mail ends the script");
    }
}
