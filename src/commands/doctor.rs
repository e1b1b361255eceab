//! `muxhook doctor`: tries every link of the chain from Mux to the app, and says what to mend.

mod app;
mod endpoint;
mod finding;
mod mux;
mod relay;
mod secret;

use std::process::ExitCode;

use muxhook_link::Now;

use self::finding::{Finding, Verdict};
use super::reach;
use crate::args;
use crate::config::{Listen, Surroundings};
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook doctor`; the code says whether a link is broken.
///
/// # Errors
/// The findings can't be printed.
pub(super) async fn run(
    args: &args::Doctor,
    around: &Surroundings,
    console: &mut Console,
) -> Result<ExitCode, Error> {
    let findings = examine(args, around).await;
    if args.json {
        console.out(&finding::json(&findings).to_string())?;
    } else {
        let style = console.out_style();
        for finding in &findings {
            finding.lines(style).iter().try_for_each(|line| console.out(line))?;
        }
    }
    let broken = findings.iter().any(|finding| finding.verdict == Verdict::Fault);
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every link, in the order of the chain.
async fn examine(args: &args::Doctor, around: &Surroundings) -> Vec<Finding> {
    let config = match Listen::resolve(&args.as_listen(), around) {
        Ok(config) => config,
        Err(error) => {
            let secret = secret::examine(&args.signing, around, None);
            return vec![Finding::of_error("config", &error), secret];
        }
    };
    let mut findings = vec![configuration(&config)];
    match reach::dialer(config.connection.relay_ca.clone(), around) {
        Ok(dialer) => {
            let (told, reached) = relay::examine(&config, around, &dialer).await;
            findings.extend(told);
            let (told, endpoint) = endpoint::examine(&config, around, reached.as_ref(), &dialer).await;
            findings.push(told);
            findings.push(mux::examine(endpoint.as_ref(), around).await);
            if let Some(reached) = reached {
                findings.push(relay::clock(&reached, &dialer, Now::system()).await);
            }
        }
        Err(error) => findings.push(Finding::of_error("relay", &error)),
    }
    findings.push(app::examine(config.forward_to.as_deref()).await);
    findings.push(secret::examine(&args.signing, around, Some(&config)));
    findings
}

fn configuration(config: &Listen) -> Finding {
    let message = match &config.project_file {
        Some(path) => format!("it makes sense, with {}", path.display()),
        None => "it makes sense; there is no muxhook.toml here or above".to_owned(),
    };
    let mut finding = Finding::fine("config", message);
    if let Some(notice) = config.connection.notices.first() {
        finding = Finding::doubt("config", notice.message.clone());
    }
    finding
}
