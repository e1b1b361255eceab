//! The environment's `MUXHOOK_RELAY_*` names: those that mean nothing.

/// What all of them begin with.
const PREFIX: &str = "MUXHOOK_RELAY_";

/// Names that are no flag's twin: the token, which no list of processes may show, and the CLI's own `--relay-ca`.
const OTHERS: [&str; 2] = ["BOOTSTRAP_TOKEN", "CA"];

/// Of the names in an environment those that look like a flag's and are none, each with what may have been meant.
pub fn unknown_names(names: impl Iterator<Item = String>) -> Vec<String> {
    let keys: Vec<_> = super::file::keys().into_iter().chain(["config".to_owned()]).collect();
    let twin = |key: &String| key.to_uppercase().replace('-', "_");
    let mut unknown: Vec<_> = names
        .filter_map(|name| name.strip_prefix(PREFIX).map(str::to_owned))
        .filter(|rest| !OTHERS.contains(&rest.as_str()) && !keys.iter().any(|key| twin(key) == *rest))
        .map(|rest| {
            let nearest =
                super::file::nearest(&rest).map(|key| format!(": did you mean {PREFIX}{}?", twin(&key)));
            format!("{PREFIX}{rest} means nothing{}", nearest.unwrap_or_default())
        })
        .collect();
    unknown.sort_unstable();
    unknown
}
