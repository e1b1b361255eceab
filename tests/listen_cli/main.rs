//! The built binary at its main job: `listen`, `demo` and the relay, as processes with pipes, terminals and signals.
//! Unix alone: what ends it is a signal, what it runs on a pseudo-terminal.

#![cfg(unix)]

#[cfg(test)]
mod home;
#[cfg(test)]
mod http;
#[cfg(test)]
mod running;
#[cfg(test)]
mod terminal;

#[cfg(test)]
mod canary;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod json;
#[cfg(test)]
mod keyboard;
#[cfg(test)]
mod mux;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod owed;
#[cfg(test)]
mod people;
#[cfg(test)]
mod played_relay;
#[cfg(test)]
mod register;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod signature;
#[cfg(test)]
mod stopped_reader;
#[cfg(test)]
mod trigger;
#[cfg(test)]
mod wait;
