//! The configuration file: TOML, one key for each flag of `samvad serve`, with underscores.
//!
//! The file gives each flag its default. So the flag's own parser reads the value, and what stands in the
//! environment or on the command line wins by itself.

use std::{
    any::TypeId,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::{
    Arg, Command,
    builder::{Resettable, ValueRange},
    error::{ContextKind, ContextValue},
};
use toml::{Table, Value};

/// What a file says, each value one that its flag takes.
#[derive(Clone)]
pub struct File {
    path: PathBuf,
    settings: Vec<Setting>,
}

#[derive(Clone)]
struct Setting {
    key: String,
    values: Vec<String>,
}

/// A configuration file cannot be used. What it says never repeats the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, or not text.
    #[error("the configuration file {path} cannot be read")]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not TOML.
    #[error("{path}, line {line}: {reason}")]
    Malformed {
        /// Where it is.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What was expected.
        reason: String,
    },
    /// A key that no flag has.
    #[error("{path}: there is no setting {key:?}. There are: {known}")]
    Unknown {
        /// Where it is.
        path: PathBuf,
        /// The key.
        key: String,
        /// All that there are.
        known: String,
    },
    /// A number where a text belongs, and the like.
    #[error("{path}: {key} must be {wanted}, not {found}")]
    Kind {
        /// Where it is.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it takes.
        wanted: Kind,
        /// What is there.
        found: &'static str,
    },
    /// A value that the flag does not take.
    #[error("{path}: {key} cannot be {}: {reason}", .value.as_deref().unwrap_or("used"))]
    Refused {
        /// Where it is.
        path: PathBuf,
        /// The key.
        key: String,
        /// The value, unless it is a secret.
        value: Option<String>,
        /// What is allowed.
        reason: String,
    },
}

/// What TOML has to hold for a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Number,
    /// A text in quotes.
    Text,
    /// Several texts.
    Texts,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Boolean => "true or false",
            Self::Number => "a whole number",
            Self::Text => "a text in quotes",
            Self::Texts => "a list of texts in quotes",
        })
    }
}

impl File {
    /// Reads a file whose keys are the flags of this command.
    ///
    /// # Errors
    /// If it is not there, is not TOML, or says something that no flag takes.
    pub fn read(path: &Path, flags: &Command) -> Result<Self, FileError> {
        let text = fs::read_to_string(path)
            .map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text, flags)
    }

    fn parse(path: &Path, text: &str, flags: &Command) -> Result<Self, FileError> {
        // The error itself shows the line, which may hold a secret.
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            FileError::Malformed { path: path.to_owned(), line, reason: error.message().to_owned() }
        })?;
        let mut settings = Vec::new();
        for (key, value) in &table {
            let Some(flag) = flags.get_arguments().find(|flag| flag.get_id() == key.as_str()) else {
                let known: Vec<&str> = flags.get_arguments().map(|flag| flag.get_id().as_str()).collect();
                let (path, key, known) = (path.to_owned(), key.clone(), known.join(", "));
                return Err(FileError::Unknown { path, key, known });
            };
            let values = texts(value, kind(flag)).ok_or_else(|| FileError::Kind {
                path: path.to_owned(),
                key: key.clone(),
                wanted: kind(flag),
                found: value.type_str(),
            })?;
            try_out(flag, &values).map_err(|reason| FileError::Refused {
                path: path.to_owned(),
                key: key.clone(),
                value: (!is_secret(flag)).then(|| format!("{:?}", values.join(", "))),
                reason,
            })?;
            settings.push(Setting { key: key.clone(), values });
        }
        Ok(Self { path: path.to_owned(), settings })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it gives this flag a value.
    pub fn gives(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| setting.key == key)
    }

    /// The command with the file's values as the defaults of those flags that it has.
    pub(super) fn give_defaults(&self, mut command: Command) -> Command {
        for setting in self.settings.iter().filter(|setting| !setting.values.is_empty()) {
            if command.get_arguments().any(|flag| flag.get_id() == setting.key.as_str()) {
                command = command.mut_arg(&setting.key, |flag| {
                    let hidden = is_secret(&flag);
                    flag.default_values(setting.values.clone()).hide_default_value(hidden)
                });
            }
        }
        command
    }
}

/// Whether the value of a flag is never shown.
pub(super) fn is_secret(flag: &Arg) -> bool {
    flag.is_hide_env_values_set()
}

/// What TOML has to hold for this flag.
pub(super) fn kind(flag: &Arg) -> Kind {
    let parsed = flag.get_value_parser().type_id();
    if parsed == TypeId::of::<bool>() {
        Kind::Boolean
    } else if parsed == TypeId::of::<u32>() {
        Kind::Number
    } else if flag.get_value_delimiter().is_some() {
        Kind::Texts
    } else {
        Kind::Text
    }
}

/// The value as it would stand on the command line; one text for each in a list.
fn texts(value: &Value, wanted: Kind) -> Option<Vec<String>> {
    match (wanted, value) {
        (Kind::Boolean, Value::Boolean(value)) => Some(vec![value.to_string()]),
        (Kind::Number, Value::Integer(value)) => Some(vec![value.to_string()]),
        (Kind::Text, Value::String(value)) => Some(vec![value.clone()]),
        (Kind::Texts, Value::Array(values)) => {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// Why the flag does not take these values. Defaults are not looked at before they are used, so they are
/// tried out here, by a command that has this flag alone.
fn try_out(flag: &Arg, values: &[String]) -> Result<(), String> {
    let alone = flag
        .clone()
        .env(Resettable::Reset)
        .default_value(Resettable::Reset)
        .num_args(ValueRange::SINGLE)
        .long("setting");
    let command = Command::new("samvad").no_binary_name(true).disable_help_flag(true).arg(alone);
    for value in values {
        let given = format!("--setting={value}");
        if let Err(error) = command.clone().try_get_matches_from([given]) {
            return Err(reason(flag, &error));
        }
    }
    Ok(())
}

/// Why a flag refused a value, and what it would take. The parsers of secrets do not repeat them.
fn reason(flag: &Arg, error: &clap::Error) -> String {
    if let Some(ContextValue::Strings(allowed)) = error.get(ContextKind::ValidValue)
        && !allowed.is_empty()
    {
        return format!("it is one of {}", allowed.join(", "));
    }
    let said = std::error::Error::source(error)
        .map_or_else(|| "it must not be empty".to_owned(), |source| source.to_string());
    match flag.get_default_values() {
        [usual] => format!("{said}; by default it is {}", usual.to_string_lossy()),
        _ => said,
    }
}
