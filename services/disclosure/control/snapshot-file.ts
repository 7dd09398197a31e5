import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { type ControlState, decodeState, encodeState, stateVersion } from '#shared/control';
import type { Hash } from '#shared/ledger';
import { softwareVersion } from '#shared/runtime';

/*
 * A snapshot of the control state: text, lines of JSON.
 *
 *   {"format":"griffie-control-state","stateVersion":1,"software":"0.1.0","size":70000,"root":"…"}
 *   ["size",70000]
 *   ["credentials","<thumbprint>",{…}]
 *   …
 *   {"mac":"…"}          HMAC-SHA256 over every byte before this line
 *
 * Whoever may write this file could otherwise enrol and approve whom they like: the state is what decides.
 * So it is believed only under a key which the data folder does not hold.
 */

const format = 'griffie-control-state';
const macBytes = 32;
const tailBytes = Buffer.byteLength(tailOf(Buffer.alloc(macBytes)));
/** Lines between which other work has its turn. */
const linesPerTurn = 500;
/** More than so many lines take beyond what was counted. */
const reserveBytes = 1 << 22;
/** Longest file that is written or read, in bytes: a million orders, and then the whole ledger is folded. */
export const maxSnapshotBytes = 1 << 29;

/** The prefix of the ledger that a state is the fold of. */
export interface Prefix {
  readonly size: number;
  readonly root: Hash;
}

export interface Snapshot extends Prefix {
  readonly state: ControlState;
}

export type SnapshotRefusal =
  /** Cut, changed, or made under another key. */
  | 'not_authentic'
  /** Of another version of this software, or of its rules. */
  | 'other_version';

const headerSchema = z.strictObject({
  format: z.literal(format),
  stateVersion: z.int(),
  software: z.string(),
  size: z.int().min(1),
  root: z.base64().length(44),
});

/**
 * The key under which snapshots are believed: derived from the ledger's own, which is what already stands
 * between the data folder and a ledger written anew. Nothing more has to be kept or backed up.
 * @param ledgerPrivateKey its PEM
 */
export function snapshotKeyOf(ledgerPrivateKey: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', ledgerPrivateKey, '', 'griffie/control-snapshot/v1', macBytes));
}

/** @returns null where it would be longer than a snapshot may be. */
export async function encodeSnapshot(
  { size, root, state }: Snapshot,
  key: Uint8Array,
  version = { software: softwareVersion, stateVersion },
): Promise<Uint8Array | null> {
  const header: z.input<typeof headerSchema> = {
    format,
    ...version,
    size,
    root: Buffer.from(root).toString('base64'),
  };
  const mac = createHmac('sha256', key);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const add = (text: string): void => {
    const chunk = Buffer.from(text);
    mac.update(chunk);
    chunks.push(chunk);
    bytes += chunk.length;
  };
  let lines = `${JSON.stringify(header)}\n`;
  let count = 0;
  for (const line of encodeState(state)) {
    lines += `${line}\n`;
    count += 1;
    if (count % linesPerTurn !== 0) continue;
    add(lines);
    if (bytes > maxSnapshotBytes - reserveBytes) return null;
    lines = '';
    await turn();
  }
  add(lines);
  return Buffer.concat([...chunks, Buffer.from(tailOf(mac.digest()))]);
}

/** Nothing of the bytes is looked at before they are known to be ours. */
export function decodeSnapshot(
  bytes: Uint8Array,
  key: Uint8Array,
):
  | { readonly ok: true; readonly snapshot: Snapshot }
  | { readonly ok: false; readonly reason: SnapshotRefusal } {
  const body = bytes.subarray(0, -tailBytes);
  const tail = Buffer.from(bytes.subarray(-tailBytes));
  const expected = Buffer.from(tailOf(createHmac('sha256', key).update(body).digest()));
  if (tail.length !== expected.length || !timingSafeEqual(tail, expected)) {
    return { ok: false, reason: 'not_authentic' };
  }
  const lines = linesOf(Buffer.from(body.buffer, body.byteOffset, body.length));
  const header = headerSchema.safeParse(JSON.parse(lines.next().value ?? 'null'));
  if (
    !header.success ||
    header.data.stateVersion !== stateVersion ||
    header.data.software !== softwareVersion
  ) {
    return { ok: false, reason: 'other_version' };
  }
  const { size, root } = header.data;
  const state = decodeState(lines);
  // Ours and of this version, and yet it cannot be read: the version was not raised where it should have been.
  if (state === null || state.size !== size) return { ok: false, reason: 'other_version' };
  return { ok: true, snapshot: { size, root: Buffer.from(root, 'base64'), state } };
}

function* linesOf(body: Buffer): Generator<string, undefined> {
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf(0x0a, from);
    yield body.toString('utf8', from, end);
    from = end + 1;
  }
}

function tailOf(mac: Buffer): string {
  return `{"mac":"${mac.toString('base64')}"}\n`;
}
