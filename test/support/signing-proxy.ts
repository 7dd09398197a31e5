import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { DescribedOperation } from './described-api.ts';
import type { Enrolled } from './people-over-http.ts';
import { signCall } from './signed-call.ts';

export interface SigningProxyOptions {
  /** The service, and its audience. */
  readonly service: string;
  readonly signers: readonly Enrolled[];
  readonly operationOf: (method: string, target: string) => DescribedOperation | undefined;
  /** Of records in the store: what no answer may have in plain. */
  readonly planted: readonly string[];
}

export interface SigningProxy {
  readonly url: string;
  /** Requests so far, by how they were signed and by the status of the answer. */
  readonly counts: Map<string, number>;
  requests(): number;
  /** Answers that must not be. */
  readonly findings: string[];
  close(): Promise<void>;
}

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly body: Buffer;
}

interface Signed {
  readonly proof?: string;
  /** Whether it is by somebody who may do what is asked. */
  readonly isAllowed: boolean;
}

/** Of sixteen requests: how each is signed. The others are by somebody whose role the operation asks for. */
const odd: Readonly<Record<number, 'unsigned' | 'broken' | 'any role'>> = {
  3: 'unsigned',
  7: 'broken',
  11: 'any role',
};
const signable = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']);
/** As many addresses of this machine are asked from, so that no bound on one of them is met. */
const sources = 8;

/**
 * Stands between a tool that makes requests and the service: signs each as it is, bytes and URL, and looks at
 * each answer for what the description does not say.
 */
export async function startSigningProxy(options: SigningProxyOptions): Promise<SigningProxy> {
  const { service, signers, operationOf, planted } = options;
  const { port } = new URL(service);
  const agents = Array.from({ length: sources }, () => new Agent({ keepAlive: true }));
  const counts = new Map<string, number>();
  const findings: string[] = [];
  let requests = 0;
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

  async function sign(
    number: number,
    operation: DescribedOperation | undefined,
    { method, target, body }: Asked,
  ): Promise<Signed> {
    // Methods that no request may have cannot be signed.
    const how = signable.has(method) ? odd[number % 16] : 'unsigned';
    const able = signers.filter(({ role }) => how === 'any role' || operation?.roles.includes(role));
    const pool = able.length > 0 ? able : signers;
    const signer = pool[Math.floor(number / 16) % pool.length];
    count(how ?? 'signed');
    if (how === 'unsigned' || !signer) return { isAllowed: false };
    const proof = await signCall(signer, service, { method, path: target, body }, Date.now());
    if (how !== 'broken') return { proof, isAllowed: operation?.roles.includes(signer.role) ?? false };
    const at = proof.lastIndexOf('.') + 10;
    const broken = proof.slice(0, at) + (proof[at] === 'A' ? 'B' : 'A') + proof.slice(at + 1);
    return { proof: broken, isAllowed: false };
  }

  function judge(
    operation: DescribedOperation | undefined,
    isAllowed: boolean,
    answer: IncomingMessage,
    body: Buffer,
  ): void {
    const { statusCode: status = 0, headers } = answer;
    const label = operation?.label ?? 'no operation';
    count(String(status));
    const wrong = [...(operation?.undescribed(status, headers) ?? [])];
    if (status < 400) {
      count(`granted ${label}`);
      const isPublic = operation?.roles.length === 0;
      if (!isPublic && !isAllowed) wrong.push('granted to somebody who may not');
    }
    if (status >= 500) wrong.push(`status ${status}: ${body.toString().slice(0, 300)}`);
    if (!operation && ![400, 404, 413, 415, 429, 431].includes(status)) wrong.push(`status ${status}`);
    if (planted.some((text) => body.includes(text))) wrong.push('a record');
    findings.push(...wrong.map((what) => `${label}: ${what}`));
  }

  async function pass(asked: IncomingMessage, answered: ServerResponse): Promise<void> {
    const number = requests++;
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: target = '/' } = asked;
    const operation = operationOf(method, target);
    const { host: _host, 'griffie-proof': _proof, ...headers } = asked.headers;
    const { proof, isAllowed } = await sign(number, operation, { method, target, body });
    const forwarded = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path: target,
      headers: { ...headers, ...(proof === undefined ? {} : { 'griffie-proof': proof }) },
      localAddress: `127.0.0.${2 + (number % sources)}`,
      agent: agents[number % sources],
    });
    forwarded.on('response', async (answer) => {
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part);
      const bytes = Buffer.concat(parts);
      judge(operation, isAllowed, answer, bytes);
      const { 'transfer-encoding': _coding, connection: _connection, ...kept } = answer.headers;
      answered.writeHead(answer.statusCode ?? 502, { ...kept, 'content-length': bytes.length }).end(bytes);
    });
    forwarded.on('error', (error) => {
      findings.push(`${operation?.label ?? 'no operation'}: no answer, ${error.message}`);
      answered.destroy();
    });
    forwarded.end(body);
  }
  const server = createServer((asked, answered) => {
    pass(asked, answered).catch((error: Error) => {
      findings.push(`not passed on: ${error.message}`);
      answered.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  return {
    url: `http://127.0.0.1:${typeof bound === 'object' && bound ? bound.port : 0}`,
    counts,
    requests: () => requests,
    findings,
    close: async () => {
      for (const agent of agents) agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
