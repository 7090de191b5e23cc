//! How a language writes a date: `[format]` of its strings file.

use resetd_core::time::Timestamp;

/// Month names and the order of the parts.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    months: Vec<String>,
    time: String,
}

/// The parts, each of which `time` has once.
const PARTS: [&str; 6] = ["{day}", "{month}", "{year}", "{hour}", "{minute}", "{zone}"];

impl Dates {
    /// From the table; the error is the key and the end of a sentence.
    pub fn parse(table: &toml::Table) -> Result<Self, (&'static str, String)> {
        let months = table.get("months").and_then(toml::Value::as_array);
        let months: Option<Vec<String>> = months.and_then(|list| list.iter().map(|name| name.as_str().map(str::to_owned)).collect());
        let months = months.filter(|months| months.len() == 12).ok_or(("months", "must be a list of twelve names".to_owned()))?;
        let time = table.get("time").and_then(toml::Value::as_str).unwrap_or_default();
        match PARTS.iter().find(|part| time.matches(**part).count() != 1) {
            None => Ok(Self { months, time: time.to_owned() }),
            Some(part) => Err(("time", format!("must have {part} once"))),
        }
    }

    /// A point in time, in UTC.
    pub fn say(&self, at: Timestamp) -> String {
        let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return String::new() };
        let parts = at.strftime("%-d %-m %Y %H %M").to_string();
        let mut values: Vec<String> = parts.split(' ').map(str::to_owned).chain(["UTC".to_owned()]).collect();
        if let Some(month) = values.get_mut(1) {
            let index = month.parse::<usize>().unwrap_or(1).saturating_sub(1);
            *month = self.months.get(index).cloned().unwrap_or_default();
        }
        PARTS.iter().zip(values).fold(self.time.clone(), |text, (part, value)| text.replace(part, &value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_the_language_has_them() {
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let months =
            "months = ['Januar','Februar','März','April','Mai','Juni','Juli','August','September','Oktober','November','Dezember']";
        let dates =
            Dates::parse(&table(&format!("{months}\ntime = '{{day}}. {{month}} {{year}}, {{hour}}:{{minute}} Uhr ({{zone}})'"))).unwrap();
        assert_eq!(dates.say(Timestamp::from_millis(1_795_455_840_000)), "23. November 2026, 17:44 Uhr (UTC)");
        assert_eq!(Dates::parse(&table("months = ['x']")).unwrap_err().0, "months");
        assert_eq!(
            Dates::parse(&table(&format!("{months}\ntime = '{{day}}'"))).unwrap_err(),
            ("time", "must have {month} once".to_owned())
        );
    }
}
