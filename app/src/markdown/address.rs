//! Which addresses may become links, and where one begins and ends that simply stands in a text.

use super::bidi;

/// The address of a link, as it may stand in its `href`: `http`, `https` or `mailto`, and nothing in it that a
/// browser would drop, turn or read in another way than it looks. `None` for every other one.
pub(super) fn href(address: &str) -> Option<String> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || is_unseen(c);
    if address.chars().any(odd) {
        return None;
    }
    if let Some(rest) = without_scheme(address, "mailto:") {
        let (local, domain) = rest.split('?').next()?.split_once('@')?;
        let known = |c: char| c.is_ascii_alphanumeric() || ".-_+%".contains(c);
        return (local.chars().all(known) && !local.is_empty() && is_host(domain)).then(|| encoded(address));
    }
    let rest = without_scheme(address, "https://").or_else(|| without_scheme(address, "http://"))?;
    is_authority(rest.split(['/', '?', '#']).next()?).then(|| encoded(address))
}

/// Where the bare address ends that begins here (`https://…`, `http://…`, `www.…`), in bytes. What ends a sentence is
/// left out, and so is a bracket that was opened before it. `None` if none begins here.
pub(super) fn bare_end(text: &str) -> Option<usize> {
    let rest = match without_scheme(text, "https://").or_else(|| without_scheme(text, "http://")) {
        Some(rest) => rest,
        // `www` alone is no site.
        None => without_scheme(text, "www.").filter(|rest| rest.contains('.')).map(|_| text)?,
    };
    // Looked at first, so that nothing is read to its end in vain: a text may be full of such beginnings.
    let length = rest.find(|c| !(is_of_host(c) || c == '.' || c == ':')).unwrap_or(rest.len());
    let authority = rest[..length].trim_end_matches(['.', ':', '-', '_']);
    if !is_authority(authority) || bare_href(authority).is_none() && rest.len() == text.len() {
        return None;
    }
    let start = text.len() - rest.len() + authority.len();
    let path = &text[start..];
    if !path.starts_with(['/', '?', '#']) {
        // Before an `@` it would be somebody's name at another site.
        return (!path.starts_with('@')).then_some(start);
    }
    let (mut round, mut square) = (0_u32, 0_u32);
    let goes_on = |c: char| match c {
        '(' => round.checked_add(1).inspect(|depth| round = *depth).is_some(),
        '[' => square.checked_add(1).inspect(|depth| square = *depth).is_some(),
        ')' => round.checked_sub(1).inspect(|depth| round = *depth).is_some(),
        ']' => square.checked_sub(1).inspect(|depth| square = *depth).is_some(),
        '<' | '>' | '"' | '`' | '\\' | '|' | '{' | '}' => false,
        _ => !(c.is_control() || c.is_whitespace() || is_unseen(c) || is_wide_punctuation(c)),
    };
    let path = &path[..path.len() - path.trim_start_matches(goes_on).len()];
    let path = path.trim_end_matches(|c: char| "?!.,:;*_~'([…’”»।॥".contains(c));
    Some(start + path.len())
}

/// The address that a bare one leads to.
pub(super) fn bare_href(text: &str) -> Option<String> {
    match without_scheme(text, "www.") {
        Some(rest) if rest.contains('.') => href(&format!("https://{text}")),
        Some(_) => None,
        None => href(text),
    }
}

/// Whether this text of a link shows an address, anywhere in it, that is not the one that the link leads to. A name
/// like `example.org` is one, too; of such a one the site alone has to be the same.
pub(super) fn misleads(text: &str, href: &str) -> bool {
    // Written out in the browser's way a text may differ by a slash at its end.
    let same = |shown: String| shown.trim_end_matches('/') == href.trim_end_matches('/');
    let text: String =
        text.chars().filter(|c| !is_blank(*c)).map(|c| if c == '．' { '.' } else { c }).collect();
    let is_of_name = |c: char| is_of_host(c) || c == '.';
    let (mut rest, mut before) = (text.as_str(), None);
    while let Some(c) = rest.chars().next() {
        let has_scheme = ["https://", "http://"].iter().any(|scheme| without_scheme(rest, scheme).is_some());
        let mut length = c.len_utf8();
        if let Some(end) = bare_end(rest).filter(|_| has_scheme || may_begin_after(before)) {
            if !bare_href(&rest[..end]).is_some_and(same) {
                return true;
            }
            length = end;
        } else if has_scheme {
            return true;
        } else if is_of_name(c) && !before.is_some_and(is_of_name) {
            let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
            let name = rest[..end].trim_matches(|c| "._-".contains(c));
            if looks_like_site(name) {
                if !is_site_of(name, href) {
                    return true;
                }
                // What comes behind a name belongs to it.
                let path = &rest[end..];
                let goes_on = path.starts_with(['/', '?', '#']);
                length = end + path.find(|c: char| !goes_on || c.is_whitespace()).unwrap_or(path.len());
            }
        }
        before = rest[..length].chars().next_back();
        rest = &rest[length..];
    }
    false
}

