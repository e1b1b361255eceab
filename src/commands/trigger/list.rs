//! `muxhook trigger --list`.

use muxhook_protocol::mux::catalogue::{self, EventType};
use muxhook_protocol::mux::sample::{self, Scenario};
use serde_json::{Value, json};

use crate::error::Error;
use crate::printer::Console;

/// Prints every type and every scenario.
pub(super) fn print(as_json: bool, console: &mut Console) -> Result<(), Error> {
    let scenarios = sample::scenarios();
    if as_json {
        let types: Vec<_> = catalogue::all().map(of_type).collect();
        let scenarios: Vec<_> = scenarios.iter().map(of_scenario).collect();
        console.out(&json!({ "types": types, "scenarios": scenarios }).to_string())?;
        return Ok(());
    }
    for (group, types) in catalogue::groups() {
        let gone = types.iter().all(|known| known.legacy);
        heading(&if gone { format!("{group} (no longer sent by Mux)") } else { group.to_owned() }, console)?;
        let rows: Vec<_> = types.iter().map(|known| (known.name, known.meaning)).collect();
        table(&rows, console)?;
    }
    heading("scenarios", console)?;
    let rows: Vec<_> = scenarios.iter().map(|known| (&*known.name, &*known.meaning)).collect();
    table(&rows, console)
}

fn heading(text: &str, console: &mut Console) -> Result<(), Error> {
    Ok(console.out(&console.out_style().bold(text).to_string())?)
}

fn table(rows: &[(&str, &str)], console: &mut Console) -> Result<(), Error> {
    let (style, width) =
        (console.out_style(), rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default());
    for (name, meaning) in rows {
        console.out(&format!("  {name:<width$}  {}", style.dim(meaning)))?;
    }
    Ok(())
}

fn of_type(known: &EventType) -> Value {
    json!({
        "type": known.name,
        "family": known.family(),
        "group": known.group(),
        "object": known.object,
        "legacy": known.legacy,
        "meaning": known.meaning,
    })
}

fn of_scenario(known: &Scenario) -> Value {
    json!({ "name": known.name, "meaning": known.meaning })
}
