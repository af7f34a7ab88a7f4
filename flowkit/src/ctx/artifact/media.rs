//! What bytes are, as a media type, for programs that show them. A guess, never a check. Pure.

/// The media type of unknown content.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// Says what a picture is by its first bytes.
pub(super) fn of_image(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ if begins_as_svg(bytes) => "image/svg+xml",
        _ => UNKNOWN,
    }
}

fn begins_as_svg(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    start.starts_with(b"<svg")
        || (start.starts_with(b"<?xml") && bytes.windows(4).any(|word| word == b"<svg"))
}

/// Says what a file is by the end of its name.
pub(super) fn of_name(name: &str) -> &'static str {
    let (_, extension) = name.rsplit_once('.').unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "gif" => "image/gif",
        "htm" | "html" => "text/html",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "log" | "txt" => "text/plain",
        "md" => "text/markdown",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        let table: [(&[u8], &str); 8] = [
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"\n  <svg xmlns='x'/>", "image/svg+xml"),
            (b"<?xml version='1.0'?><svg/>", "image/svg+xml"),
            (b"<?xml version='1.0'?><html/>", UNKNOWN),
            (b"", UNKNOWN),
        ];
        for (bytes, expected) in table {
            assert_eq!(of_image(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_file_is_known_by_the_end_of_its_name() {
        let table =
            [("a.csv", "text/csv"), ("b.tar.JSON", "application/json"), ("csv", UNKNOWN), ("c.", UNKNOWN)];
        for (name, expected) in table {
            assert_eq!(of_name(name), expected, "{name}");
        }
    }
}
