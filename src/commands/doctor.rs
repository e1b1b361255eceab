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
    let mut report = Report { json: args.json, console, findings: Vec::new() };
    examine(args, around, &mut report).await?;
    if report.json {
        report.console.out(&finding::json(&report.findings).to_string())?;
    }
    let broken = report.findings.iter().any(|finding| finding.verdict == Verdict::Fault);
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was found so far. A person reads each finding at once, since the next may take its time.
struct Report<'a> {
    json: bool,
    console: &'a mut Console,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, finding: Finding) -> Result<(), Error> {
        if !self.json {
            for line in finding.lines(self.console.out_style()) {
                self.console.out(&line)?;
            }
        }
        self.findings.push(finding);
        Ok(())
    }
}

/// Every link, in the order of the chain.
async fn examine(args: &args::Doctor, around: &Surroundings, report: &mut Report<'_>) -> Result<(), Error> {
    let config = match Listen::resolve(&args.as_listen(), around) {
        Ok(config) => config,
        Err(error) => {
            report.add(Finding::of_error("config", &error))?;
            return report.add(secret::examine(&args.signing, around, None));
        }
    };
    report.add(configuration(&config))?;
    match reach::dialer(config.connection.relay_ca.clone(), around) {
        Ok(dialer) => {
            let (told, reached) = relay::examine(&config, around, &dialer).await;
            told.into_iter().try_for_each(|finding| report.add(finding))?;
            let (told, endpoint) = endpoint::examine(&config, around, reached.as_ref(), &dialer).await;
            report.add(told)?;
            report.add(mux::examine(endpoint.as_ref(), around).await)?;
            if let Some(reached) = reached {
                report.add(relay::clock(&reached, &dialer, Now::system()).await)?;
            }
        }
        Err(error) => report.add(Finding::of_error("relay", &error))?,
    }
    report.add(app::examine(config.forward_to.as_deref()).await)?;
    report.add(secret::examine(&args.signing, around, Some(&config)))
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
