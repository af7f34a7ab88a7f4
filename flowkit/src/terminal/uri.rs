//! Addresses of links as terminals take them. Nothing that a program or a user has named can end the escape in which they
//! stand.

use std::fmt::Write as _;
use std::path::Path;

use super::line::Link;

/// Returns the address to which `link` leads; `None` if it leads nowhere that a terminal could open.
pub(super) fn uri(link: &Link) -> Option<String> {
    match link {
        Link::Address(address) => {
            let (scheme, _) = address.split_once(':')?;
            let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            let is_scheme = !scheme.is_empty() && scheme.chars().all(is_scheme);
            is_scheme.then(|| escaped(address.as_bytes(), |byte| byte.is_ascii_graphic()))
        }
        // A relative path is that of the source, where the program was built; elsewhere there is no such file.
        Link::File(path) => {
            // Elsewhere than on Unix, paths and addresses differ in more than the escapes.
            let path = std::path::absolute(path).ok().filter(|path| cfg!(unix) && path.exists())?;
            Some(format!("file://{}{}", host(), of_path(&path)))
        }
    }
}

fn of_path(path: &Path) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    escaped(path.as_os_str().as_encoded_bytes(), stays)
}

/// The terminal may be on another machine than the file; then it should know.
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
    fn an_address_stays_as_it_is_where_it_is_one() {
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
