//! A text that is passed on rather than shown: read as it is.
//!
//! In: a stream. Out: its text without a byte order mark, every other character as it came: what belongs to somebody else
//! may hold what no text of a project may. What may never happen: a text that is not the stream's.

use std::fmt;
use std::io::Read;

use super::read::{MAX_GENERATED_BYTES, ReadError, read_stream, reason};

/// Why a stream gave no text; reads as the end of a sentence that begins with its name.
#[derive(Debug)]
pub struct StreamError(String);

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StreamError {}

/// The text of a stream.
///
/// # Errors
/// When it cannot be read, is too large, or is not UTF-8.
pub fn load_stream(stream: &mut dyn Read) -> Result<String, StreamError> {
    let bytes = match read_stream(stream, MAX_GENERATED_BYTES) {
        Ok(bytes) => bytes,
        Err(ReadError::Io(error)) => return Err(StreamError(format!("cannot be read: {}", reason(&error)))),
        Err(ReadError::TooLarge) => {
            return Err(StreamError(format!("is larger than {} MiB", MAX_GENERATED_BYTES >> 20)));
        }
        Err(ReadError::NotAFile) => return Err(StreamError("is no stream".to_owned())),
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes);
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count();
        StreamError(match error.as_bytes() {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "is UTF-16, not UTF-8".to_owned(),
            _ => format!("is not UTF-8 (line {})", line + 1),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(mut bytes: &[u8]) -> Result<String, String> {
        load_stream(&mut bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn every_character_stays_but_the_byte_order_mark() {
        let odd = "a: \"\u{a0}\u{200d}\u{1b}\"\r\nb: \u{feff}";
        assert_eq!(load(odd.as_bytes()).unwrap(), odd);
        assert_eq!(load(format!("\u{feff}{odd}").as_bytes()).unwrap(), odd);
    }

    #[test]
    fn what_is_no_text_is_named() {
        assert_eq!(load(b"a: 1\nb: caf\xe9\n").unwrap_err(), "is not UTF-8 (line 2)");
        assert_eq!(load(b"\xff\xfea\0").unwrap_err(), "is UTF-16, not UTF-8");
        assert_eq!(load_stream(&mut std::io::repeat(b'#')).unwrap_err().to_string(), "is larger than 64 MiB");
    }
}
