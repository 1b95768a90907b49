//! Text that people enter, checked once and carried in a type of its own from then on.

use unicode_normalization::UnicodeNormalization;

use super::limits;
use crate::error::{AppError, AppResult, ErrorCode, FieldError};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Text that was checked when it was stored.
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The checked text, by value.
            pub fn into_string(self) -> String {
                self.0
            }
        }
    )*};
}

texts! {
    /// An e-mail address, in lower case.
    Email;
    /// What a person is called: one line.
    DisplayName;
    /// What a group is called: one line.
    GroupName;
    /// What a person says about themselves; may have lines.
    About;
    /// What a group says about itself; may have lines.
    Description;
    /// A message's text: up to 8,000 characters after trimming; empty only beside files.
    Body;
    /// What is being written: up to 8,000 characters as they were typed; empty if nothing can be seen of it.
    DraftBody;
    /// What a file is called: one line without a path.
    FileName;
    /// What is said of a picture for those who do not see it: one line; may be empty.
    AltText;
}

impl Email {
    /// Checks the form only: something, one `@`, a domain with a dot.
    pub fn parse(text: &str) -> AppResult<Self> {
        let text = text.trim().nfc().collect::<String>().to_lowercase();
        let wrong = |error| Err(AppError::field("email", error));
        if text.is_empty() {
            return wrong(FieldError::Required);
        }
        if text.len() > limits::EMAIL_BYTES {
            return wrong(FieldError::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || is_control(c) || "<>()[]\\,;:\"".contains(c)) {
            return wrong(FieldError::Malformed);
        }
        let Some((local, domain)) = text.split_once('@') else { return wrong(FieldError::Malformed) };
        let labels_are_full = domain.split('.').all(|label| !label.is_empty());
        if local.is_empty() || domain.contains('@') || !domain.contains('.') || !labels_are_full {
            return wrong(FieldError::Malformed);
        }
        Ok(Self(text))
    }
}

impl DisplayName {
    /// One line of 1 to 60 characters without control or direction-overriding characters.
    pub fn parse(text: &str) -> AppResult<Self> {
        line("display_name", text, limits::DISPLAY_NAME_CHARS).map(Self)
    }
}

impl GroupName {
    /// One line of 1 to 80 characters without control or direction-overriding characters.
    pub fn parse(text: &str) -> AppResult<Self> {
        line("name", text, limits::GROUP_NAME_CHARS).map(Self)
    }
}

impl About {
    /// At most 500 characters; empty is allowed.
    pub fn parse(text: &str) -> AppResult<Self> {
        lines("about", text, limits::ABOUT_CHARS).map(Self)
    }
}

impl Description {
    /// At most 500 characters; empty is allowed.
    pub fn parse(text: &str) -> AppResult<Self> {
        lines("description", text, limits::DESCRIPTION_CHARS).map(Self)
    }
}

impl Body {
    /// 1 to 8,000 characters after trimming. Control characters other than line breaks and tabs are
    /// dropped; everything else, in any script, is kept as it was typed.
    pub fn parse(text: &str) -> AppResult<Self> {
        let text = block(text);
        match text.chars().count() {
            0 => Err(AppError::field("body", FieldError::Required)),
            n if n > limits::BODY_CHARS => Err(AppError::field("body", FieldError::TooLong)),
            _ => Ok(Self(text)),
        }
    }
}

impl Body {
    /// As [`Self::parse`], but nothing is enough where there are files.
    pub fn parse_beside_files(text: &str) -> AppResult<Self> {
        if block(text).is_empty() { Ok(Self(String::new())) } else { Self::parse(text) }
    }
}

impl DraftBody {
    /// At most 8,000 characters. Control characters other than line breaks and tabs are dropped; nothing is trimmed,
    /// for its writer goes on where they were.
    pub fn parse(text: &str) -> AppResult<Self> {
        let text = typed(text);
        match text.chars().count() {
            n if n > limits::BODY_CHARS => Err(AppError::field("body", FieldError::TooLong)),
            _ => Ok(Self(text)),
        }
    }
}

impl FileName {
    /// The last part of a path, whichever system it is from, as one line of at most 255 characters. What
    /// controls or reorders text is dropped; what would then be nothing is called "file".
    pub fn parse(text: &str) -> AppResult<Self> {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let kept: String = last.nfc().filter(|c| !is_control(*c) && !is_direction_override(*c)).collect();
        let name = kept.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.chars().count() > limits::FILE_NAME_CHARS {
            return Err(ErrorCode::FileNameTooLong.into());
        }
        let is_nothing = name.chars().all(|c| is_invisible(c) || c == '.');
        Ok(Self(if is_nothing { "file".to_owned() } else { name }))
    }
}

impl AltText {
    /// One line of at most 500 characters; empty is allowed.
    pub fn parse(text: &str) -> AppResult<Self> {
        let kept: String = text.nfc().filter(|c| c.is_whitespace() || !is_control(*c)).collect();
        let line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.chars().count() {
            n if n > limits::ALT_TEXT_CHARS => Err(AppError::field("alt", FieldError::TooLong)),
            _ if line.chars().any(is_direction_override) => {
                Err(AppError::field("alt", FieldError::ForbiddenCharacters))
            }
            _ => Ok(Self(line)),
        }
    }
}

/// A password that somebody wants to have from now on: long enough, not common, not their own name.
/// Never logged: it has no `Debug`.
pub struct NewPassword(String);

impl NewPassword {
    /// Checks length, that it is not one of the passwords that everybody tries first (which the caller
    /// finds out, as it takes time), and that none of the account's own words is in it (OWASP ASVS 5.0.0,
    /// 6.2). Nothing is trimmed or cut.
    pub fn parse(
        field: &'static str,
        text: &str,
        email: &str,
        display_name: &str,
        is_common: bool,
    ) -> AppResult<Self> {
        check_password_length(field, text)?;
        let lower = text.to_lowercase();
        if is_common {
            return Err(AppError::field(field, FieldError::PasswordTooCommon));
        }
        let local = email.split('@').next().unwrap_or_default();
        let own = [email, local, display_name, "samvad"];
        let contains_own = own
            .iter()
            .map(|word| word.trim().to_lowercase())
            .any(|word| word.chars().count() >= 3 && lower.contains(&word));
        if contains_own {
            return Err(AppError::field(field, FieldError::PasswordContainsAccount));
        }
        Ok(Self(text.to_owned()))
    }

