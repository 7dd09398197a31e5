import type { FileHandle } from 'node:fs/promises';

/*
 * The tar file of a package: plain ustar (POSIX.1-1988), regular files only, every field that is not the
 * name or the size constant, two blocks of zeros at the end and nothing behind them. The file is thus a
 * function of its members' names and bytes.
 *
 * Written here and not taken from a library because readers of tar in general honour pax and GNU records,
 * by which a later header changes the name or the size of a member; ours accepts a header only where it is
 * byte for byte the one that we would have written.
 */

const blockSize = 512;
const endBytes = 2 * blockSize;
/** Largest size that eleven octal digits hold. */
const maxMemberBytes = 8 ** 11 - 1;

/** The header block of a regular file, mode 0600, owner and time zero. */
export function tarHeader(name: string, size: number): Buffer {
  const bytes = Buffer.from(name, 'ascii');
  if (
    bytes.length === 0 ||
    bytes.length > 100 ||
    !Number.isInteger(size) ||
    size < 0 ||
    size > maxMemberBytes
  ) {
    throw new RangeError('a tar member needs a name of 1 to 100 bytes and a size below 8 GiB');
  }
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'ascii');
  };
  bytes.copy(header, 0);
  octal(0o600, 100, 7);
  octal(0, 108, 7); // uid
  octal(0, 116, 7); // gid
  octal(size, 124, 11);
  octal(0, 136, 11); // mtime
  header.write('0', 156, 'ascii'); // regular file
  header.write('ustar\x0000', 257, 'ascii');
  header.fill(' ', 148, 156);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return header;
}

/** Zeros that fill a member up to whole blocks. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

export const tarEnd: Buffer = Buffer.alloc(endBytes);

/** Bytes of a tar file whose members have these sizes. */
export function tarBytes(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + blockSize + size + tarPadding(size).length, endBytes);
}

export interface TarMember {
  readonly name: string;
  /** Where its bytes start in the file. */
  readonly offset: number;
  readonly size: number;
}

/**
 * The members of a tar file that is exactly as this module writes it.
 * @returns null where it is anything else, or has more than `maxMembers`.
 */
export async function readTarMembers(file: FileHandle, maxMembers: number): Promise<TarMember[] | null> {
  const { size: fileSize } = await file.stat();
  const members: TarMember[] = [];
  let at = 0;
  while (fileSize - at > endBytes) {
    const header = await readExactly(file, at, blockSize);
    const name = header.subarray(0, Math.max(0, header.indexOf(0))).toString('latin1');
    const digits = header.toString('latin1', 124, 135);
    if (!/^[!-~]{1,100}$/.test(name) || !/^[0-7]{11}$/.test(digits) || members.length >= maxMembers)
      return null;
    const size = Number.parseInt(digits, 8);
    if (!header.equals(tarHeader(name, size))) return null;
    const offset = at + blockSize;
    const padding = tarPadding(size);
    if (offset + size + padding.length + endBytes > fileSize) return null;
    if (!(await readExactly(file, offset + size, padding.length)).equals(padding)) return null;
    members.push({ name, offset, size });
    at = offset + size + padding.length;
  }
  if (fileSize - at !== endBytes || !(await readExactly(file, at, endBytes)).equals(tarEnd)) return null;
  return members;
}

/** Bytes of a file at a position. A file that shrinks under the reader gives fewer, which then match nothing. */
export async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
