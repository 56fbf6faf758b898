//! Whether what is to be served fits into memory, found before any of it is taken.

use std::fmt;
use std::path::Path;

/// Kept for everything that is not a model: requests, connections, the program itself. In bytes.
pub const RESERVE_BYTES: u64 = 512 << 20;

/// Fewest positions of key-value memory that a model is served with: a short question and answer.
pub const KV_TOKENS_MIN: u64 = 512;

/// What one model needs, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its id.
    pub id: String,
    /// Weights, of a draft model too. They are mapped from the file, and every token reads them.
    pub weights_bytes: u64,
    /// Workspace and logits.
    pub workspace_bytes: u64,
    /// Keys and values of one position, a draft model's too.
    pub position_bytes: u64,
    /// The most key-value memory that it can use, or is to use where nobody says how much.
    pub kv_wanted_bytes: u64,
    /// The key-value memory that somebody asked for.
    pub kv_asked_bytes: Option<u64>,
}

impl Need {
    fn kv_bytes(&self) -> u64 {
        self.kv_asked_bytes.unwrap_or(self.kv_wanted_bytes)
    }

    fn fixed_bytes(&self) -> u64 {
        self.weights_bytes.saturating_add(self.workspace_bytes)
    }

    /// The least key-value memory that it is served with: [`KV_TOKENS_MIN`] positions, or all that
    /// it can use.
    fn kv_least_bytes(&self) -> u64 {
        self.position_bytes.saturating_mul(KV_TOKENS_MIN).min(self.kv_wanted_bytes)
    }
}

/// The key-value memory that somebody asked for is too small to serve a model with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{id}`: {} for keys and values holds {tokens} tokens; at least {} is needed, for {tokens_min}",
    gib(*asked_bytes), gib(*least_bytes)
)]
pub struct TooSmall {
    id: String,
    asked_bytes: u64,
    tokens: u64,
    least_bytes: u64,
    tokens_min: u64,
}

/// Looks at what was asked for, whatever is available.
///
/// # Errors
/// When the key-value memory asked for a model holds too few tokens for an answer.
pub fn check_asked(needs: &[Need]) -> Result<(), TooSmall> {
    for need in needs {
        let least_bytes = need.kv_least_bytes();
        let Some(asked_bytes) = need.kv_asked_bytes.filter(|&bytes| bytes < least_bytes) else {
            continue;
        };
        let tokens = |bytes: u64| bytes / need.position_bytes.max(1);
        let (tokens, tokens_min) = (tokens(asked_bytes), tokens(least_bytes));
        let id = need.id.clone();
        return Err(TooSmall { id, asked_bytes, tokens, least_bytes, tokens_min });
    }
    Ok(())
}

/// What is to be served does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TooLarge {
    available_bytes: u64,
    needs: Vec<Need>,
}

/// The sum, and its parts.
impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = |need: &Need| need.kv_asked_bytes.unwrap_or_else(|| need.kv_least_bytes());
        let needed = self.needs.iter().fold(RESERVE_BYTES, |sum, need| {
            sum.saturating_add(need.fixed_bytes()).saturating_add(least(need))
        });
        write!(
            f,
            "{} of memory are needed and {} are available: {} for requests",
            gib(needed),
            gib(self.available_bytes),
            gib(RESERVE_BYTES)
        )?;
        for need in &self.needs {
            write!(
                f,
                "; `{}`: weights {}, workspace {}, keys and values at least {}",
                need.id,
                gib(need.weights_bytes),
                gib(need.workspace_bytes),
                gib(least(need)),
            )?;
        }
        Ok(())
    }
}

/// The key-value memory that each model gets, in bytes. What was asked for is given or refused;
/// what was not is shrunk to what is left, in proportion. Without knowing what is available all
/// get what they want.
///
/// # Errors
/// When what was asked for does not fit, or too little is left for an answer.
pub fn share(needs: &[Need], available_bytes: Option<u64>) -> Result<Vec<u64>, TooLarge> {
    let Some(available_bytes) = available_bytes else {
        return Ok(needs.iter().map(Need::kv_bytes).collect());
    };
    let too_large = || TooLarge { available_bytes, needs: needs.to_vec() };
    let sum = |of: &dyn Fn(&Need) -> u64| needs.iter().map(of).fold(0, u64::saturating_add);
    let fixed = sum(&Need::fixed_bytes).saturating_add(RESERVE_BYTES);
    let asked = sum(&|need| need.kv_asked_bytes.unwrap_or(0));
    let left = available_bytes.checked_sub(fixed).and_then(|left| left.checked_sub(asked));
    let left = left.ok_or_else(too_large)?;
    let wanted = sum(&|need| need.kv_asked_bytes.map_or(need.kv_wanted_bytes, |_| 0));
    let given = |need: &Need| match need.kv_asked_bytes {
        Some(asked) => asked,
        None if wanted <= left => need.kv_wanted_bytes,
        None => {
            let part = u128::from(need.kv_wanted_bytes) * u128::from(left) / u128::from(wanted);
            u64::try_from(part).unwrap_or(u64::MAX)
        }
    };
    let shares: Vec<u64> = needs.iter().map(given).collect();
    let is_enough = |(need, &bytes): (&Need, &u64)| {
        need.kv_asked_bytes.is_some() || bytes >= need.kv_least_bytes()
    };
    if needs.iter().zip(&shares).all(is_enough) { Ok(shares) } else { Err(too_large()) }
}

