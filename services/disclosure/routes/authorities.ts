import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type ControlState, listStanding } from '#shared/control';
import { utcTimestamp } from '#shared/traffic';
import type { ServiceContext } from '../context.ts';
import { recordReading } from '../http/act.ts';
import { authoritiesWithoutList } from '../revocation/index.ts';
import { problemResponses } from './schemas.ts';

const digest = z.string();

const listView = z.object({
  /** SHA-256 of the authority's name and key. */
  authority: digest,
  /** SHA-256 of its certificate and of those up to the anchor. */
  certificates: z.array(digest),
  /** Of the list, DER. */
  sha256: digest,
  /** Hexadecimal. */
  number: z.string(),
  thisUpdate: utcTimestamp,
  nextUpdate: utcTimestamp,
  takenAt: utcTimestamp,
  entryIndex: z.int(),
  /** Certificates on it, whoever's. */
  entries: z.int(),
  /** Credentials that lists of this authority have ended so far, and that are on hold by this one. */
  ended: z.int(),
  held: z.int(),
  /** Whether it has not run out. */
  current: z.boolean(),
});

const authoritiesView = z
  .object({
    /** SHA-256 of the certificates that people's certificates must lead to. */
    anchors: z.array(digest),
    /** Authorities that must have a list besides those that have one; null where no lists are asked. */
    required: z.union([z.literal('all'), z.array(digest)]).nullable(),
    lists: z.array(listView),
    /** Authorities that must have a list, and have none: their certificates are refused. */
    missing: z.array(digest),
    /** Why lists that lie at this server are not in use. */
    refused: z.array(z.string()),
  })
  .meta({ id: 'Authorities' });

/** The authorities whose certificates are taken, and the revocation lists in use. */
export function authorityRoutes(root: FastifyInstance, context: ServiceContext): void {
  root.withTypeProvider<ZodTypeProvider>().get(
    '/v1/authorities',
    {
      config: { access: ['administrator', 'auditor'] },
      schema: {
        summary: 'The authorities of certificates, and the revocation lists in use',
        tags: ['credentials'],
        response: { 200: authoritiesView, ...problemResponses },
      },
    },
    async (request) =>
      recordReading(context, request, (state, at) => ({
        ...viewOf(state, at),
        refused: [...context.revocation.figures().refused],
      })),
  );
}

function viewOf(state: ControlState, at: string): Omit<z.infer<typeof authoritiesView>, 'refused'> {
  const { configuration, revocationLists } = state;
  return {
    anchors: configuration?.anchors ?? [],
    required: configuration?.revocation?.required ?? null,
    lists: [...revocationLists].map(([authority, list]) => {
      const { certificates, sha256, number, thisUpdate, nextUpdate, takenAt, entries, ended } = list;
      return {
        ...{ authority, certificates, sha256, number, thisUpdate, nextUpdate, takenAt, entries, ended },
        entryIndex: list.index,
        held: list.held.length,
        current: listStanding(state, authority, at) === 'current',
      };
    }),
    missing: [...authoritiesWithoutList(state, at)],
  };
}
