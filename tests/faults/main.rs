//! What the relay promised must survive: killed and restarted processes, power cuts, full and failing disks, damaged files, clocks
//! that step. Real processes of the built binary, loopback alone.
//!
//! Each fault runs at a small count here and at a large one by `scripts/faults`; `docs/faults.md` tells of all.
//! Linux alone: mounts, `LD_PRELOAD`, `/proc`.

#![cfg(target_os = "linux")]
#![cfg(test)]

mod catch_up;
mod clock;
mod damage;
mod disk;
mod harness;
mod kill;
mod measure;
mod power;
mod restart;
mod space;
mod together;
