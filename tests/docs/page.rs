//! A page as its blocks.

/// What the player of a page sees of it.
pub struct Page {
    /// Tools without which it cannot be played.
    pub needs: Vec<String>,
    pub blocks: Vec<Block>,
}

/// A fenced block, with the line of its fence.
pub enum Block {
    /// Written to a file.
    File { path: String, text: String },
    /// Commands, how the last one ends, and where told what they print.
    Commands { line: usize, commands: Vec<Command>, exit: i32 },
    /// Commands for a cluster.
    Cluster { line: usize, commands: Vec<String> },
    /// A part of some file.
    Excerpt { line: usize, text: String },
}

/// A command line; `output` is `None` where the page does not show it.
pub struct Command {
    pub line: String,
    pub output: Option<Vec<String>>,
}

impl Page {
    pub fn read(text: &str) -> Self {
        let first = text.lines().next().unwrap_or_default();
        let needs = first.strip_prefix("<!-- needs:").and_then(|rest| rest.strip_suffix("-->")).unwrap_or_default();
        let needs = needs.split(',').map(|tool| tool.trim().to_owned()).filter(|tool| !tool.is_empty()).collect();
        let mut blocks = vec![];
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            // A fence within a list is indented, and so is what it holds.
            let indent = line.len() - line.trim_start().len();
            let ticks = line.trim_start().chars().take_while(|c| *c == '`').count();
            if ticks < 3 {
                continue;
            }
            let info = line.trim_start().trim_start_matches('`').trim();
            let closing = "`".repeat(ticks);
            let inside: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| if line.trim().is_empty() { "" } else { line.get(indent..).unwrap_or(line) })
                .take_while(|line| line.trim_end() != closing)
                .collect();
            blocks.extend(block(at + 1, info, &inside));
        }
        Self { needs, blocks }
    }
}

fn block(line: usize, info: &str, inside: &[&str]) -> Option<Block> {
    let words: Vec<&str> = info.split_whitespace().collect();
    let text = inside.iter().map(|line| format!("{line}\n")).collect::<String>();
    Some(match words.as_slice() {
        ["mermaid"] => return None,
        ["console", rest @ ..] => {
            let exit = match rest {
                [] => 0,
                [word] => word.strip_prefix("exit=").and_then(|exit| exit.parse().ok()).expect("`console exit=N`"),
                _ => panic!("line {line}: {info}"),
            };
            Block::Commands { line, commands: console(inside), exit }
        }
        ["sh"] => {
            let commands = joined(inside).into_iter().map(|line| Command { line, output: None }).collect();
            Block::Commands { line, commands, exit: 0 }
        }
        ["sh", "cluster"] => Block::Cluster { line, commands: joined(inside) },
        [_, path] => Block::File { path: (*path).to_owned(), text },
        _ => Block::Excerpt { line, text },
    })
}

/// Command lines, each whole where it goes on behind `\`; comments and blank lines apart.
fn joined(inside: &[&str]) -> Vec<String> {
    let mut commands: Vec<String> = vec![];
    for line in inside.iter().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match commands.last_mut().filter(|last| last.ends_with('\\')) {
            Some(last) => *last = format!("{last}\n{line}"),
            None => commands.push((*line).to_owned()),
        }
    }
    commands
}

fn console(inside: &[&str]) -> Vec<Command> {
    let mut commands: Vec<Command> = vec![];
    for line in inside {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (_, Some(last)) if last.line.ends_with('\\') => last.line = format!("{}\n{line}", last.line),
            (Some(command), _) => commands.push(Command { line: command.to_owned(), output: Some(vec![]) }),
            (None, Some(last)) => last.output.get_or_insert_default().push((*line).to_owned()),
            (None, None) => panic!("a console block begins with `$ `: {line}"),
        }
    }
    commands
}
