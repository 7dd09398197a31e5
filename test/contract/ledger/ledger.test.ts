import { describe } from 'vitest';
import { createLedger, createNoteSigner, generateNoteKey } from '#shared/ledger';
import { createMemoryOrder, createMemoryStorage, createOrderedLedger } from '#shared/ledger-storage';
import { silentLogger } from '#shared/runtime';
import { ledgerContract } from './ledger-contract.ts';
import { orderContract } from './order-contract.ts';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const { verifier } = signer;

describe('a ledger of one writer', () => {
  ledgerContract(async () => {
    const storage = createMemoryStorage();
    return { verifier, files: storage, open: () => createLedger({ storage, signer }) };
  });
});

describe('a replica’s ledger, over an order in memory', () => {
  ledgerContract(async () => {
    const [cache, order] = [createMemoryStorage(), createMemoryOrder()];
    const options = { order, cache, signer, secret: Buffer.alloc(32, 7), logger: silentLogger };
    return { verifier, files: cache, open: () => createOrderedLedger(options) };
  });
});

describe('an order in memory', () => {
  orderContract(async () => createMemoryOrder());
});
