import {
  createLedger,
  type Ledger,
  LedgerError,
  type LedgerReader,
  type LedgerStorage,
  maxRotations,
  parseVerifierKey,
  rotationPath,
  verifyRotation,
} from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import type { Clock } from '#shared/runtime';
import { type ControlPlane, openControlPlane } from './control/control-plane.ts';
import {
  type LedgerKey,
  makeNextKey,
  readLedgerKey,
  readNextKey,
  removeNextKey,
  signerOf,
  writeLedgerKey,
} from './ledger-key-file.ts';
import { isReplicated, topicSecretFile } from './replica.ts';

/*
 * Changing the ledger's key. The order of writes, in this one place:
 *
 *  1. make      the new key, durable in a file of its own. Nothing goes by it.
 *  2. record    `ledger.key_rotated`, under a checkpoint that both keys sign. From here on the new key is
 *               the log's, and no checkpoint without its signature may follow.
 *  3. prove     the entry's receipt under that checkpoint, public beside the tiles.
 *  4. use       the new key as the ledger's, the old one behind it: both sign.
 *  5. tidy      the file of step 1 goes.
 *
 * Cut off before 2, the old key is the key, and the next call goes on with the key that waits. Cut off after
 * 2, the next start or call finds the entry as the last of the ledger, and does 3 to 5 before anything else
 * is written. `finishRotation` takes the old key out of step 4's file: it is destroyed then.
 */

const sentences = {
  'rotation.none': 'no change of the ledger key is under way',
  'rotation.unfinished':
    'the last change of the ledger key is not finished: the key before it still signs; finish it first',
  'rotation.replicas': `several replicas write this ledger (${topicSecretFile} is among its keys), and the key of such a ledger cannot be changed yet; where it went back into a folder for good, take that file away first`,
} as const;

/** A change of the ledger's key that cannot be made now. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
  readonly code: keyof typeof sentences;
  constructor(code: RotationError['code']) {
    super(sentences[code]);
    this.code = code;
  }
}

export interface RotationOptions {
  readonly ledgerFolder: string;
  readonly keyFolder: string;
  readonly clock: Clock;
  /** Told before each of the steps above, by its number; tests cut it off there. */
  readonly onStep?: (step: 1 | 2 | 3 | 4 | 5) => void;
}

/** The verifier keys before and after; both sign until the change is finished. */
export interface RotatedKey {
  readonly from: string;
  readonly to: string;
}

/**
 * Changes the ledger's key, or goes on where that was cut off. Takes the ledger's lock: the service must not run.
 * @throws RotationError, KeyFileError; LedgerError `ledger.locked`; ClockError
 */
export async function rotateLedgerKey(options: RotationOptions): Promise<RotatedKey> {
  const { keyFolder, onStep } = options;
  if (await isReplicated(keyFolder)) throw new RotationError('rotation.replicas');
  const key = await readLedgerKey(keyFolder);
  const waiting = await readNextKey(keyFolder);
  const { origin, previousKey } = key;
  if (previousKey !== undefined) {
    if (waiting === null || vkeyOf(waiting) !== vkeyOf(key)) throw new RotationError('rotation.unfinished');
    onStep?.(5);
    await removeNextKey(keyFolder);
    return { from: vkeyOf({ origin, privateKey: previousKey }), to: vkeyOf(key) };
  }
  onStep?.(1);
  const next = waiting ?? (await makeNextKey(keyFolder, origin));
  await withBothKeys(options, key, next, async (change) => {
    if (!change.isRecorded()) await change.record();
    await change.complete();
  });
  return { from: vkeyOf(key), to: vkeyOf(next) };
}

/** Ends a change that was cut off after the ledger had it. Does nothing where there is none. */
export async function resumeRotation(options: RotationOptions): Promise<void> {
  const { keyFolder } = options;
  const next = await readNextKey(keyFolder);
  if (next === null) return;
  const key = await readLedgerKey(keyFolder);
  if (vkeyOf(next) === vkeyOf(key)) return removeNextKey(keyFolder);
  await withBothKeys(options, key, next, async (change) => {
    if (change.isRecorded()) await change.complete();
  });
}

