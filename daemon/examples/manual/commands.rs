//! resetd(8), and resetctl(1) with a page for each command.

use std::error::Error;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

pub fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    each(resetd::startup::command().disable_help_subcommand(true), folder, "8", "resetctl(1), resetd.toml(5), resetd-api(7)")?;
    each(resetd::ctl::command().disable_help_subcommand(true), folder, "1", "resetd(8), resetd.toml(5), resetd-api(7)")
}

/// A command and those below it.
fn each(mut command: Command, folder: &Path, section: &str, see: &str) -> Result<(), Box<dyn Error>> {
    command.build();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        each(below.clone(), folder, section, see)?;
    }
    let man = Man::new(command).section(section).manual("resetd").date("");
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = finish(&String::from_utf8(page)?, see);
    std::fs::write(folder.join(man.get_filename()), page)?;
    Ok(())
}

/// What stands behind the options of `--help` are examples in columns: they stay as they are. And the pages know each other.
fn finish(page: &str, see: &str) -> String {
    let see = format!(".SH \"SEE ALSO\"\n{see}\n");
    let Some((before, rest)) = page.split_once(".SH EXTRA\n") else {
        return format!("{page}{see}");
    };
    let (extra, behind) = rest.split_once("\n.SH ").map_or((rest, String::new()), |(extra, behind)| (extra, format!(".SH {behind}")));
    format!("{before}.SH NOTES\n.nf\n{extra}\n.fi\n{behind}{see}")
}
