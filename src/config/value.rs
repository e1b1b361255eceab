//! How single values are written.

use std::time::Duration;

use jiff::SignedDuration;

/// `30s`, `1m30s`, `500ms`: above zero and at most a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const HOW: &str = "write a time with its unit, like 30s, 5m or 500ms";
    let time: SignedDuration = text.trim().parse().map_err(|_| format!("`{text}` is no time: {HOW}"))?;
    let time = Duration::try_from(time).map_err(|_| format!("`{text}` is below zero"))?;
    match time {
        Duration::ZERO => Err("it must be above zero".to_owned()),
        time if time > Duration::from_secs(86_400) => Err(format!("`{text}` is above 24 hours")),
        time => Ok(time),
    }
}

/// `GLOB=TARGET`.
pub(super) fn route(text: &str) -> Result<(String, String), String> {
    match text.split_once('=').map(|(glob, target)| (glob.trim(), target.trim())) {
        Some((glob, target)) if !glob.is_empty() && !target.is_empty() => Ok((glob.into(), target.into())),
        _ => Err(format!(
            "`{text}` is no route: write 'GLOB=TARGET', like 'video.asset.*=localhost:4000/assets'"
        )),
    }
}

/// A list of globs, white space around them left out.
pub(super) fn globs(globs: Vec<String>) -> Result<Vec<String>, &'static str> {
    let globs: Vec<String> = globs.iter().map(|glob| glob.trim().to_owned()).collect();
    if globs.iter().any(String::is_empty) { Err("an empty glob matches nothing") } else { Ok(globs) }
}

/// Requests at the app at once.
pub(super) fn in_flight(count: u32) -> Result<u32, String> {
    const MOST: u32 = 10_000;
    if (1..=MOST).contains(&count) { Ok(count) } else { Err(format!("{count} is not from 1 to {MOST}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration(" 500ms "), Ok(Duration::from_millis(500)));
        for text in ["", "30", "abc", "-5s", "0s", "25h", "5 parsecs"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_route_is_a_glob_and_a_target() {
        let target = "localhost:4000/x?a=b".to_owned();
        assert_eq!(route("video.*=localhost:4000/x?a=b"), Ok(("video.*".to_owned(), target)));
        for text in ["video.*", "=x", "video.*="] {
            assert!(route(text).is_err(), "{text}");
        }
    }
}
