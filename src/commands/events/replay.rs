//! `muxhook events replay`: deliveries are sent again, in order of arrival.
//!
//! Pure: `signer` (which signature they go with). `choice` (which deliveries) asks the relay, `way` sends, `report`
//! tells of it.

mod choice;
mod report;
mod signer;
mod way;

use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::mux::signature;
use muxhook_protocol::{Headers, Outcome};
use tokio::time::{Instant, sleep_until};

use super::place::{self, Place};
use super::stored::Stored;
use crate::api::ApiError;
use crate::args::EventsReplay;
use crate::commands::control;
use crate::commands::reach;
use crate::commands::trigger::sender::Answer;
use crate::commands::trigger::verdict;
use crate::config::{Pace, Surroundings};
use crate::cure::{self, Exchange};
use crate::error::{Error, Kind};
use crate::event::{Level, Notice};
use crate::printer::{Console, escape};
use choice::{Choice, Chosen};
use report::{Report, Sent};
use signer::{Signer, Unsigned};
use way::Way;

/// Runs `muxhook events replay`.
///
/// # Errors
/// Used wrongly, no relay, refused by it, nobody listens, or not every delivery was accepted by the app.
pub(super) async fn run(
    args: &EventsReplay,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let now = Now::system();
    let pace = args.pace.as_deref().map(Pace::parse).transpose();
    let pace = pace.map_err(|error| Error::usage(format!("--pace: {error}")))?.unwrap_or_default();
    let way = Way::of(args)?;
    let choice = Choice::of(args, now.unix_millis())?;
    // What can't be signed is said before anybody is asked.
    let given = signer::given(args, around)?;
    reach::say(&given.notices, console);
    let place = place::find(&args.place, around, console).await?;
    let signer = Signer::of(args, given.keys, &place, around)?;
    let found = choice.find(&place).await?;
    found.tell(&place, args.json, console);
    let mut report = Report::new(args.json, &found.chosen, way.target(), place.endpoint.as_str());
    let mut run = Run { place, way, signer, pace, now, warned: Vec::new() };
    let ran = run.all(&found.chosen, &mut report, console).await;
    match (ran, report.end(now.unix_millis(), console)) {
        (Err(error), Err(shortfall)) if error.kind() != Kind::Closed => {
            console.note(&escape(&shortfall.to_string()));
            Err(error)
        }
        (ran, ended) => ran.and(ended),
    }
}

/// How it is gone about.
struct Run {
    place: Place,
    way: Way,
    signer: Signer,
    pace: Pace,
    now: Now,
    /// What the user was warned of already.
    warned: Vec<String>,
}

impl Run {
    /// Sends everything. Asked to end, it does so between two; asked again, at once.
    async fn all(
        &mut self,
        chosen: &[Chosen],
        report: &mut Report,
        console: &mut Console,
    ) -> Result<(), Error> {
        report.begin(console);
        let (start, first) = (Instant::now(), chosen.first().map_or(0, |first| first.received_at));
        let mut stop = std::pin::pin!(control::signal());
        for one in chosen {
            let due = self.pace.wait(Duration::from_millis(one.received_at.saturating_sub(first)));
            tokio::select! {
                // Signals are listened for before the first word is said.
                biased;
                () = &mut stop => return Err(Error::interrupted()),
                () = until(start, due) => {}
            }
            let mut sending = std::pin::pin!(self.one(one, report, console));
            let stopped = tokio::select! {
                biased;
                () = &mut stop => true,
                ended = &mut sending => { ended?; false }
            };
            if stopped {
                tokio::select! {
                    biased;
                    () = control::signal() => {}
                    ended = &mut sending => ended?,
                }
                return Err(Error::interrupted());
            }
        }
        Ok(())
    }

    async fn one(&mut self, one: &Chosen, report: &mut Report, console: &mut Console) -> Result<(), Error> {
        let (answer, signed_anew) = match self.fetch(one).await {
            Ok(stored) => self.send(one, stored.as_ref(), console).await?,
            Err(error) => (way::of_error(error)?, false),
        };
        let verdict = verdict::judge(&answer, false);
        let sent = Sent { one, signed_anew, answer: &answer, verdict: &verdict };
        report.sent(&sent, self.now.unix_millis(), console)
    }

    /// The delivery itself, where it is needed here.
    async fn fetch(&self, one: &Chosen) -> Result<Option<Stored>, ApiError> {
        if !self.way.is_straight() && !self.signer.is_needed() {
            return Ok(None);
        }
        let (api, endpoint, id) = (self.place.api(), &self.place.endpoint, one.delivery.to_string());
        let detail = api.event(endpoint, &id).await?;
        let body = api.body(endpoint, &id).await?;
        Ok(Some(Stored { detail, body }))
    }

    async fn send(
        &mut self,
        one: &Chosen,
        stored: Option<&Stored>,
        console: &mut Console,
    ) -> Result<(Answer, bool), Error> {
        let now = i64::try_from(self.now.unix_millis() / 1000).unwrap_or(i64::MAX);
        let Some(stored) = stored else {
            return Ok((way::through(&self.place, one.delivery, &Headers::new()).await?, false));
        };
        let dress = self.signer.dress(stored, now);
        match &dress.unsigned {
            // Through a listener, that has secrets of its own, and warns.
            Some(Unsigned(message)) if self.way.is_straight() => self.warn(message.clone(), console),
            _ => {}
        }
        let answer = match &mut self.way {
            Way::Listeners => way::through(&self.place, one.delivery, &dress.headers).await?,
            Way::Straight(straight) => {
                let mut delivery = stored.again();
                delivery.headers = signer::replace(&delivery.headers, &dress.headers);
                let mut answer = straight.send(&delivery).await;
                if let (None, Outcome::Replied(reply)) = (&answer.hint, &answer.outcome) {
                    let verdict = self.signer.worth(&delivery, now);
                    let signed = signature::of(&delivery.headers).is_some();
                    let target = Some(straight.url());
                    answer.hint = cure::cure(Exchange { target, reply, signed, verdict, late: false });
                }
                answer
            }
        };
        Ok((answer, dress.anew))
    }

    fn warn(&mut self, message: String, console: &mut Console) {
        if !self.warned.contains(&message) {
            let notice = Notice {
                level: Level::Warning,
                code: "not_signed_anew".to_owned(),
                message: message.clone(),
            };
            reach::say(&[notice], console);
            self.warned.push(message);
        }
    }
}

async fn until(start: Instant, due: Duration) {
    match start.checked_add(due) {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
