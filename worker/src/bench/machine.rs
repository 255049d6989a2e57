//! What was measured on: figures mean nothing without it.

use std::fs::read_to_string;

use serde::Serialize;

/// Linux shows processor time in hundredths of a second on every architecture that we run on.
const MS_PER_TICK: f64 = 10.0;

/// The machine and the program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// Operating system and architecture.
    pub system: String,
    /// The processor's name, if the system tells.
    pub processor: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Main memory in MiB, if the system tells.
    pub memory_mib: Option<u64>,
    /// Processes that wanted a core, on average over the last minute, if the system tells.
    pub load: Option<f64>,
    /// Version of this program.
    pub longhaul: &'static str,
    /// Whether it was compiled with optimisations.
    pub optimised: bool,
    /// Version of the Temporal server.
    pub server: String,
}

impl Machine {
    /// This machine, with a Temporal server of version `server`.
    pub fn here(server: &str) -> Self {
        Self {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: field("/proc/meminfo", "MemTotal").and_then(|text| mebibytes(&text)),
            load: load(),
            longhaul: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            server: server.to_owned(),
        }
    }
}

/// Processes that wanted a core, on average over the last minute.
pub fn load() -> Option<f64> {
    read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Resident memory of a process in MiB; none if the system does not tell.
pub fn resident_mib(pid: i32) -> Option<f64> {
    let kibibytes = if cfg!(target_os = "linux") {
        let text = field(&format!("/proc/{pid}/status"), "VmRSS")?;
        text.split_whitespace().next()?.parse::<f64>().ok()?
    } else {
        let asked = std::process::Command::new("ps")
            .args(["-o", "rss=", "-p", &pid.to_string()])
            .output()
            .ok()?;
        String::from_utf8_lossy(&asked.stdout).trim().parse::<f64>().ok()?
    };
    Some(kibibytes / 1024.0)
}

/// The most memory that a process ever had resident, in MiB; none if the system does not tell.
pub fn peak_mib(pid: i32) -> Option<f64> {
    let text = field(&format!("/proc/{pid}/status"), "VmHWM")?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// Processor time that a process has used, in milliseconds; none if the system does not tell.
pub fn cpu_ms(pid: i32) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    ticks(&stat).map(|ticks| ticks * MS_PER_TICK)
}

/// User and system time in clock ticks: fields 14 and 15.
fn ticks(stat: &str) -> Option<f64> {
    // The second field is the command's name in parentheses and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The first field `name` of a file with lines `name: value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn mebibytes(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 1 2 3 4 120 30 5 6 20 0 9 0 100";
        assert_eq!(ticks(stat), Some(150.0));
    }
}
