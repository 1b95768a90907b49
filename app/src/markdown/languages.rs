//! What the languages look like whose code is coloured.

/// By which rules a language is read.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Words, strings, numbers and comments.
    Words,
    /// Tags with attributes.
    Markup,
    /// Lines that were added and removed.
    Diff,
}

/// A language, or several that look alike.
pub(super) struct Language {
    /// What it is called.
    pub name: &'static str,
    /// What people write behind the three backticks, in lower case.
    names: &'static str,
    pub shape: Shape,
    keywords: &'static str,
    /// Whether keywords may be written in capitals.
    any_case: bool,
    pub line_comments: &'static [&'static str],
    pub block_comment: Option<(&'static str, &'static str)>,
    /// What strings begin and end with.
    pub quotes: &'static str,
    /// Whether three quotes make a string of several lines.
    pub triple_quotes: bool,
    /// Whether a single quote may begin a name.
    pub lifetimes: bool,
    /// Signs that belong to the name behind them.
    pub sigils: &'static str,
    /// Whether words have dashes.
    pub dashes: bool,
    /// What stands between a name at the start of a line and its value.
    pub keys: Option<char>,
}

impl Language {
    /// Whether the word is one of its keywords.
    pub fn has_keyword(&self, word: &str) -> bool {
        self.keywords
            .split(' ')
            .any(|keyword| keyword == word || (self.any_case && keyword.eq_ignore_ascii_case(word)))
    }
}

/// The language that people call so.
pub(super) fn language(named: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.names.split(' ').any(|name| name.eq_ignore_ascii_case(named)))
}

const BASE: Language = Language {
    name: "",
    names: "",
    shape: Shape::Words,
    keywords: "",
    any_case: false,
    line_comments: &["//"],
    block_comment: Some(("/*", "*/")),
    quotes: "\"'",
    triple_quotes: false,
    lifetimes: false,
    sigils: "",
    dashes: false,
    keys: None,
};

static LANGUAGES: &[Language] = &[
    Language {
        name: "Rust",
        names: "rust rs",
        keywords: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop \
                   match mod move mut pub ref return self Self static struct super trait true type union unsafe use \
                   where while",
        lifetimes: true,
        ..BASE
    },
    Language {
        name: "JavaScript",
        names: "javascript js jsx mjs cjs node",
        keywords: SCRIPT,
        quotes: "\"'`",
        ..BASE
    },
    Language {
        name: "TypeScript",
        names: "typescript ts tsx",
        keywords: SCRIPT,
        quotes: "\"'`",
        sigils: "@",
        ..BASE
    },
    Language {
        name: "Python",
        names: "python py python3",
        keywords: "False None True and as assert async await break case class continue def del elif else except \
                   finally for from global if import in is lambda match nonlocal not or pass raise return self try \
                   while with yield",
        line_comments: &["#"],
        block_comment: None,
        triple_quotes: true,
        sigils: "@",
        ..BASE
    },
    Language {
        name: "Go",
        names: "go golang",
        keywords: "break case chan const continue default defer else fallthrough false for func go goto if import \
                   interface map nil package range return select struct switch true type var",
        quotes: "\"'`",
        ..BASE
    },
    Language { name: "C", names: "c h", keywords: FAMILY_OF_C, sigils: "#", ..BASE },
    Language { name: "C++", names: "c++ cpp cc cxx hpp", keywords: FAMILY_OF_C, sigils: "#", ..BASE },
    Language { name: "C#", names: "c# cs csharp", keywords: FAMILY_OF_C, sigils: "#", ..BASE },
    Language {
        name: "Java",
        names: "java kotlin kt scala swift",
        keywords: FAMILY_OF_C,
        triple_quotes: true,
        sigils: "@",
        ..BASE
    },
    Language {
        name: "Shell",
        names: "shell sh bash zsh console dockerfile docker makefile make",
        keywords: "case cd do done echo elif else esac eval exec exit export fi for function if in local read return \
                   select set shift source then trap unset until while",
        line_comments: &["#"],
        block_comment: None,
        sigils: "$",
        dashes: true,
        ..BASE
    },
    Language {
        name: "SQL",
        names: "sql sqlite postgres postgresql mysql",
        keywords: "add all alter and as asc begin between by case check column commit constraint create cross default \
                   delete desc distinct drop else end exists false foreign from full group having if in index inner \
                   insert into is join key left like limit not null offset on or order outer primary references \
                   returning right rollback select set table then true union unique update using values view when \
                   where with",
        any_case: true,
        line_comments: &["--"],
        ..BASE
    },
    Language { name: "HTML", names: "html htm vue svelte", shape: Shape::Markup, ..BASE },
    Language { name: "XML", names: "xml svg", shape: Shape::Markup, ..BASE },
    Language {
        name: "CSS",
        names: "css scss less",
        keywords: "auto inherit initial none revert unset",
        line_comments: &[],
        sigils: "@#.",
        dashes: true,
        keys: Some(':'),
        ..BASE
    },
    Language {
        name: "JSON",
        names: "json json5 jsonc",
        keywords: "false null true",
        quotes: "\"",
        keys: Some(':'),
        ..BASE
    },
    Language {
        name: "YAML",
        names: "yaml yml",
        keywords: "false no null off on true yes",
        line_comments: &["#"],
        block_comment: None,
        dashes: true,
        keys: Some(':'),
        ..BASE
    },
    Language {
        name: "TOML",
        names: "toml ini conf",
        keywords: "false true",
        line_comments: &["#", ";"],
        block_comment: None,
        triple_quotes: true,
        dashes: true,
        keys: Some('='),
        ..BASE
    },
    Language { name: "Diff", names: "diff patch", shape: Shape::Diff, ..BASE },
];

const SCRIPT: &str = "abstract any as async await boolean break case catch class const continue debugger declare \
                      default delete do else enum export extends false finally for from function get if implements \
                      import in infer instanceof interface is keyof let namespace never new null number of private \
                      protected public readonly return satisfies set static string super switch this throw true try \
                      type typeof undefined unknown var void while with yield";

const FAMILY_OF_C: &str = "abstract as assert async auto await base bool boolean break byte case catch char class \
                           const constexpr continue decimal default delegate delete do double else enum explicit \
                           extends extern false final finally float for foreach friend fun func goto guard if \
                           implements import in inline instanceof int interface internal is let long mutable \
                           namespace new null nullptr object operator out override package private protected public \
                           readonly record ref return sealed short signed sizeof static string struct super switch \
                           synchronized template this throw throws true try typedef typename union unsigned using \
                           val var virtual void volatile when where while yield";
