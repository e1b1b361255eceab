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
    let style = console.out_style();
    for (family, types) in catalogue::families() {
        console.out(&style.bold(family).to_string())?;
        for known in types {
            console.out(&format!("  {}", known.name))?;
        }
    }
    console.out(&style.bold("scenarios").to_string())?;
    let width = scenarios.iter().map(|known| known.name.len()).max().unwrap_or_default();
    for Scenario { name, meaning } in &scenarios {
        console.out(&format!("  {name:<width$}  {}", style.dim(meaning)))?;
    }
    Ok(())
}

fn of_type(known: &EventType) -> Value {
    json!({ "type": known.name, "family": known.family(), "object": known.object })
}

fn of_scenario(known: &Scenario) -> Value {
    json!({ "name": known.name, "meaning": known.meaning })
}
