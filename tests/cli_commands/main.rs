//! The built binary: what its commands print, and how they end.

#[cfg(test)]
mod configuration;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod export;
#[cfg(test)]
mod fake_history;
#[cfg(test)]
mod fake_relay;
#[cfg(test)]
mod history;
#[cfg(test)]
mod home;
#[cfg(test)]
mod login;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod words;
