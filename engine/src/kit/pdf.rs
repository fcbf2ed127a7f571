//! The sheet as pages to print: the fonts that every reader has, and a code for cameras.

use super::sheet::Line;
use crate::error::Error;
use encoding_rs::WINDOWS_1252;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use qrcode::{Color, EcLevel, QrCode};

/// A4, in points of 1/72 inch.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 42.0;
/// A letter of Courier is so wide, in parts of its size.
const LETTER: f32 = 0.6;
/// The largest and the smallest size of the text.
const SIZES: (f32, f32) = (8.5, 5.0);
/// The code's side with its quiet border.
const CODE: f32 = 150.0;
/// Modules of the quiet border that readers want.
const QUIET: usize = 4;

const BOLD: Name<'static> = Name(b"B");
const TEXT: Name<'static> = Name(b"T");
const STRONG: Name<'static> = Name(b"S");
/// What the fonts are called that are part of the format.
const FONTS: [(Name<'static>, &[u8]); 3] = [(BOLD, b"Helvetica-Bold"), (TEXT, b"Courier"), (STRONG, b"Courier-Bold")];

/// Prints a sheet.
///
/// # Errors
/// A character that the fonts lack, a line that is too long, or more text than a code takes.
pub(super) fn print(title: &str, passphrase: &str, code: &str, lines: &[Line]) -> Result<Vec<u8>, Error> {
    let size = size_for(lines)?;
    let mut paper = Paper::new(size);
    paper.head(title, passphrase, code)?;
    for line in lines {
        paper.line(line)?;
    }
    Ok(paper.finish(title))
}

/// The size at which the longest line fits.
fn size_for(lines: &[Line]) -> Result<f32, Error> {
    let length = |line: &Line| match line {
        Line::Prose(text) => text.chars().count(),
        Line::Command(text) => text.chars().count() + 4,
        Line::Heading(_) | Line::Blank => 0,
    };
    let longest = lines.iter().map(length).max().unwrap_or_default().max(1);
    let columns = f32::from(u16::try_from(longest).unwrap_or(u16::MAX));
    let fits = (PAGE.0 - 2.0 * MARGIN) / (columns * LETTER);
    if fits < SIZES.1 {
        return Err(unprintable(format!(
            "a line of {longest} characters does not fit on paper"
        )));
    }
    Ok(fits.min(SIZES.0))
}

fn unprintable(why: String) -> Error {
    Error::Usage {
        why: format!("the sheet cannot be a PDF: {why}"),
        help: "`--out FILE.txt` takes every text".to_owned(),
    }
}

/// Text in the encoding that the fonts are asked for.
fn encoded(text: &str) -> Result<Vec<u8>, Error> {
    let (bytes, _, lacks) = WINDOWS_1252.encode(text);
    if lacks || text.chars().any(char::is_control) {
        return Err(unprintable(format!(
            "the fonts that every reader has cannot show all of `{}`",
            text.escape_debug()
        )));
    }
    Ok(bytes.into_owned())
}

/// Pages while they are filled.
struct Paper {
    /// Of the text, in points.
    size: f32,
    /// From the bottom, in points: where the next line stands.
    at: f32,
    done: Vec<Content>,
    page: Content,
}

impl Paper {
    fn new(size: f32) -> Self {
        Self {
            size,
            at: PAGE.1 - MARGIN,
            done: Vec::new(),
            page: Content::new(),
        }
    }

    /// Goes down, to the next page if need be.
    fn down(&mut self, points: f32) {
        self.at -= points;
        if self.at < MARGIN + 2.0 * self.size {
            self.done.push(std::mem::replace(&mut self.page, Content::new()));
            self.at = PAGE.1 - MARGIN - self.size;
        }
    }

    fn show(&mut self, font: Name<'_>, size: f32, (x, y): (f32, f32), text: &str) -> Result<(), Error> {
        let bytes = encoded(text)?;
        let page = self.page.begin_text().set_font(font, size).next_line(x, y);
        page.show(Str(&bytes)).end_text();
        Ok(())
    }

    /// The title, and what a camera and a person need first.
    fn head(&mut self, title: &str, passphrase: &str, code: &str) -> Result<(), Error> {
        self.down(18.0);
        self.show(BOLD, 17.0, (MARGIN, self.at), title)?;
        let top = self.at - 8.0;
        self.code(code, (MARGIN - 10.0, top - CODE))?;
        let beside = MARGIN + CODE + 4.0;
        self.show(BOLD, 10.0, (beside, top - 40.0), "Passphrase, with the hyphens")?;
        let middle = passphrase.len().div_ceil(2);
        let (first, second) = passphrase.split_at_checked(middle).unwrap_or((passphrase, ""));
        self.show(STRONG, 16.0, (beside, top - 64.0), first)?;
        self.show(STRONG, 16.0, (beside, top - 86.0), second)?;
        self.show(
            TEXT,
            8.0,
            (beside, top - 106.0),
            "The code holds it too, and the addresses of the vaults.",
        )?;
        self.down(CODE + 12.0);
        Ok(())
    }

    /// Draws the code: dark modules that lie beside each other are one box.
    fn code(&mut self, text: &str, (left, bottom): (f32, f32)) -> Result<(), Error> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M)
            .map_err(|_| unprintable("the addresses of the vaults do not fit into a code".to_owned()))?;
        let width = code.width();
        let count = |number: usize| f32::from(u16::try_from(number).unwrap_or(u16::MAX));
        let module = CODE / count(width + 2 * QUIET);
        self.page.save_state().set_fill_gray(0.0);
        for (row, modules) in code.to_colors().chunks(width).enumerate() {
            let y = bottom + CODE - module * count(row + QUIET + 1);
            let mut column = 0;
            for run in modules.chunk_by(|one, other| one == other) {
                if run.first() == Some(&Color::Dark) {
                    let x = left + module * count(column + QUIET);
                    self.page.rect(x, y, module * count(run.len()), module);
                }
                column += run.len();
            }
        }
        self.page.fill_nonzero().restore_state();
        Ok(())
    }

    fn line(&mut self, line: &Line) -> Result<(), Error> {
        let (size, leading) = (self.size, self.size * 1.3);
        match line {
            Line::Blank => self.down(leading * 0.6),
            Line::Heading(text) => {
                self.down(leading * 2.2);
                self.show(BOLD, size + 3.0, (MARGIN, self.at), text)?;
                self.down(leading * 0.4);
            }
            Line::Prose(text) => {
                self.down(leading);
                self.show(TEXT, size, (MARGIN, self.at), text)?;
            }
            Line::Command(text) => {
                self.down(leading);
                let x = MARGIN + 4.0 * LETTER * size;
                self.show(STRONG, size, (x, self.at), text)?;
            }
        }
        Ok(())
    }

    fn finish(mut self, title: &str) -> Vec<u8> {
        self.done.push(self.page);
        let (catalog, tree, info) = (Ref::new(1), Ref::new(2), Ref::new(3));
        let mut next = 4;
        let mut fresh = || {
            next += 1;
            Ref::new(next - 1)
        };
        let fonts = FONTS.map(|(name, of)| (name, of, fresh()));
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree);
        pdf.document_info(info).title(TextStr(title));
        for (_, of, id) in &fonts {
            let mut font = pdf.type1_font(*id);
            font.base_font(Name(of)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        let all = self.done.len();
        let mut pages = Vec::new();
        for (number, mut content) in (1..).zip(self.done) {
            let (page, body) = (fresh(), fresh());
            let footer = format!("page {number} of {all} - keep this sheet locked away");
            let text = content.begin_text().set_font(TEXT, 7.0).next_line(MARGIN, MARGIN * 0.6);
            text.show(Str(footer.as_bytes())).end_text();
            pdf.stream(body, &content.finish());
            let mut written = pdf.page(page);
            written
                .media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1))
                .parent(tree)
                .contents(body);
            let mut resources = written.resources();
            let mut names = resources.fonts();
            for (name, _, id) in &fonts {
                names.pair(*name, *id);
            }
            names.finish();
            resources.finish();
            written.finish();
            pages.push(page);
        }
        let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
        pdf.pages(tree).kids(pages).count(count);
        pdf.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_as_the_fonts_are_asked_for() {
        assert_eq!(encoded("Müller – 5 €").unwrap(), b"M\xfcller \x96 5 \x80");
        for text in ["日本", "tab\there", "z\u{301}"] {
            let refused = encoded(text).unwrap_err();
            assert!(refused.help().unwrap().contains(".txt"), "{refused}");
        }
    }

    #[test]
    fn long_lines_are_printed_smaller_and_then_refused() {
        let of = |length: usize| size_for(&[Line::Prose("x".repeat(length))]);
        assert!((of(80).unwrap() - 8.5).abs() < 0.01);
        let small = of(150).unwrap();
        assert!(
            small < 8.0 && small * LETTER * 150.0 <= PAGE.0 - 2.0 * MARGIN + 0.1,
            "{small}"
        );
        assert!(of(400).is_err());
    }

    #[test]
    fn many_lines_take_several_pages() {
        let lines = vec![Line::Command("restic snapshots".to_owned()); 200];
        let pdf = print("Kit", "0000-1111", "passphrase: 0000-1111", &lines).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.starts_with("%PDF-") && text.trim_end().ends_with("%%EOF"));
        assert!(
            text.contains("page 4 of 4") && text.matches("/Type /Page\n").count() == 4,
            "{text}"
        );
    }
}
