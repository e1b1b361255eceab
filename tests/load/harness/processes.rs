//! A process, weighed: what the system says that it takes.

use std::fs;
use std::process::Child;
use std::time::Duration;

/// What a process takes at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Resident memory, in KiB.
    pub(crate) resident: u64,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Threads.
    pub(crate) threads: usize,
    /// Time on a processor so far.
    pub(crate) processor: Duration,
}

impl Figures {
    pub(crate) fn mib(&self) -> f64 {
        self.resident as f64 / 1024.0
    }
}

/// A process that is killed when this is dropped.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    pub(crate) fn figures(&self) -> Figures {
        let folder = format!("/proc/{}", self.0.id());
        let rollup = fs::read_to_string(format!("{folder}/smaps_rollup")).unwrap();
        let kib = |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).map_or(0, |number| number.parse().unwrap())
        };
        let entries = |of: &str| fs::read_dir(format!("{folder}/{of}")).unwrap().count();
        Figures {
            resident: kib("Rss:"),
            descriptors: entries("fd"),
            threads: entries("task"),
            processor: processor_time(&folder),
        }
    }
}

/// User and system time (proc_pid_stat(5): fields 14 and 15, in ticks of 10 ms).
fn processor_time(folder: &str) -> Duration {
    let stat = fs::read_to_string(format!("{folder}/stat")).unwrap();
    let behind_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = behind_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
