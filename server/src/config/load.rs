//! From what was said, and where, to what is to be done: defaults, then the file, then the environment,
//! then flags.

use std::{ffi::OsString, path::Path};

use clap::{
    ArgMatches, CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::{
    Cli, Command,
    file::{File, FileError, is_secret},
};

/// The file that is read where none is named.
const USUAL_FILE: &str = "samvad.toml";

/// What to do, and who said so.
pub struct Loaded {
    /// What to do.
    pub command: Command,
    /// Where each value that is not the built-in default comes from.
    pub sources: Sources,
}

/// Where values come from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file that was read.
    pub file: Option<File>,
    /// The keys that the file decided.
    pub by_file: Vec<String>,
    /// The variables that decided.
    pub by_environment: Vec<String>,
    /// The flags that decided.
    pub by_flag: Vec<String>,
}

/// What was said cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] FileError),
    /// A flag or a variable is wrong, or only help was asked for. No secret is in it.
    #[error(transparent)]
    Line(Box<clap::Error>),
}

/// Understands what was said: these arguments, the program's name first, the environment, and the file that
/// they name, or else `samvad.toml` in the working folder if it is there. Without a word it is `serve`.
///
/// # Errors
/// If any of it is wrong, or help or the version was asked for, which [`clap::Error::exit`] prints.
pub fn load(arguments: impl IntoIterator<Item = OsString>) -> Result<Loaded, LoadError> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    // No flag is required: what is wrong here is wrong whatever the file says.
    let mut matches = understand(Cli::command(), &arguments)?;
    if matches.subcommand_name().is_none() {
        arguments.push("serve".into());
        matches = understand(Cli::command(), &arguments)?;
    }
    let file = find_file(&matches)?;
    if let Some(file) = &file {
        let mut command = Cli::command();
        let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for name in names {
            command = command.mut_subcommand(name, |sub| file.give_defaults(sub));
        }
        matches = understand(command, &arguments)?;
    }
    let sources = sources(&matches, file);
    let cli = Cli::from_arg_matches(&matches).map_err(|error| LoadError::Line(Box::new(error)))?;
    let command = cli.command.ok_or_else(|| {
        LoadError::Line(Box::new(Cli::command().error(ErrorKind::MissingSubcommand, "nothing is to be done")))
    })?;
    Ok(Loaded { command, sources })
}

fn understand(command: clap::Command, arguments: &[OsString]) -> Result<ArgMatches, LoadError> {
    let secrets: Vec<String> = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter(|flag| is_secret(flag))
        .filter_map(|flag| flag.get_long().map(|long| format!("--{long}")))
        .collect();
    command.try_get_matches_from(arguments).map_err(|mut error| {
        // What refuses a value quotes it.
        if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
            && secrets.iter().any(|secret| flag.split([' ', '=']).next() == Some(secret))
        {
            error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
        }
        LoadError::Line(Box::new(error))
    })
}

fn find_file(matches: &ArgMatches) -> Result<Option<File>, LoadError> {
    let named = matches.get_one::<std::path::PathBuf>("config").map(std::path::PathBuf::as_path);
    let usual = Path::new(USUAL_FILE);
    let Some(path) = named.or_else(|| usual.exists().then_some(usual)) else {
        return Ok(None);
    };
    let command = Cli::command();
    let Some(flags) = command.find_subcommand("serve") else {
        return Ok(None);
    };
    Ok(Some(File::read(path, flags)?))
}

fn sources(matches: &ArgMatches, file: Option<File>) -> Sources {
    let mut sources = Sources { file, ..Sources::default() };
    let Some((name, given)) = matches.subcommand() else {
        return sources;
    };
    let command = Cli::command();
    for flag in command.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments) {
        let key = flag.get_id().as_str();
        match given.value_source(key) {
            Some(ValueSource::CommandLine) => {
                sources.by_flag.extend(flag.get_long().map(|long| format!("--{long}")));
            }
            Some(ValueSource::EnvVariable) => {
                let variable = flag.get_env().map(|variable| variable.to_string_lossy().into_owned());
                sources.by_environment.extend(variable);
            }
            _ if sources.file.as_ref().is_some_and(|file| file.gives(key)) => {
                sources.by_file.push(key.to_owned());
            }
            _ => {}
        }
    }
    sources
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
