//! Addresses of links in the form that terminals accept. No name from a program or a user can end the escape around them.

use std::fmt::Write as _;
use std::path::Path;

use super::styled_line::Link;

/// Returns the address of `link`; `None` if a terminal could not open it.
pub(super) fn uri(link: &Link) -> Option<String> {
    match link {
        Link::Address(address) => {
            let (scheme, _) = address.split_once(':')?;
            let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            let is_scheme = !scheme.is_empty() && scheme.chars().all(is_scheme);
            is_scheme.then(|| escaped(address.as_bytes(), |byte| byte.is_ascii_graphic()))
        }
        // A relative path comes from the source code: the file exists only where the program was built.
        Link::File(path) => {
            // Not on Windows, where paths and addresses differ in more than the escapes.
            let path = std::path::absolute(path).ok().filter(|path| cfg!(unix) && path.exists())?;
            Some(format!("file://{}{}", host(), of_path(&path)))
        }
    }
}

fn of_path(path: &Path) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    escaped(path.as_os_str().as_encoded_bytes(), stays)
}

/// The terminal may run on another machine than the program, and must not open a file of its own.
fn host() -> String {
    #[cfg(unix)]
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let host = String::new();
    escaped(host.as_bytes(), |byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn escaped(bytes: &[u8], stays: impl Fn(u8) -> bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, byte| {
        if stays(*byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").expect("bug in flowkit: a string refuses text");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<String> {
        uri(&Link::Address(text.to_owned()))
    }

    #[test]
    fn an_address_stays_as_it_is_and_other_text_is_none() {
        let plain = "https://example.com/a?b=c%20d#e";
        assert_eq!(address(plain).as_deref(), Some(plain));
        assert_eq!(address("see the wiki"), None);
        assert_eq!(address("no scheme: here"), None);
    }

    #[test]
    fn no_address_can_end_the_escape_in_which_it_stands() {
        let hostile = "https://x/\u{1b}\\\u{7}\u{9c} é\n";
        assert_eq!(address(hostile).as_deref(), Some("https://x/%1B\\%07%C2%9C%20%C3%A9%0A"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_an_address_if_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.md");
        assert_eq!(uri(&Link::File(path.clone())), None);
        std::fs::write(&path, "").unwrap();
        let uri = uri(&Link::File(path)).unwrap();
        assert!(uri.starts_with("file://") && uri.ends_with("/a%20b.md"), "{uri}");
    }
}
