//! Which deliveries are asked for: the query of a URL.

use std::fmt::Display;

use muxhook_protocol::mux::field::Match;
use muxhook_protocol::mux::glob::Glob;

use super::percent;
use crate::journal::history::Query;

/// Deliveries on a page when nobody says how many.
const USUAL: usize = 50;

/// Most deliveries on a page.
const MOST: usize = 500;

/// Most values of one parameter.
const MOST_VALUES: usize = 64;

/// Longest text that is looked for, in bytes.
const MAX_TEXT: usize = 1024;

/// Why a query can't be answered; it names the parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadQuery {
    #[error("`{0}` has a `%` that begins no escape, or bytes that are no text")]
    Escape(String),
    #[error("this relay knows no parameter `{0}`")]
    Unknown(String),
    #[error("`{0}` is there twice")]
    Twice(&'static str),
    #[error("`{0}` is there more than {MOST_VALUES} times")]
    TooMany(&'static str),
    #[error("`{0}`: {1}")]
    Value(&'static str, String),
}

/// Reads a query, without its `?`.
pub(super) fn parse(text: &str) -> Result<Query, BadQuery> {
    let mut query = Query { limit: USUAL, ..Query::default() };
    let mut seen = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // The parameter's name is what its sender wrote, and goes back to nobody else.
        let escape = || BadQuery::Escape(name.chars().take(40).collect());
        let bytes = percent::decode(value).ok_or_else(escape)?;
        if name == "contains" {
            once(&mut seen, "contains")?;
            query.contains = part(bytes)?;
            continue;
        }
        let value = String::from_utf8(bytes).map_err(|_| escape())?;
        match name {
            "type" => add(&mut query.types, "type", Glob::parse(&value))?,
            "exclude" => add(&mut query.exclude, "exclude", Glob::parse(&value))?,
            "match" => add(&mut query.matches, "match", Match::parse(&value))?,
            "fate" => add(&mut query.fates, "fate", value.parse())?,
            name => single(&mut query, &mut seen, name, &value)?,
        }
    }
    Ok(query)
}

/// What may be there once.
fn single(query: &mut Query, seen: &mut Vec<&'static str>, name: &str, value: &str) -> Result<(), BadQuery> {
    const NAMES: [&str; 6] = ["since", "until", "after", "page", "limit", "order"];
    let Some(name) = NAMES.into_iter().find(|known| *known == name) else {
        return Err(BadQuery::Unknown(name.chars().take(40).collect()));
    };
    once(seen, name)?;
    match name {
        "since" => query.since = Some(number(name, value)?),
        "until" => query.until = Some(number(name, value)?),
        "after" => query.after = Some(number(name, value)?),
        "page" => {
            let page = number(name, value);
            query.from = Some(page.map_err(|_| bad("page", "not what a page before gave as `next`"))?);
        }
        "limit" => match usize::try_from(number(name, value)?) {
            Ok(limit @ 1..=MOST) => query.limit = limit,
            _ => return Err(bad("limit", format!("from 1 to {MOST}"))),
        },
        _ => match value {
            "asc" => query.ascending = true,
            "desc" => query.ascending = false,
            _ => return Err(bad("order", "`asc` or `desc`")),
        },
    }
    Ok(())
}

fn once(seen: &mut Vec<&'static str>, name: &'static str) -> Result<(), BadQuery> {
    if seen.contains(&name) {
        return Err(BadQuery::Twice(name));
    }
    seen.push(name);
    Ok(())
}

fn add<T, E: Display>(list: &mut Vec<T>, name: &'static str, value: Result<T, E>) -> Result<(), BadQuery> {
    if list.len() >= MOST_VALUES {
        return Err(BadQuery::TooMany(name));
    }
    list.push(value.map_err(|error| bad(name, error))?);
    Ok(())
}

/// Digits alone; no sign.
fn number(name: &'static str, value: &str) -> Result<u64, BadQuery> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit()).then_some(value);
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| bad(name, "a whole number, from 0"))
}

fn part(bytes: Vec<u8>) -> Result<Vec<u8>, BadQuery> {
    match bytes.len() {
        1..=MAX_TEXT => Ok(bytes),
        _ => Err(bad("contains", format!("from 1 to {MAX_TEXT} bytes"))),
    }
}

fn bad(name: &'static str, why: impl Display) -> BadQuery {
    BadQuery::Value(name, why.to_string())
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::history::Fate;

    use super::*;

    #[test]
    fn all_of_it_is_read() {
        let query = parse(
            "since=1&until=2&after=3&type=video.%2A&type=x&exclude=y&match=data.a%3Db%2Cc%20d&fate=owed&fate=late\
             &contains=%FF%00&order=asc&limit=500&page=9&&",
        )
        .unwrap();
        assert_eq!((query.since, query.until, query.after, query.from), (Some(1), Some(2), Some(3), Some(9)));
        let types: Vec<_> = query.types.iter().map(Glob::as_str).collect();
        assert_eq!(types, ["video.*", "x"]);
        assert_eq!(query.exclude[0].as_str(), "y");
        assert_eq!(query.matches[0].to_string(), "data.a=b,c d");
        assert_eq!(query.fates, [Fate::Owed, Fate::Late]);
        assert_eq!(query.contains, [0xff, 0]);
        assert!(query.ascending);
        assert_eq!(query.limit, 500);
    }

    #[test]
    fn nothing_asked_for_is_the_latest_few() {
        let query = parse("").unwrap();
        assert!(!query.ascending);
        assert_eq!((query.limit, query.from, query.since), (50, None, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let many = "type=a&".repeat(MOST_VALUES + 1);
        let long = format!("contains={}", "x".repeat(MAX_TEXT + 1));
        let glob = format!("type={}", "x".repeat(257));
        let huge = format!("{}=1", "x".repeat(10_000));
        for (query, name) in [
            ("limit=0", "`limit`"),
            ("limit=501", "`limit`"),
            ("limit=99999999999999999999999", "`limit`"),
            ("limit=-1", "`limit`"),
            ("limit=+1", "`limit`"),
            ("limit=", "`limit`"),
            ("limit", "`limit`"),
            ("since=now", "`since`"),
            ("until=1.5", "`until`"),
            ("after=0x1", "`after`"),
            ("page=%27%3B--", "`page`"),
            ("page=18446744073709551616", "`page`"),
            ("page=1&page=2", "`page`"),
            ("order=ASC", "`order`"),
            ("fate=gone", "`fate`"),
            ("type=", "`type`"),
            ("type=a%2Cb", "`type`"),
            ("type=%zz", "`type`"),
            ("type=%FF", "`type`"),
            (&glob, "`type`"),
            (&many, "`type`"),
            ("exclude=a%20b", "`exclude`"),
            ("match=data", "`match`"),
            ("match=%3Dx", "`match`"),
            ("contains=", "`contains`"),
            ("contains=a&contains=b", "`contains`"),
            (&long, "`contains`"),
            ("limits=5", "`limits`"),
            ("%6cimit=5", "`%6cimit`"),
            ("=", "``"),
        ] {
            let error = parse(query).unwrap_err().to_string();
            assert!(error.contains(name), "{query:.60}: {error}");
        }
        assert!(parse(&huge).unwrap_err().to_string().len() < 100);
    }
}
