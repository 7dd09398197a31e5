import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBundle } from '#shared/ledger';
import type { ApiClient } from '../../../services/cli/api-client.ts';
import { streamEntries } from '../../../services/cli/audit/entry-stream.ts';

/** A service that gives these leaves in chunks of these sizes, and what was asked of it. */
function serviceOf(leaves: readonly Uint8Array[], chunks: readonly number[], spoil = (b: Uint8Array) => b) {
  const asked: string[] = [];
  const none = () => Promise.reject(new Error('not here'));
  const client: ApiClient = {
    get: none,
    post: none,
    getBytes: none,
    download: async (path, take) => {
      asked.push(path);
      const [first, end] = path.split('/').slice(-2).map(Number);
      const bytes = spoil(encodeBundle(leaves.slice(first, end)));
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = chunks[turn % chunks.length] ?? 1;
        await take(bytes.subarray(at, at + size));
        at += size;
      }
    },
  };
  return { client, asked };
}

async function all(entries: AsyncIterable<Uint8Array>): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of entries) found.push(Buffer.from(entry).toString('hex'));
  return found;
}
const hex = (leaves: readonly Uint8Array[]): string[] =>
  leaves.map((leaf) => Buffer.from(leaf).toString('hex'));

describe('entries that come as a stream', () => {
  it('are the same, however the network cuts them', async () => {
    const leaf = fc.uint8Array({ minLength: 1, maxLength: 40 });
    const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(leaf, { minLength: 1, maxLength: 20 }), cuts, async (leaves, chunks) => {
        const { client } = serviceOf(leaves, chunks);
        expect(await all(streamEntries(client, 0, leaves.length))).toEqual(hex(leaves));
      }),
      { numRuns: 50 },
    );
  });

  it('are asked for in few readings', async () => {
    const leaves = Array.from({ length: 70_000 }, (_, n) => Buffer.from(String(n)));
    const { client, asked } = serviceOf(leaves, [65_536]);
    expect(await all(streamEntries(client, 10, 70_000))).toEqual(hex(leaves.slice(10)));
    expect(asked).toEqual(['/v1/ledger/entries/10/65546', '/v1/ledger/entries/65546/70000']);
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['end within an entry', (bytes) => bytes.subarray(0, -1)],
    ['are fewer than asked for', (bytes) => bytes.subarray(0, 3)],
    ['are none at all', () => new Uint8Array()],
  ])('are an error where they %s', async (_, spoil) => {
    const { client } = serviceOf([Buffer.of(1), Buffer.of(2)], [2], spoil);
    await expect(all(streamEntries(client, 0, 2))).rejects.toMatchObject({ exitCode: 3 });
  });

  it('can be left before their end', async () => {
    const leaves = Array.from({ length: 5000 }, () => Buffer.alloc(100));
    const { client } = serviceOf(leaves, [1000]);
    for await (const entry of streamEntries(client, 0, 5000)) {
      expect(entry).toHaveLength(100);
      break;
    }
  });

  it("hand on the service's refusal", async () => {
    const { client } = serviceOf([], [1], () => {
      throw new TypeError('refused');
    });
    await expect(all(streamEntries(client, 0, 1))).rejects.toThrow('refused');
  });
});
