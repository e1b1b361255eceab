//! `check`: whether a relay could start, and whether its data is what it wrote.

use std::io::Write;

use muxhook_link::Now;
use serde_json::json;

use super::failure::Failure;
use super::token::Form;
use crate::check::{self, Finding};
use crate::config::{Config, ConfigError, Limits, Options, unknown_names};
use crate::tls::Tls;

/// What can be said to it.
#[derive(clap::Args)]
pub(super) struct Words {
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    options: Box<Options>,
}

/// Where the data is stands in the config, but may be known when the rest of it is wrong.
pub(super) fn run(words: Words, out: &mut impl Write) -> Result<(), Failure> {
    let data_dir = super::data_dir(words.options.place.clone());
    let mut found = vec![config(Config::resolve(*words.options, &super::environment))];
    found.extend(unknown_names(super::environment_names()).into_iter().map(environment));
    if let Ok(data_dir) = data_dir {
        found.extend(check::data(&data_dir, Now::system()));
    }
    for finding in &found {
        if words.form.json {
            writeln!(out, "{}", json!(finding))?;
        } else {
            tell(finding, out)?;
        }
    }
    out.flush()?;
    match found.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        1 => Err(Failure::failed("1 thing is wrong")),
        count => Err(Failure::failed(format!("{count} things are wrong"))),
    }
}

fn tell(finding: &Finding, out: &mut impl Write) -> std::io::Result<()> {
    let verdict = if finding.ok { "ok" } else { "wrong" };
    writeln!(out, "{:<10}  {verdict:<5}  {}", finding.check, finding.message)?;
    match &finding.cure {
        Some(cure) => writeln!(out, "{:19}what to do: {cure}", ""),
        None => Ok(()),
    }
}

/// A slip in a name: what was meant has no effect.
fn environment(message: String) -> Finding {
    Finding::fault("environ", message, "mend the name, or take it out of the environment")
}

fn config(resolved: Result<Config, ConfigError>) -> Finding {
    const NAME: &str = "config";
    let config = match resolved {
        Ok(config) => config,
        Err(error) => return Finding::told_fault(NAME, error.to_string()),
    };
    if let Some(files) = &config.tls {
        match Tls::load(&files.cert, &files.key, Now::system()) {
            Ok(tls) if tls.reread().has_expired() => {
                let message =
                    format!("the certificate in {} has expired: have it renewed", files.cert.display());
                return Finding::told_fault(NAME, message);
            }
            Ok(_) => {}
            Err(error) => return Finding::told_fault(NAME, error.to_string()),
        }
    }
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    let keeps = match (config.hold, config.journal.retention.is_zero()) {
        (true, true) => "holds, keeps no history",
        (true, false) => "holds and keeps a history",
        (false, true) => "holds nothing, keeps no history",
        (false, false) => "holds nothing, keeps a history",
    };
    let data_dir = config.data_dir.display();
    let Limits { max_connections, max_connections_per_source: of_source, rate, .. } = config.limits;
    let rate = rate.map_or_else(String::new, |rate| format!(", {rate} webhooks a second for an account"));
    let takes = format!("takes {max_connections} connections and {of_source} of one source{rate}");
    Finding::well(NAME, format!("listens on {}, {keeps}, {takes}, data in {data_dir}", listen.join(", ")))
}
