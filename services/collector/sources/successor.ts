import type { BigIntStats } from 'node:fs';
import type { FileResume } from './file-resume.ts';
import { beginsAs, type Fingerprint, fingerprintOf, headOfPath } from './fingerprint.ts';
import { type RotatedFile, searchFolder } from './rotation.ts';

/** The file to read after the one that is at its end. */
export interface Successor {
  readonly path: string;
  readonly inode: string;
  /** What it begins with: it may be rotated, too, before it is opened. */
  readonly fingerprint: Fingerprint;
  /** It begins as the one that was read: put back by a copy of itself, to be read on at the same offset. */
  readonly sameContent: boolean;
}

/** Compressors give their file the time of the original, some of them in whole seconds. */
const coarsestTimeNs = 1_000_000_000n;

/**
 * What follows: the file that was rotated first after this one, else the one at the path; null where
 * neither is there, or has bytes, yet.
 * @param inode of the file that is open.
 * @param settleMs a compressed file that changed within this time may still be in the making.
 */
export function findSuccessor(
  path: string,
  resume: FileResume,
  inode: string | undefined,
  settleMs: number,
): Promise<Successor | null> {
  return searchFolder(path, async ({ live, rotated }) => {
    for (const file of rotated) {
      const tolerance = file.compressed ? coarsestTimeNs : 0n;
      if (file.modifiedNs + tolerance < BigInt(resume.modifiedNs) || file.inode === inode) continue;
      if (live !== null && file.inode === String(live.ino)) continue;
      const head = await headOfPath(file.path);
      const verdict = judge(file, head, resume, settleMs);
      if (verdict === 'wait') return null;
      if (verdict === 'next') return successorOf(file, head, false);
    }
    if (live === null || live.size === 0n) return null;
    const head = await headOfPath(path);
    if (head.length === 0) return null;
    const sameContent = beginsAs(head, resume.fingerprint);
    if (sameContent && Number(live.size) < resume.offset) return null;
    return successorOf({ path, inode: String(live.ino) }, head, sameContent);
  });
}

function successorOf(
  { path, inode }: Pick<RotatedFile, 'path' | 'inode'>,
  head: Buffer,
  sameContent: boolean,
): Successor {
  return { path, inode, fingerprint: fingerprintOf(head, head.length), sameContent };
}

function judge(
  file: RotatedFile,
  head: Buffer,
  resume: FileResume,
  settleMs: number,
): 'next' | 'read' | 'wait' {
  if ([resume.fingerprint, ...resume.known].some((print) => beginsAs(head, print))) return 'read';
  // Its time becomes the original's when it is complete.
  const sinceMs = Math.abs(Date.now() - Number(file.modifiedNs / 1_000_000n));
  if (file.compressed && sinceMs < settleMs) return 'wait';
  return head.length === 0 ? 'read' : 'next';
}

/** Whether the file at the path is the one that is being read. */
export async function beginsAsResumed(path: string, live: BigIntStats, resume: FileResume): Promise<boolean> {
  return (
    live.size > 0n && resume.fingerprint.bytes > 0 && beginsAs(await headOfPath(path), resume.fingerprint)
  );
}
