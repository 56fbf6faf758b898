//! A terminal's text as a picture for the front page.

use std::fmt::Write;
use std::io::Read;

const COLUMN_PIXELS: f64 = 8.43;
const LINE_PIXELS: f64 = 20.0;
const MARGIN_PIXELS: f64 = 18.0;
/// Characters read from standard input at most: a picture shows a screen, not a log.
const TEXT_BYTES_MAX: u64 = 20_000;

/// Reads a terminal's text from standard input and prints it as SVG, with `command` above it.
pub fn print(command: &str) -> Vec<String> {
    let mut text = String::new();
    match std::io::stdin().lock().take(TEXT_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) => println!("{}", svg(command, text.trim_end())),
        Err(error) => return vec![format!("standard input: {error}")],
    }
    Vec::new()
}

fn svg(command: &str, text: &str) -> String {
    let prompt = format!("$ {command}");
    let lines: Vec<&str> = std::iter::once(prompt.as_str()).chain(text.lines()).collect();
    let columns = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let width = columns as f64 * COLUMN_PIXELS + 2.0 * MARGIN_PIXELS;
    let height = lines.len() as f64 * LINE_PIXELS + 2.0 * MARGIN_PIXELS;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n",
        escape(&prompt)
    );
    for (index, line) in lines.iter().enumerate() {
        let y = MARGIN_PIXELS + (index as f64 + 0.75) * LINE_PIXELS;
        let (fill, weight) = match index {
            0 => ("#7ee0a1", "600"),
            1 => ("#ffffff", "600"),
            _ => (shade(line), "400"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN_PIXELS}\" y=\"{y:.0}\" fill=\"{fill}\" font-weight=\"{weight}\" \
             textLength=\"{:.0}\" lengthAdjust=\"spacing\">{}</text>",
            line.chars().count() as f64 * COLUMN_PIXELS,
            escape(line)
        );
    }
    out.push_str("</g>\n</svg>");
    out
}

/// A row's colour: the surer the choice, the cooler.
fn shade(line: &str) -> &'static str {
    let before = line.split(" %").next().unwrap_or_default();
    let percent = before.split_whitespace().last().and_then(|word| word.parse::<f64>().ok());
    match percent {
        Some(percent) if percent >= 90.0 => "#9ecbff",
        Some(percent) if percent >= 30.0 => "#e8d48b",
        Some(_) => "#f2a07b",
        None => "#c8ccd4",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_line_of_svg_each_and_is_escaped() {
        let picture = svg("jeton trace \"a\"", "step\n1 <x> 95.00 %\n2 y 5.00 %");
        assert_eq!(picture.matches("<text").count(), 4);
        assert!(picture.contains("&lt;x&gt;"), "{picture}");
        assert!(picture.contains("#9ecbff") && picture.contains("#f2a07b"), "{picture}");
    }
}
