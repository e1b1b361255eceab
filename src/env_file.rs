//! `.env` files: `NAME=value` a line, as dotenv libraries read them.

/// `text` with `name` set to `value`, and all else as it was. The last line that sets it counts, as in dotenv
/// libraries, and is replaced where it stands; without one, a line is added at the end. The value is quoted when it
/// would be read otherwise without.
#[must_use]
pub fn set(text: &str, name: &str, value: &str) -> String {
    let line = format!("{name}={}", quoted(value));
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(place) = lines.iter().rposition(|line| sets(line, name)) else {
        let ending = if text.ends_with("\r\n") { "\r\n" } else { "\n" };
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { ending };
        return format!("{text}{gap}{line}{ending}");
    };
    let old = lines[place];
    let body = old.trim_end_matches(['\r', '\n']);
    let export = if body.trim_start().starts_with("export ") { "export " } else { "" };
    let new = format!("{export}{line}{}", &old[body.len()..]);
    lines[place] = &new;
    lines.concat()
}

fn sets(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split_once('=').is_some_and(|(left, _)| left.trim() == name)
}

/// Single quotes keep everything; a value with one in it takes double quotes.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@%".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) {
        value.to_owned()
    } else if value.contains('\'') {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
    } else {
        format!("'{value}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_stays_as_it_was() {
        let set = |text| set(text, "MUX", "s3cret");
        for (before, after) in [
            ("", "MUX=s3cret\n"),
            ("A=1", "A=1\nMUX=s3cret\n"),
            ("A=1\r\n", "A=1\r\nMUX=s3cret\r\n"),
            ("# MUX=x\nMUX_ID=2\n", "# MUX=x\nMUX_ID=2\nMUX=s3cret\n"),
            ("A=1\nMUX=old # why\nB=2", "A=1\nMUX=s3cret\nB=2"),
            ("export MUX = 'old'\r\nB=2\r\n", "export MUX=s3cret\r\nB=2\r\n"),
            ("MUX=a\nMUX=b\n", "MUX=a\nMUX=s3cret\n"),
        ] {
            assert_eq!(set(before), after, "{before:?}");
            assert_eq!(set(after), after, "{before:?}");
        }
    }

    #[test]
    fn what_means_something_in_such_a_file_is_quoted() {
        for (value, line) in
            [("a#b", "M='a#b'\n"), ("$a", "M='$a'\n"), ("", "M=''\n"), ("it's\"$x", "M=\"it's\\\"\\$x\"\n")]
        {
            assert_eq!(set("", "M", value), line);
        }
    }
}
