import { join } from 'node:path';
import type { LineSource, StoredLines } from '#shared/traffic';
import { PackageError } from '../errors.ts';
import { packageLimits as limits } from '../limits.ts';
import { memberNames } from '../names.ts';
import type { EncryptedFile } from './encrypted-file.ts';
import { freeMemory } from './free-memory.ts';
import type { RecordsToWrite, Written, WrittenPart, WrittenRecords } from './messages.ts';
import { PartCutter, type PartSink } from './parts.ts';
import { RecordCheck } from './record-check.ts';
import { RecordTally } from './record-tally.ts';

/** Files as the writer makes them. */
export interface Files {
  open(path: string): Promise<EncryptedFile>;
  /** Has a file synced that nothing more is written to. */
  leave(file: EncryptedFile): void;
}

/** Writes what may leave of the lines that come as parts of a package. */
export class RecordWriter {
  readonly #check: RecordCheck;
  readonly #tally = new RecordTally(limits.recordsInReport);
  readonly #cutter: PartCutter;
  readonly #parts: WrittenPart[] = [];

  constructor(
    { folder, scope, partBytes }: RecordsToWrite,
    files: Files,
    eventsBefore: LineSource['eventsBefore'],
  ) {
    this.#check = new RecordCheck(scope, eventsBefore);
    this.#cutter = new PartCutter(partBytes, encryptedParts(folder, files, this.#parts));
  }

  /** Writes what may leave of some lines, and frees their memory. */
  async take(stored: StoredLines): Promise<Written> {
    const lines = await this.#check.pass(stored);
    this.#tally.take(lines);
    await this.#cutter.take(lines);
    const written = { records: lines.ends.length, bytes: lines.bytes.length };
    freeMemory([stored.bytes]);
    return written;
  }

  /** All that was written, once the last lines came. */
  end(): WrittenRecords {
    this.#cutter.end();
    return { parts: this.#parts, digest: this.#tally.digest, origins: this.#tally.origins };
  }
}

/** Parts as numbered files of a package, entered in `written` as they are complete. */
function encryptedParts(folder: string, files: Files, written: WrittenPart[]): PartSink {
  let file: EncryptedFile | null = null;
  return {
    async begin() {
      if (written.length >= limits.parts) {
        throw new PackageError('package.too_many_parts', `a package has at most ${limits.parts} parts`);
      }
      file = await files.open(join(folder, memberNames.records(written.length + 1)));
    },
    add: (bytes) => file?.add(bytes),
    end(records) {
      if (file === null) return;
      written.push({ ...file.end(), records });
      files.leave(file);
    },
  };
}
