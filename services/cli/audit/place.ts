import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  LedgerError,
  type LedgerReader,
  type NoteVerifier,
  parseVerifierKey,
  witnessedPath,
} from '#shared/ledger';
import { readTileDirectory } from '#shared/ledger-storage';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { fetchKeys } from '../commands/service.ts';
import { openCredential } from '../credential-file.ts';
import { CliError, unusable } from '../errors.ts';
import { fileError, readBounded, smallFileBytes } from '../files.ts';
import { clientLimits } from '../http-answer.ts';
import type { CliIo } from '../io.ts';
import { readPinFile, usableKeys } from '../pin-file.ts';
import { parseServiceUrl, serviceUrlRule } from '../service-url.ts';
import { httpLedgerReader } from './http-reader.ts';
import type { AuditState } from './state-file.ts';

/** Where a ledger is read, and by which key it is judged. */
export interface LedgerPlace {
  readonly reader: LedgerReader;
  /** The note that witnesses cosigned; undefined where there is none. */
  readWitnessed(): Promise<Uint8Array | undefined>;
  /** The key that is believed to begin with; changes of it are followed from there. */
  readonly key: NoteVerifier;
  /** The key that was given for this time, where the state has one of its own; the two must be of one chain. */
  readonly pinned: NoteVerifier | null;
  /** `service`: the service's own word, which shows no forgery by the service. */
  readonly keyFrom: 'pinned' | 'state' | 'service';
  /** The service's public URL as the auditor knows it; null where only a key was given. */
  readonly audience: string | null;
}

export interface PlaceOptions {
  /** An auditor's credential file. */
  readonly as?: string;
  /** File of pinned keys. */
  readonly keys?: string;
  /** Verifier key of the ledger. */
  readonly key?: string;
}

export const isUrl = (place: string): boolean => /^https?:/i.test(place);

/** @param state what the auditor keeps; its last key is where one begins, whatever key is given beside it */
export async function openPlace(
  io: CliIo,
  place: string,
  options: PlaceOptions,
  state: AuditState | null,
): Promise<LedgerPlace> {
  const pinned = await pinnedKey(options);
  const known = state?.keys.at(-1) ?? pinned?.key ?? null;
  const keyFrom = pinned === null ? 'state' : 'pinned';
  if (!isUrl(place)) {
    if (known === null) {
      throw unusable(
        'usage',
        'a folder cannot vouch for itself; add --keys with the pinned keys of the service, or --key',
      );
    }
    const folder = await folderAt(place);
    const readWitnessed = () => readOptional(join(folder, witnessedPath));
    const reader = readTileDirectory(folder);
    return {
      reader,
      readWitnessed,
      key: known,
      pinned: pinned?.key ?? null,
      keyFrom,
      audience: pinned?.audience ?? null,
    };
  }
  const { service, auditor } = await auditorOf(io, place, options.as);
  const anyone = createApiClient({ io, service });
  const reader = httpLedgerReader(anyone, auditor);
  const readWitnessed = () => anyone.getBytes(`/ledger/${witnessedPath}`, clientLimits.ledgerFileBytes);
  if (known !== null)
    return { reader, readWitnessed, key: known, pinned: pinned?.key ?? null, keyFrom, audience: service };
  const keys = await usableKeys(await fetchKeys(io, service));
  if (keys === null)
    throw unusable('service.keys', `the service at ${service} gave keys that cannot be used`);
  return {
    reader,
    readWitnessed,
    key: keys.ledgerVerifier,
    pinned: null,
    keyFrom: 'service',
    audience: service,
  };
}

/** A client that signs as the auditor of the service at `place`. */
export async function auditorOf(
  io: CliIo,
  place: string,
  as: string | undefined,
): Promise<{ readonly service: string; readonly auditor: ApiClient }> {
  const service = parseServiceUrl(place);
  if (service === null) throw unusable('usage', `${place} ${serviceUrlRule}`);
  if (as === undefined) {
    throw unusable('usage', "entries are for auditors only; add --as with an auditor's credential file");
  }
  const credential = await openCredential(io, as);
  if (credential.service !== service) {
    throw unusable('usage', `${as} is a credential for ${credential.service}; use that URL`);
  }
  const { credentialId, key } = credential;
  return { service, auditor: createApiClient({ io, service, signer: { credentialId, key } }) };
}

async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readBounded(path, smallFileBytes);
  } catch (error) {
    if (error instanceof CliError && error.code === 'file.missing') return undefined;
    throw error;
  }
}

export async function folderAt(place: string): Promise<string> {
  const folder = resolve(place);
  try {
    if (!(await stat(folder)).isDirectory()) throw unusable('usage', `${place} is no folder`);
  } catch (error) {
    throw fileError(place, error);
  }
  return folder;
}

export function verifierKey(vkey: string): NoteVerifier {
  try {
    return parseVerifierKey(vkey);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw unusable('usage', 'a verifier key has the form name+hex+base64, as griffie service keys prints it');
  }
}

async function pinnedKey({
  key,
  keys,
}: PlaceOptions): Promise<{ readonly key: NoteVerifier; readonly audience: string | null } | null> {
  if (key !== undefined) return { key: verifierKey(key), audience: null };
  if (keys === undefined) return null;
  const { ledgerVerifier, audience } = await readPinFile(keys);
  return { key: ledgerVerifier, audience };
}
