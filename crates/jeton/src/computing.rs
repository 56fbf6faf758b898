//! The flags about computing that can change the tokens, and those that cannot.

use crate::failure::Failure;
use answers::computing::Computing;
use answers::open_model::{Effort, OpenModel};
use clap::ArgMatches;
use clap::parser::ValueSource;
use kernels::Kernels;
use model::LoadedModel;

/// As the flags say.
pub fn from_flags(flags: &ArgMatches) -> Computing {
    let word = |name: &str| flags.get_one::<String>(name).map_or("auto", String::as_str);
    let context_tokens = flags.get_one::<u32>("context").map(|&tokens| tokens as usize);
    Computing::of_words(word("precision"), word("kv"), context_tokens).unwrap_or_default()
}

/// This way of computing, unless a flag was given that asks for another.
///
/// # Errors
/// The first flag that disagrees.
pub fn agreed(computing: &Computing, flags: &ArgMatches) -> Result<Computing, Failure> {
    let given = from_flags(flags);
    let context = |computing: &Computing| {
        computing.context_tokens.map_or("the model's own".to_owned(), |n| n.to_string())
    };
    for (name, saved, asked) in [
        ("precision", computing.precision.to_owned(), given.precision.to_owned()),
        ("kv", computing.kv.to_owned(), given.kv.to_owned()),
        ("context", context(computing), context(&given)),
    ] {
        let is_given = flags.value_source(name) == Some(ValueSource::CommandLine);
        if is_given && saved != asked {
            let message = format!("`--{name}` is {saved} in the file; given {asked}");
            return Err(Failure::new(message).with_hint("it shapes the tokens: leave it out"));
        }
    }
    Ok(computing.clone())
}

/// The threads and instructions that the flags ask for.
///
/// # Errors
/// When this machine has no such instructions.
pub fn effort(flags: &ArgMatches) -> Result<Effort, Failure> {
    let threads = flags.get_one::<u16>("threads").map(|&threads| usize::from(threads));
    let Some(name) = flags.get_one::<String>("isa") else {
        return Ok(Effort { threads, kernels: None });
    };
    let kernels = Kernels::named(name).ok_or_else(|| {
        let known: Vec<&str> =
            Kernels::all_available().iter().map(|kernels| kernels.isa().name()).collect();
        Failure::new(format!("this machine cannot run `--isa {name}`"))
            .with_hint(format!("it can run {}", known.join(", ")))
    })?;
    Ok(Effort { threads, kernels: Some(kernels) })
}

/// The model's weights in reach, to be computed as the flags say.
///
/// # Errors
/// When a tensor is missing or has the wrong shape, or a flag cannot be met.
pub fn load(model: &OpenModel, flags: &ArgMatches) -> Result<LoadedModel, Failure> {
    Ok(model.load(&from_flags(flags), &effort(flags)?)?)
}