/// Whether people read it as the name of a site. So they read names of files, too, but for those whose ending no site
/// has.
fn looks_like_site(name: &str) -> bool {
    const FILES: &[&str] = &[
        "css", "csv", "gif", "htm", "html", "jpeg", "jpg", "js", "json", "log", "pdf", "png", "svg", "toml",
        "ts", "txt", "xml", "yaml", "yml",
    ];
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    let is_ending = last.chars().nth(1).is_some() && !last.chars().any(|c| c.is_numeric() || c == '_');
    let is_ending = is_ending || last.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    let is_file = FILES.iter().any(|file| last.eq_ignore_ascii_case(file));
    is_host(name) && !is_file && (is_ending || last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the address leads to this site, or to one's mailbox there.
fn is_site_of(name: &str, href: &str) -> bool {
    let rest = match without_scheme(href, "mailto:") {
        Some(rest) => rest.split('?').next().and_then(|rest| rest.split_once('@')).map(|(_, domain)| domain),
        None => href.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#', ':']).next()),
    };
    let plain = |site: &str| {
        let site = site.trim_end_matches('.').to_lowercase();
        site.strip_prefix("www.").map(str::to_owned).unwrap_or(site)
    };
    rest.is_some_and(|site| plain(site) == plain(name))
}

/// Whether a bare address may begin behind this character: not in the middle of a word or of another address.
pub(super) fn may_begin_after(before: Option<char>) -> bool {
    before.is_none_or(|c| !(c.is_ascii_alphanumeric() || "/.:@-%=\\".contains(c)))
}

fn without_scheme<'a>(address: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = address.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// A host, and perhaps its port.
fn is_authority(authority: &str) -> bool {
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    is_host(host) && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// Names of letters and digits between dots, or the four numbers of an address.
fn is_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_of_host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with(|c: char| c.is_ascii_digit());
    let is_address = || {
        let short = |part: &str| part.len() == 1 || !part.starts_with('0');
        host.split('.').count() == 4 && host.split('.').all(|part| short(part) && part.parse::<u8>().is_ok())
    };
    host.split('.').all(is_label) && (!is_number || is_address())
}

/// Letters of all scripts, also where a sign that is no letter by itself belongs to the one before it (South Asia).
fn is_of_host(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '-' | '_' | '\u{900}'..='\u{963}' | '\u{966}'..='\u{dff}' | '\u{e31}'..='\u{e4e}')
}

/// What an attribute would have to escape, or what nobody writes so, is percent-encoded.
fn encoded(address: &str) -> String {
    let mut encoded = String::with_capacity(address.len());
    for c in address.chars() {
        match c {
            '"' => encoded.push_str("%22"),
            '<' => encoded.push_str("%3C"),
            '>' => encoded.push_str("%3E"),
            '`' => encoded.push_str("%60"),
            _ => encoded.push(c),
        }
    }
    encoded
}

/// What has no shape of its own, so that an address could hide it.
fn is_unseen(c: char) -> bool {
    bidi::is_control(c)
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// What nobody sees in a text: besides what hides, what only chooses a shape or fills a place.
fn is_blank(c: char) -> bool {
    is_unseen(c)
        || matches!(c, '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}')
}

/// Punctuation of scripts that put no space behind it.
fn is_wide_punctuation(c: char) -> bool {
    matches!(c, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}'
        | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_and_of_mail_become_links() {
        for address in [
            "https://example.org",
            "HTTP://Example.ORG/Path?a=1&b=(2)#c",
            "https://example.org:8443/a[0]",
            "http://localhost:3000",
            "http://127.0.0.1/",
            "https://उदाहरण.भारत/पथ",
            "mailto:ada@example.org?subject=x",
        ] {
            assert_eq!(href(address).as_deref(), Some(address));
        }
        assert_eq!(href("https://a.b/\"<>`").as_deref(), Some("https://a.b/%22%3C%3E%60"));
    }

    #[test]
    fn no_other_address_does() {
        for address in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "\u{1}https://example.org",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://example.org",
            "//example.org",
            "/c/1",
            "example.org",
            "https:example.org",
            "https:///example.org",
            "https://",
            "https://user@example.org",
            "https://a b",
            "https://example.org\\@evil.org",
            "https://example.org/\u{202e}gpj.exe",
            "https://exa\u{200b}mple.org",
            "https://1.2.3",
            "https://1.2.3.256",
            "https://a..b",
            "https://a:b",
            "https://a:70000",
            "mailto:",
            "mailto:nobody",
            "https%3A//example.org",
            "javascript&colon;alert(1)",
        ] {
            assert_eq!(href(address), None, "{address:?}");
        }
    }

    #[test]
    fn a_text_that_names_another_address_misleads() {
        for text in ["https://a.org", "https://a.org/", "www.a.org", "a.org", "here"] {
            assert!(!misleads(
                text,
                if text.starts_with('w') { "https://www.a.org" } else { "https://a.org" }
            ));
        }
        for text in [
            "https://b.org",
            "HTTPS://b.org",
            "www.b.org",
            "https://b.org and more",
            "\u{200b}https://b.org",
            "ht\u{ad}tps://b.o\u{fe0f}rg",
            "see https://b.org",
            "xhttps://b.org",
            "https://a.org and https://b.org",
            "https://a.org:99999/",
            "https://a.org@b.org",
            "https://",
            "b.org",
            "see (b.org)",
            "B．org",
            "a.org,b.org",
            "ada@b.org",
            "10.0.0.1",
            "उदाहरण.भारत",
            "b.xn--p1ai",
        ] {
            assert!(misleads(text, "https://a.org"), "{text}");
        }
        assert!(misleads("ada@b.org", "mailto:ada@a.org"));
    }

    #[test]
    fn a_text_that_names_the_site_or_none_does_not_mislead() {
        for text in [
            "see https://a.org/x.tar.",
            "a.org",
            "A.org/x.tar and more",
            "ada@a.org",
            "Well. Yes... e.g. 3.5 GB, v1.2.3",
            "index.html and Node.js",
            "https",
            "你好。世界",
        ] {
            assert!(!misleads(text, "https://a.org/x.tar"), "{text}");
        }
        assert!(!misleads("ada@a.org", "mailto:ada@a.org?subject=x"));
    }

    #[test]
    fn a_bare_address_ends_where_the_sentence_goes_on() {
        for (text, address) in [
            ("https://a.org and", "https://a.org"),
            ("https://a.org.", "https://a.org"),
            ("https://a.org/b?c=d!?", "https://a.org/b?c=d"),
            ("https://a.org/wiki/B_(c))", "https://a.org/wiki/B_(c)"),
            ("https://a.org/wiki/B_(c).)", "https://a.org/wiki/B_(c)"),
            ("https://a.org](https://b.org)", "https://a.org"),
            ("https://a.org/x[1]=2]", "https://a.org/x[1]=2"),
            ("https://a.org/(", "https://a.org/"),
            ("https://a.org/**", "https://a.org/"),
            ("https://a.org\u{202e}x", "https://a.org"),
            ("https://a.org。次", "https://a.org"),
            ("https://a.org/पथ।", "https://a.org/पथ"),
            ("www.a.org, too", "www.a.org"),
        ] {
            assert_eq!(bare_end(text).map(|end| &text[..end]), Some(address));
        }
        for text in [
            "https://",
            "https://.",
            "www.",
            "www.a",
            "wwwa.org",
            "ftp://a.org",
            "javascript:x",
            "https://a.org@b.org",
        ] {
            assert_eq!(bare_end(text), None, "{text}");
        }
    }
}