/**
 * Destroys the key before: the new one signs alone from the next start on. The service must not run.
 * @throws RotationError, KeyFileError; LedgerError `ledger.locked`
 */
export async function finishRotation({
  ledgerFolder,
  keyFolder,
}: Pick<RotationOptions, 'ledgerFolder' | 'keyFolder'>): Promise<RotatedKey> {
  if (await isReplicated(keyFolder)) throw new RotationError('rotation.replicas');
  const lock = await createTileDirectory(ledgerFolder).lock();
  try {
    const { origin, privateKey, previousKey } = await readLedgerKey(keyFolder);
    if (previousKey === undefined) throw new RotationError('rotation.none');
    await removeNextKey(keyFolder);
    await writeLedgerKey(keyFolder, { origin, privateKey });
    return { from: vkeyOf({ origin, privateKey: previousKey }), to: vkeyOf({ origin, privateKey }) };
  } finally {
    await lock.release();
  }
}

/**
 * Sees that no change is under way: before a ledger goes to several replicas, whose key cannot be changed.
 * @throws RotationError `rotation.unfinished`
 */
export async function assertNoRotation(keyFolder: string): Promise<void> {
  const { previousKey } = await readLedgerKey(keyFolder);
  const isUnderWay = previousKey !== undefined || (await readNextKey(keyFolder)) !== null;
  if (isUnderWay) throw new RotationError('rotation.unfinished');
}

interface Change {
  isRecorded(): boolean;
  record(): Promise<void>;
  complete(): Promise<void>;
}

/** Opens the ledger with the key and the next one, both of which sign what is written. */
async function withBothKeys(
  { ledgerFolder, keyFolder, clock, onStep }: RotationOptions,
  key: LedgerKey,
  next: LedgerKey,
  work: (change: Change) => Promise<void>,
): Promise<void> {
  const storage = createTileDirectory(ledgerFolder);
  const ledger = await createLedger({ storage, signer: { ...signerOf(key), also: signerOf(next) } });
  try {
    const control = await openControlPlane(ledger, clock);
    const [from, to] = [vkeyOf(key), vkeyOf(next)];
    await work({
      isRecorded: () => control.state.keyRotations.at(-1)?.to === to,
      record: async () => {
        onStep?.(2);
        await record(control, from, to);
      },
      complete: async () => {
        onStep?.(3);
        await prove(storage, ledger, control, from);
        onStep?.(4);
        await writeLedgerKey(keyFolder, { ...next, previousKey: key.privateKey });
        onStep?.(5);
        await removeNextKey(keyFolder);
      },
    });
  } finally {
    await ledger.close();
  }
}

async function record(control: ControlPlane, from: string, to: string): Promise<void> {
  await control.transact((_, at) => ({
    entries: [{ kind: 'ledger.key_rotated', at, actor: { service: 'disclosure' }, details: { from, to } }],
    result: undefined,
  }));
}

/** @throws LedgerError `ledger.corrupt` where the receipt does not prove the change: nothing goes on then. */
async function prove(
  storage: LedgerStorage,
  ledger: Ledger,
  { state }: ControlPlane,
  from: string,
): Promise<void> {
  const { keyRotations } = state;
  const receipt = await ledger.inclusionReceipt(keyRotations.at(-1)?.index ?? -1);
  if (!verifyRotation(receipt, parseVerifierKey(from)).ok) {
    throw new LedgerError(
      'ledger.corrupt',
      'The ledger went on after its key changed, and its head does not prove the change.',
    );
  }
  await storage.stage([{ path: rotationPath(keyRotations.length), bytes: Buffer.from(receipt) }]);
}

/** Receipts of the changes so far, oldest first. */
export async function readRotations(files: LedgerReader): Promise<readonly string[]> {
  const receipts: string[] = [];
  for (let n = 1; n <= maxRotations; n++) {
    const bytes = await files.read(rotationPath(n));
    if (bytes === undefined) break;
    receipts.push(Buffer.from(bytes).toString('utf8'));
  }
  return receipts;
}

const vkeyOf = ({ origin, privateKey }: Pick<LedgerKey, 'origin' | 'privateKey'>): string =>
  signerOf({ origin, privateKey }).verifier.vkey;
