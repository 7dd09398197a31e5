import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { NoiseCounter } from '../control/noise.ts';
import { ApiError } from '../errors.ts';
import { apiLimits } from '../limits.ts';
import { Connections, sourceOf } from './connections.ts';
import { InFlight, type Leave } from './in-flight.ts';
import { type Rate, TokenBuckets } from './token-buckets.ts';

/** Bounds on what is asked in a time and at a time. */
export interface GateBounds {
  /** Of one source address. A request costs `publicCost` or, until its signature is proven, `unprovenCost`. */
  readonly address: Rate;
  readonly publicCost: number;
  readonly unprovenCost: number;
  /** Of one credential: requests as they were signed. */
  readonly credential: Rate;
  readonly inFlight: ConstructorParameters<typeof InFlight>[0];
  readonly connections: ConstructorParameters<typeof Connections>[0];
}

/** Seconds after which a place among the requests in flight may be free. */
const busyRetrySeconds = 2;

/** Keeps the service answering, whoever asks, and how often. */
export interface Guard {
  /** Before anything else is done for a request. @throws ApiError */
  admit(request: FastifyRequest): void;
  /** Once the head is a known key's, before any of the body is read. @throws ApiError */
  hold(request: FastifyRequest, reply: FastifyReply, thumbprint: string): void;
  /** Once the body is the one that was signed. @throws ApiError */
  prove(request: FastifyRequest, thumbprint: string): void;
}

/**
 * The guard of an API.
 * @param elapsedMs of a clock that never goes back
 */
export function createGuard(
  app: FastifyInstance,
  noise: NoiseCounter,
  bounds: GateBounds,
  elapsedMs: () => number = () => performance.now(),
): Guard {
  const addresses = new TokenBuckets(bounds.address, elapsedMs);
  const credentials = new TokenBuckets(bounds.credential, elapsedMs);
  const inFlight = new InFlight(bounds.inFlight);
  const connections = new Connections(bounds.connections, () => noise.add('service.busy'));
  connections.watch(app.server);

  const leaves = new WeakMap<FastifyRequest, Leave>();
  app.addHook('onResponse', async (request) => leaves.get(request)?.());

  return {
    admit: (request) => {
      const isPublic = request.routeOptions.config.access === 'public';
      const cost = isPublic ? bounds.publicCost : bounds.unprovenCost;
      const wait = addresses.take(sourceOf(request.raw.socket.remoteAddress), cost);
      if (wait > 0) throw new ApiError('request.rate', { retryAfterSeconds: wait });
    },
    hold: (request, reply, thumbprint) => {
      const place = inFlight.enter(thumbprint, mostBytes(request));
      if (typeof place === 'string') {
        const code = place === 'credential' ? 'request.rate' : 'service.busy';
        throw new ApiError(code, { retryAfterSeconds: busyRetrySeconds });
      }
      const release = connections.hold(request);
      const leave = once(() => {
        place();
        release();
      });
      leaves.set(request, leave);
      // Whoever hangs up gets no answer, and leaves all the same.
      reply.raw.once('close', leave);
    },
    prove: (request, thumbprint) => {
      addresses.giveBack(sourceOf(request.raw.socket.remoteAddress), bounds.unprovenCost);
      const wait = credentials.take(thumbprint);
      if (wait > 0) throw new ApiError('request.rate', { retryAfterSeconds: wait });
    },
  };
}

/** What the body may come to, by its head alone. */
function mostBytes({ headers, routeOptions }: FastifyRequest): number {
  const most = routeOptions.bodyLimit ?? apiLimits.bodyBytes;
  if (headers['transfer-encoding'] !== undefined) return most;
  return Math.min(Number(headers['content-length'] ?? 0), most);
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}
