//! For Mermaid, which shows pictures in Markdown.

use super::{Graph, Outline, Shape};

/// A graph as a flowchart of Mermaid.
#[must_use]
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for frame in &graph.frames {
        out.push_str(&format!("  subgraph {}[{}]\n", frame.id, quoted(&frame.label)));
        frame
            .boxes
            .iter()
            .for_each(|shape| out.push_str(&format!("    {}\n", one(shape))));
        out.push_str("  end\n");
    }
    graph
        .boxes
        .iter()
        .for_each(|shape| out.push_str(&format!("  {}\n", one(shape))));
    for arrow in &graph.arrows {
        out.push_str(&match arrow.label.as_str() {
            "" => format!("  {} --> {}\n", arrow.from, arrow.to),
            label => format!("  {} -->|{}| {}\n", arrow.from, quoted(label), arrow.to),
        });
    }
    out
}

fn one(shape: &Shape) -> String {
    let (open, close) = match shape.outline {
        Outline::Plain => ("[", "]"),
        Outline::Store => ("[(", ")]"),
        Outline::Rule => ("{{", "}}"),
        Outline::Part => ("(", ")"),
    };
    format!("{}{open}{}{close}", shape.id, quoted(&shape.label))
}

/// Mermaid reads entities where others have escapes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("<br/>"),
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' => quoted.push_str(&format!("#{};", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_means_something_to_mermaid_is_text() {
        assert_eq!(
            super::quoted("a \"b\" #1;\n<i>"),
            "\"a #34;b#34; #35;1;<br/>#60;i#62;\""
        );
    }
}