    /// The password, to be hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Refuses a password that is too short or too long, before anything is spent on it.
pub fn check_password_length(field: &'static str, text: &str) -> AppResult<()> {
    match text.chars().count() {
        0 => Err(AppError::field(field, FieldError::Required)),
        n if n < limits::PASSWORD_MIN_CHARS => Err(AppError::field(field, FieldError::TooShort)),
        n if n > limits::PASSWORD_MAX_CHARS => Err(AppError::field(field, FieldError::TooLong)),
        _ => Ok(()),
    }
}

/// The words under which a person is found: of the name and of the e-mail's local part, in lower case.
pub fn search_words(text: &str) -> Vec<String> {
    let text = text.nfkc().collect::<String>().to_lowercase();
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

/// Whether nothing can be seen of a text: it is none.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| is_invisible(c) || is_control(c))
}

/// What a name is found by: in one form of each character, in lower case, with single spaces.
pub fn name_key(name: &str) -> String {
    let folded = name.nfkc().collect::<String>().to_lowercase();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line, normalised to NFC, its white space folded.
fn line(field: &'static str, text: &str, max_chars: usize) -> AppResult<String> {
    if text.chars().any(|c| (is_control(c) && !c.is_whitespace()) || is_direction_override(c)) {
        return Err(AppError::field(field, FieldError::ForbiddenCharacters));
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect::<String>();
    match text.chars().count() {
        0 => Err(AppError::field(field, FieldError::Required)),
        n if n > max_chars => Err(AppError::field(field, FieldError::TooLong)),
        _ if text.chars().all(is_invisible) => Err(AppError::field(field, FieldError::Required)),
        _ => Ok(text),
    }
}

/// Lines without direction-overriding characters; none is allowed.
fn lines(field: &'static str, text: &str, max_chars: usize) -> AppResult<String> {
    let text = block(text);
    match text.chars().count() {
        n if n > max_chars => Err(AppError::field(field, FieldError::TooLong)),
        _ if text.chars().any(is_direction_override) => {
            Err(AppError::field(field, FieldError::ForbiddenCharacters))
        }
        _ => Ok(text),
    }
}

/// Lines, normalised to NFC and with `\n` between them, trimmed.
fn block(text: &str) -> String {
    typed(text).trim().to_owned()
}

/// The same, not trimmed. Nothing if nothing can be seen of it.
fn typed(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = text.nfc().filter(|c| matches!(c, '\n' | '\t') || !is_control(*c)).collect();
    if is_blank(&kept) { String::new() } else { kept }
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Characters that reorder what stands beside them (Unicode UAX 9), so that a name could pose as another.
fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{00ad}' | '\u{034f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: AppResult<T>, field: &str) -> Option<FieldError> {
        result.err().and_then(|error| error.field_error(field))
    }

    #[test]
    fn what_cannot_be_seen_is_no_text() {
        assert!(is_blank("") && is_blank(" \n\t\u{200b}\u{2060}\u{feff}"));
        assert!(!is_blank(" .") && !is_blank("\u{5d0}"));
    }

    #[test]
    fn an_email_is_folded_to_lower_case() {
        assert_eq!(
            Email::parse(" Samyak@Chat.Test.com ").map(Email::into_string).ok().as_deref(),
            Some("samyak@chat.test.com")
        );
    }

    #[test]
    fn what_is_no_email_is_refused() {
        for text in ["a", "@b.c", "a@", "a@b", "a@b@c.d", "a b@c.d", "a@.d", "a@c..d", "<a@c.d>"] {
            assert_eq!(code(Email::parse(text), "email"), Some(FieldError::Malformed), "{text}");
        }
    }

    #[test]
    fn names_are_one_visible_line() {
        assert_eq!(
            DisplayName::parse("  Ada \n Lovelace ").map(DisplayName::into_string).ok().as_deref(),
            Some("Ada Lovelace")
        );
        assert_eq!(code(DisplayName::parse(" \u{200b} "), "display_name"), Some(FieldError::Required));
        assert_eq!(
            code(DisplayName::parse("a\u{202e}b"), "display_name"),
            Some(FieldError::ForbiddenCharacters)
        );
        assert_eq!(
            code(DisplayName::parse("a\u{0}b"), "display_name"),
            Some(FieldError::ForbiddenCharacters)
        );
        assert_eq!(code(GroupName::parse(&"x".repeat(81)), "name"), Some(FieldError::TooLong));
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        for typed in ["Asha Rao", "asha  rao", "ＡＳＨＡ Rao"] {
            assert_eq!(name_key(typed), "asha rao");
        }
        assert_eq!(name_key("Ångström"), name_key("A\u{30a}ngstro\u{308}m"));
        assert_eq!(name_key("आशा राव"), "आशा राव");
    }

    #[test]
    fn a_description_has_lines_and_may_be_empty() {
        let parse = |text: &str| Description::parse(text).map(Description::into_string);
        assert_eq!(parse(" For all\r\nwho dig \n").ok().as_deref(), Some("For all\nwho dig"));
        assert_eq!(parse(" \u{200b} ").ok().as_deref(), Some(""));
        assert!(parse(&"न".repeat(500)).is_ok());
        assert_eq!(code(parse(&"न".repeat(501)), "description"), Some(FieldError::TooLong));
        assert_eq!(code(parse("a\u{202e}b"), "description"), Some(FieldError::ForbiddenCharacters));
    }

    #[test]
    fn a_body_counts_characters_after_trimming() {
        let full = "न".repeat(limits::BODY_CHARS);
        assert_eq!(Body::parse(&format!("\n {full} \n")).map(Body::into_string).ok(), Some(full.clone()));
        assert_eq!(code(Body::parse(&format!("{full}x")), "body"), Some(FieldError::TooLong));
        assert_eq!(code(Body::parse(" \r\n\t "), "body"), Some(FieldError::Required));
        assert_eq!(Body::parse("a\r\nb\u{7}").map(Body::into_string).ok().as_deref(), Some("a\nb"));
    }

    #[test]
    fn beside_files_a_message_may_say_nothing() {
        assert_eq!(Body::parse_beside_files(" \n").map(Body::into_string).ok().as_deref(), Some(""));
        let long = "x".repeat(limits::BODY_CHARS + 1);
        assert_eq!(code(Body::parse_beside_files(&long), "body"), Some(FieldError::TooLong));
    }

    #[test]
    fn a_file_keeps_its_name_and_nothing_but_its_name() {
        let name = |text: &str| FileName::parse(text).map(FileName::into_string).unwrap_or_default();
        assert_eq!(name("../../etc/passwd"), "passwd");
        assert_eq!(name("C:\\Users\\me\\CON.txt"), "CON.txt");
        assert_eq!(name("नमस्ते “ü” 🎉.pdf"), "नमस्ते “ü” 🎉.pdf");
        assert_eq!(name("a\u{202e}gpj.exe"), "agpj.exe");
        assert_eq!(name("a\0b\r\nc.txt"), "abc.txt");
        assert_eq!(name(".."), "file");
        assert_eq!(name(""), "file");
        assert_eq!(name(&"x".repeat(255)).len(), 255);
        let refused = FileName::parse(&"x".repeat(256)).err().map(|error| error.code);
        assert_eq!(refused, Some(ErrorCode::FileNameTooLong));
    }

    #[test]
    fn a_password_is_long_uncommon_and_not_ones_own_name() {
        let parse =
            |text: &str| NewPassword::parse("password", text, "ada@lovelace.org", "Ada", text == "Password1");
        assert_eq!(code(parse("short"), "password"), Some(FieldError::TooShort));
        assert_eq!(code(parse(&"x".repeat(257)), "password"), Some(FieldError::TooLong));
        assert_eq!(code(parse("Password1"), "password"), Some(FieldError::PasswordTooCommon));
        assert_eq!(code(parse("my-ADA-secret"), "password"), Some(FieldError::PasswordContainsAccount));
        assert_eq!(code(parse("i love samvad"), "password"), Some(FieldError::PasswordContainsAccount));
        assert!(parse("correct horse battery").is_ok());
    }
}
