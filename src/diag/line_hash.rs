//! The hash by which GitHub knows a line again, whatever is written above it.
//!
//! In: a text. Out: a hash for each line, as `github/codeql-action` computes it (`src/fingerprints.ts`). It must be that very
//! value: the action that uploads a report computes it again and complains where the report says otherwise.
//!
//! 1. Spaces and tabs do not count; every line end counts as a line feed.
//! 2. A line's hash is over the first 100 UTF-16 units from its start, beyond its end too. 65535 ends the text, then zeros.
//! 3. It is the polynomial of these units in 37, modulo 2⁶⁴, in hexadecimal digits.
//! 4. After a colon stands how many lines up to this one have that hash.

use std::collections::BTreeMap;

const BLOCK: usize = 100;
const BASE: u64 = 37;
const END: u16 = 65535;

/// The hash of each line of a text.
pub(super) fn line_hashes(text: &str) -> Vec<String> {
    let (units, starts) = units(text);
    let unit = |at: usize| units.get(at).map_or(0, |unit| u64::from(*unit));
    let highest = BASE.wrapping_pow(BLOCK as u32 - 1);
    let mut hash = (0..BLOCK).fold(0, |hash: u64, at| hash.wrapping_mul(BASE).wrapping_add(unit(at)));
    let mut at = 0;
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let mut hashes = vec![];
    for start in starts {
        while at < start {
            let rest = hash.wrapping_sub(unit(at).wrapping_mul(highest));
            hash = rest.wrapping_mul(BASE).wrapping_add(unit(at + BLOCK));
            at += 1;
        }
        let count = counts.entry(hash).or_default();
        *count += 1;
        hashes.push(format!("{hash:x}:{count}"));
    }
    hashes
}

/// What counts of a text, and where its lines start in that.
fn units(text: &str) -> (Vec<u16>, Vec<usize>) {
    let [tab, space, lf, cr] = [b'\t', b' ', b'\n', b'\r'].map(u16::from);
    let mut units = vec![];
    let mut starts = vec![];
    let (mut line_start, mut after_cr) = (true, false);
    for unit in text.encode_utf16().chain([END]) {
        let counts = unit != space && unit != tab && !(after_cr && unit == lf);
        after_cr = unit == cr;
        if counts {
            if line_start {
                starts.push(units.len());
            }
            line_start = unit == lf || unit == cr;
            units.push(if unit == cr { lf } else { unit });
        }
    }
    (units, starts)
}

#[cfg(test)]
mod tests {
    use super::line_hashes;

    /// Values that the action's own tests expect (`src/fingerprints.test.ts`).
    #[test]
    fn hashes_are_those_of_codeql_action() {
        assert_eq!(line_hashes(""), ["c129715d7a2bc9a3:1"]);
        assert_eq!(
            line_hashes(" a\nb\n  \t\tc\n d"),
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]
        );
        for end in ["\n", "\r\n", "\r"] {
            let text = format!(" hello; \t{end}world!!!{end}{end}{end}  \t\tGreetings{end} End{end}");
            assert_eq!(
                line_hashes(&text),
                [
                    "e9496ae3ebfced30:1",
                    "fb7c023a8b9ccb3f:1",
                    "ce8ba1a563dcdaca:1",
                    "e20e36e16fcb0cc8:1",
                    "b3edc88f2938467e:1",
                    "c8e28b0b4002a3a0:1",
                    "c129715d7a2bc9a3:1"
                ],
                "{end:?}"
            );
        }
        assert_eq!(
            line_hashes(&"Lorem ipsum dolor sit amet.\n".repeat(10)),
            [
                "a7f2ff13bc495cf2:1",
                "a7f2ff13bc495cf2:2",
                "a7f2ff13bc495cf2:3",
                "a7f2ff13bc495cf2:4",
                "a7f2ff13bc495cf2:5",
                "a7f2ff13bc495cf2:6",
                "a7f2ff1481e87703:1",
                "a9cf91f7bbf1862b:1",
                "55ec222b86bcae53:1",
                "cc97dc7b1d7d8f7b:1",
                "c129715d7a2bc9a3:1"
            ]
        );
    }
}
