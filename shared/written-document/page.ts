import { setImmediate } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { reportFonts, showable } from './fonts.ts';

/** A4 in points, and the frame of the text. */
const margins = { top: 64, bottom: 64, left: 56, right: 56 } as const;
const width = 595.28 - margins.left - margins.right;
const colours = { text: '#111111', muted: '#555555', line: '#b8b8b8', shade: '#f1f1ef' } as const;

/**
 * Names that pdfkit knows the fonts by: their PostScript names, since under any other it would open the
 * default font anew each time that it is chosen.
 */
const faces = { regular: 'DejaVuSans', bold: 'DejaVuSans-Bold', mono: 'DejaVuSansMono' } as const;

export interface Column {
  readonly title: string;
  /** Share of the width. */
  readonly share: number;
  readonly font?: 'regular' | 'mono';
  readonly align?: 'left' | 'right';
}

export interface PageFrame {
  readonly language: string;
  readonly title: string;
  readonly author: string;
  readonly createdAt: string;
  /** At the foot of every page, left; the page number stands right. */
  readonly foot: string;
  readonly pageText: (page: number, pages: number) => string;
}

/** A written document on A4: headings, paragraphs, labelled rows and tables that run over pages. */
export class PageWriter {
  readonly document: PDFKit.PDFDocument;
  readonly #frame: PageFrame;

  constructor(frame: PageFrame) {
    const fonts = reportFonts();
    this.#frame = frame;
    this.document = new PDFDocument({
      size: 'A4',
      margins,
      bufferPages: true,
      pdfVersion: '1.7',
      subset: 'PDF/A-2b',
      lang: frame.language,
      displayTitle: true,
      // pdfkit takes a font's bytes here too; otherwise it would begin with Helvetica, which it cannot embed.
      font: fonts.regular as unknown as string,
      info: { Title: frame.title, Author: frame.author, CreationDate: new Date(frame.createdAt) },
    });
    for (const face of ['regular', 'bold', 'mono'] as const)
      this.document.registerFont(faces[face], fonts[face]);
  }

  title(text: string, subtitle: string): void {
    this.document
      .font(faces.regular)
      .fontSize(9)
      .fillColor(colours.muted)
      .text(showable(subtitle), { width });
    this.document
      .moveDown(0.4)
      .font(faces.bold)
      .fontSize(19)
      .fillColor(colours.text)
      .text(showable(text), { width });
    this.#rule(10, 1.2, colours.text);
  }

  heading(text: string): void {
    this.#room(72);
    this.document.moveDown(1.1).font(faces.bold).fontSize(11.5).fillColor(colours.text);
    this.document.text(showable(text), margins.left, this.document.y, { width });
    this.#rule(3, 0.6, colours.line);
  }

  /** One of our own sentences: taken as it stands. */
  paragraph(text: string, style: 'regular' | 'bold' | 'muted' = 'regular'): void {
    this.document
      .font(style === 'bold' ? faces.bold : faces.regular)
      .fontSize(style === 'muted' ? 8 : 9.5)
      .fillColor(style === 'muted' ? colours.muted : colours.text)
      .text(text, margins.left, this.document.y, { width, lineGap: 1.5 })
      .moveDown(0.35);
  }

  /** Rows of a label and its value; a value of several lines is an array. */
  labelled(rows: readonly (readonly [label: string, value: string | readonly string[]])[]): void {
    const labelWidth = 132;
    for (const [label, value] of rows) {
      const text = [value].flat().map(showable).join('\n');
      this.document.font(faces.regular).fontSize(9.5);
      this.#room(Math.min(this.document.heightOfString(text, { width: width - labelWidth }) + 4, 300));
      const top = this.document.y;
      this.document
        .fillColor(colours.muted)
        .text(showable(label), margins.left, top, { width: labelWidth - 8 });
      this.document.fillColor(colours.text).text(text, margins.left + labelWidth, top, {
        width: width - labelWidth,
        lineGap: 1,
      });
      this.document.x = margins.left;
      this.document.y += 3;
    }
  }

  /**
   * A table whose header is repeated on every page; a row is never cut by the end of a page. Cells are taken
   * as they stand: what comes from outside has been through `showable`.
   */
  async table(
    columns: readonly Column[],
    rows: readonly (readonly string[])[],
    fontSize: number,
  ): Promise<void> {
    const drawHeader = (): void => {
      const titles = columns.map(({ title }) => title);
      const height = this.#rowHeight(columns, titles, fontSize, 'bold');
      this.document.rect(margins.left, this.document.y, width, height).fill(colours.shade);
      this.#row(columns, titles, fontSize, height, 'bold');
    };
    this.#room(60);
    drawHeader();
    for (const [index, cells] of rows.entries()) {
      const height = this.#rowHeight(columns, cells, fontSize);
      if (this.#room(height)) drawHeader();
      this.#row(columns, cells, fontSize, height);
      // Setting type takes milliseconds a row, in a process that also answers requests.
      if (index % 16 === 15) await setImmediate();
    }
    this.document.x = margins.left;
    this.document.moveDown(0.5);
  }

  /** Writes the feet of all pages and ends the document. */
  finish(): void {
    const { start, count } = this.document.bufferedPageRange();
    for (let page = start; page < start + count; page++) {
      this.document.switchToPage(page);
      // The foot stands below the frame; with the margin in force, pdfkit would begin another page for it.
      this.document.page.margins.bottom = 0;
      const top = this.document.page.height - margins.bottom + 22;
      this.document.font(faces.regular).fontSize(7.5).fillColor(colours.muted);
      const number = this.#frame.pageText(page - start + 1, count);
      this.document.text(showable(this.#frame.foot), margins.left, top, {
        width: width - 110,
        lineBreak: false,
      });
      this.document.text(number, margins.left + width - 110, top, { width: 110, align: 'right' });
    }
    this.document.end();
  }

  #row(
    columns: readonly Column[],
    cells: readonly string[],
    fontSize: number,
    height: number,
    font?: 'bold',
  ): void {
    const top = this.document.y;
    let left: number = margins.left;
    this.document.fontSize(fontSize).fillColor(colours.text);
    for (const [index, column] of columns.entries()) {
      this.document
        .font(faces[font ?? column.font ?? 'regular'])
        .text(cells[index] ?? '', left + 4, top + 3, {
          width: column.share * width - 8,
          align: column.align ?? 'left',
        });
      left += column.share * width;
    }
    this.document.y = top + height;
    this.#line(this.document.y, 0.4, colours.line);
  }

  #rowHeight(columns: readonly Column[], cells: readonly string[], fontSize: number, font?: 'bold'): number {
    this.document.fontSize(fontSize);
    const heights = columns.map((column, index) =>
      this.document
        .font(faces[font ?? column.font ?? 'regular'])
        .heightOfString(cells[index] ?? '', { width: column.share * width - 8 }),
    );
    return Math.max(...heights) + 6;
  }

  /** Begins a new page where less than `height` is left on this one; says whether it did. */
  #room(height: number): boolean {
    if (this.document.y + height <= this.document.page.height - margins.bottom) return false;
    this.document.addPage();
    return true;
  }

  #rule(gap: number, thickness: number, colour: string): void {
    this.document.y += gap;
    this.#line(this.document.y, thickness, colour);
    this.document.y += 6;
  }

  #line(y: number, thickness: number, colour: string): void {
    this.document
      .moveTo(margins.left, y)
      .lineTo(margins.left + width, y)
      .lineWidth(thickness)
      .strokeColor(colour)
      .stroke();
  }
}
