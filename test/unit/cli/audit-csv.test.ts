import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvCell, csvHead, csvLine } from '../../../services/cli/audit/entry-rows.ts';
import { entryOf } from '../../support/ledger-entries.ts';

/** Reads one cell back as RFC 4180 says. */
function read(cell: string): string {
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
}

describe('an exported cell', () => {
  it('is no formula to a spreadsheet, whatever the ledger holds', () => {
    fc.assert(
      fc.property(fc.constantFrom('', '=', '+', '-', '@', '\t', '\r', '\n'), fc.string(), (start, rest) => {
        const text = start + rest;
        const shown = read(csvCell(text));
        expect(shown).not.toMatch(/^[=+\-@\t\r\n]/);
        expect([text, `'${text}`]).toContain(shown);
      }),
    );
  });

  it('never ends its cell or its line early', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const cell = csvCell(text);
        if (cell.startsWith('"')) expect(cell.slice(1, -1).replaceAll('""', '')).not.toContain('"');
        else expect(cell).not.toMatch(/[",\r\n]/);
      }),
    );
  });

  it('stands under its title', () => {
    const line = csvLine({ index: 7, entry: { ...entryOf(1), subject: '-1+1' } });
    expect(csvHead.split(',')).toHaveLength(11);
    expect(line).toMatch(
      /^7,2026-11-22T18:14:11\.000Z,access\.refused,refused,disclosure,,'-1\+1,"\{""n"":1\}",,,/,
    );
  });
});