/// Memory that can be taken without pushing others out, in bytes: what the system says, and what
/// the group of processes (a container) may still take, whichever is less. None where neither is
/// told.
pub fn available_bytes() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok();
    let system = read("/proc/meminfo").and_then(|text| mem_available(&text));
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max").map(|max| {
        let used = number("/sys/fs/cgroup/memory.current").unwrap_or(0);
        // Files that nobody has used lately are dropped when memory is wanted.
        let stat = read("/sys/fs/cgroup/memory.stat").unwrap_or_default();
        let files = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
        let files = files.and_then(|files| files.trim().parse().ok()).unwrap_or(0);
        max.saturating_sub(used.saturating_sub(files))
    });
    match (system, group) {
        (Some(system), Some(group)) => Some(system.min(group)),
        (system, group) => system.or(group),
    }
}

fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes in a unit that people read.
pub fn gib(bytes: u64) -> String {
    match bytes {
        0..0x0010_0000 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        0x0010_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn need(id: &str, weights_gib: u64, kv_wanted_gib: u64, kv_asked_gib: Option<u64>) -> Need {
        Need {
            id: id.to_owned(),
            weights_bytes: weights_gib * GIB,
            workspace_bytes: 0,
            position_bytes: 100 << 10,
            kv_wanted_bytes: kv_wanted_gib * GIB,
            kv_asked_bytes: kv_asked_gib.map(|gib| gib * GIB),
        }
    }

    #[test]
    fn who_fits_gets_all_and_others_shrink_in_proportion() {
        let needs = [need("a", 4, 8, None), need("b", 2, 4, None)];
        assert_eq!(share(&needs, None).expect("nothing is known"), [8 * GIB, 4 * GIB]);
        assert_eq!(share(&needs, Some(19 * GIB)).expect("it fits"), [8 * GIB, 4 * GIB]);
        let available = 6 * GIB + RESERVE_BYTES + 6 * GIB;
        assert_eq!(share(&needs, Some(available)).expect("it shrinks"), [4 * GIB, 2 * GIB]);
    }

    #[test]
    fn what_is_asked_for_is_given_or_refused_with_the_numbers() {
        let needs = [need("a", 4, 8, Some(3)), need("b", 2, 4, None)];
        let available = 6 * GIB + RESERVE_BYTES + 4 * GIB;
        assert_eq!(share(&needs, Some(available)).expect("it fits"), [3 * GIB, GIB]);
        let error = share(&needs, Some(9 * GIB)).expect_err("3 GiB of 2.5");
        let told = error.to_string();
        assert!(
            told.starts_with("9.5 GiB of memory are needed and 9.0 GiB are available"),
            "{told}"
        );
        assert!(told.contains("`a`: weights 4.0 GiB"), "{told}");
        assert!(share(&[need("a", 4, 8, None)], Some(4 * GIB + RESERVE_BYTES)).is_err());
    }

    #[test]
    fn too_little_is_refused_with_the_numbers() {
        let asking = |bytes: u64, wanted_bytes: u64| Need {
            kv_wanted_bytes: wanted_bytes,
            kv_asked_bytes: Some(bytes),
            ..need("a", 4, 8, None)
        };
        let least_bytes = KV_TOKENS_MIN * (100 << 10);
        for bytes in [0, 1, 100 << 10, least_bytes - 1] {
            assert!(check_asked(&[need("b", 4, 8, None), asking(bytes, GIB)]).is_err(), "{bytes}");
        }
        let told = check_asked(&[asking(10 << 20, GIB)]).expect_err("102 tokens").to_string();
        let says = "`a`: 10.0 MiB for keys and values holds 102 tokens; at least 50.0 MiB is \
                    needed, for 512";
        assert_eq!(told, says);
        assert_eq!(check_asked(&[asking(least_bytes, GIB)]), Ok(()));
        // A model whose window is smaller can use no more than that.
        let window_bytes = 64 * (100 << 10);
        assert_eq!(check_asked(&[asking(window_bytes, window_bytes)]), Ok(()));
        let told = check_asked(&[asking(window_bytes - 1, window_bytes)]).expect_err("63 tokens");
        assert!(told.to_string().ends_with("6.2 MiB is needed, for 64"), "{told}");
    }

    #[test]
    fn the_systems_word_is_read() {
        let text = "MemTotal: 24 kB\nMemAvailable:   23456 kB\n";
        assert_eq!(mem_available(text), Some(23456 * 1024));
        assert_eq!(mem_available("MemTotal: 24 kB\n"), None);
    }
}
