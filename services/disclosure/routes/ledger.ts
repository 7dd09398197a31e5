import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  checkpointPath,
  isRotationPath,
  isTimestampPath,
  parseTilePath,
  timestampFolder,
  witnessedPath,
} from '#shared/ledger';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { recordReading } from '../http/act.ts';
import { mediaTypes } from '../limits.ts';
import { ledgerEntryRoutes } from './ledger-entries.ts';
import { binary, problemResponses } from './schemas.ts';

/** Tile paths are `0/x001/234.p/5` and the like; longer ones are none. */
const tileParams = z.strictObject({ '*': z.string().max(64) });
const timestampParams = z.strictObject({ name: z.string().max(64) });
const rotationParams = z.strictObject({ n: z.string().max(64) });
/** The same without the level; no other characters, because the URL is signed and becomes evidence. */
const bundleParams = z.strictObject({
  '*': z
    .string()
    .max(64)
    .regex(/^[0-9xp./]+$/, 'is no path of a bundle'),
});

/**
 * The ledger as C2SP tlog-tiles. Checkpoint and hash tiles are for everyone who can reach the service
 * (witnesses need no more); entries are for auditors, and their reading is in the ledger too.
 */
export function ledgerRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { ledgerFiles, witnessing } = context;
  ledgerEntryRoutes(root, context);

  const read = async (path: string): Promise<Buffer> => {
    const bytes = await ledgerFiles.read(path);
    if (bytes === undefined) throw new ApiError('request.not_found');
    return Buffer.from(bytes);
  };
  const readCheckpoint = async (): Promise<Buffer> => {
    const bytes = await read(checkpointPath);
    return witnessing === null ? bytes : Buffer.from(witnessing.dress(bytes.toString('utf8')));
  };

  app.get(
    '/ledger/checkpoint',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Latest checkpoint',
        tags: ['ledger'],
        response: { 200: binary(mediaTypes.checkpoint), ...problemResponses },
      },
    },
    async (_request, reply) =>
      reply
        .type(mediaTypes.checkpoint)
        .header('cache-control', 'max-age=1')
        .send(await readCheckpoint()),
  );

  app.get(
    `/ledger/${witnessedPath}`,
    {
      config: { access: 'public' },
      schema: {
        summary: 'Latest checkpoint that enough witnesses cosigned',
        tags: ['ledger'],
        response: { 200: binary(mediaTypes.checkpoint), ...problemResponses },
      },
    },
    async (_request, reply) => {
      const cosigned = witnessing?.cosigned();
      if (!cosigned) throw new ApiError('request.not_found');
      return reply
        .type(mediaTypes.checkpoint)
        .header('cache-control', 'max-age=1')
        .send(Buffer.from(cosigned.note));
    },
  );

  app.get(
    '/ledger/rotation/:n',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Receipt of the nth change of the ledger’s key (C2SP tlog-proof)',
        tags: ['ledger'],
        params: rotationParams,
        response: { 200: binary(mediaTypes.checkpoint), ...problemResponses },
      },
    },
    async (request, reply) => {
      const path = `rotation/${request.params.n}`;
      if (!isRotationPath(path)) throw new ApiError('request.not_found');
      return reply.type(mediaTypes.checkpoint).send(await read(path));
    },
  );

  app.get(
    `/ledger/${timestampFolder}/:name`,
    {
      config: { access: 'public' },
      schema: {
        summary:
          'Which days have a time stamp (days), the checkpoint of one (YYYY-MM-DD), its time stamp (YYYY-MM-DD.tsr)',
        tags: ['ledger'],
        params: timestampParams,
        response: { 200: binary(mediaTypes.octets), ...problemResponses },
      },
    },
    async (request, reply) => {
      const path = `${timestampFolder}/${request.params.name}`;
      if (!isTimestampPath(path)) throw new ApiError('request.not_found');
      return reply.type(mediaTypes.octets).send(await read(path));
    },
  );

  app.get(
    '/ledger/tile/entries/*',
    {
      config: { access: ['auditor'] },
      schema: {
        summary: 'Entry bundle',
        tags: ['ledger'],
        params: bundleParams,
        response: { 200: binary(mediaTypes.octets), ...problemResponses },
      },
    },
    async (request, reply) => {
      const path = tilePathOf(`tile/entries/${request.params['*']}`);
      const bytes = await recordReading(context, request, () => read(path));
      return reply.type(mediaTypes.octets).send(bytes);
    },
  );

  app.get(
    '/ledger/tile/*',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Hash tile',
        tags: ['ledger'],
        params: tileParams,
        response: { 200: binary(mediaTypes.octets), ...problemResponses },
      },
    },
    async (request, reply) => {
      const path = tilePathOf(`tile/${request.params['*']}`);
      // The router gives entries to the route above; this is the second lock on that door.
      if (parseTilePath(path)?.level === 'entries') throw new ApiError('request.not_found');
      return reply.type(mediaTypes.octets).send(await read(path));
    },
  );
}

function tilePathOf(path: string): string {
  if (parseTilePath(path) === null) throw new ApiError('request.not_found');
  return path;
}
