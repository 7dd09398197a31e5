import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

/** Bounds on open connections. */
export interface ConnectionBounds {
  readonly all: number;
  readonly perAddress: number;
}

/**
 * Whom an address counts as: an IPv4 address as itself, in whatever spelling; an IPv6 one as its /64, because
 * that is what one customer has.
 */
export function sourceOf(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined || !ipaddr.isValid(remoteAddress)) return 'unknown';
  const address = ipaddr.process(remoteAddress);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  return address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':');
}

/**
 * Open connections of the server. One address has a share of them; where all are taken, the one that is open
 * for longest without a signed request under way makes room: whoever only holds connections loses them, and
 * whoever has something to ask gets in.
 */
export class Connections {
  readonly #bounds: ConnectionBounds;
  readonly #onDrop: () => void;
  /** In the order in which they were opened, by the other side's address and port. */
  readonly #open = new Map<string, Socket>();
  readonly #perSource = new Map<string, number>();
  /** With signed requests under way, and how many. */
  readonly #busy = new Map<string, number>();

  /** @param onDrop told of each connection that is closed for a bound */
  constructor(bounds: ConnectionBounds, onDrop: () => void) {
    this.#bounds = bounds;
    this.#onDrop = onDrop;
  }

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#add(socket));
  }

  /** Keeps the request's connection from making room for others. */
  hold({ raw }: FastifyRequest): () => void {
    const name = nameOf(raw.socket);
    this.#busy.set(name, (this.#busy.get(name) ?? 0) + 1);
    return () => {
      const rest = (this.#busy.get(name) ?? 1) - 1;
      if (rest > 0) this.#busy.set(name, rest);
      else this.#busy.delete(name);
    };
  }

  #add(socket: Socket): void {
    const source = sourceOf(socket.remoteAddress);
    const ofSource = this.#perSource.get(source) ?? 0;
    if (ofSource >= this.#bounds.perAddress) {
      this.#drop(socket);
      return;
    }
    if (this.#open.size >= this.#bounds.all) this.#makeRoom();
    const name = nameOf(socket);
    this.#open.set(name, socket);
    this.#perSource.set(source, ofSource + 1);
    socket.once('close', () => {
      if (this.#open.get(name) === socket) this.#open.delete(name);
      const rest = (this.#perSource.get(source) ?? 1) - 1;
      if (rest > 0) this.#perSource.set(source, rest);
      else this.#perSource.delete(source);
    });
  }

  #makeRoom(): void {
    for (const [name, socket] of this.#open) {
      if (this.#busy.has(name)) continue;
      this.#open.delete(name);
      this.#drop(socket);
      return;
    }
  }

  #drop(socket: Socket): void {
    this.#onDrop();
    // Without an answer: to write one to each of many would be the work that is to be avoided.
    socket.destroy();
  }
}

/** The same for a TLS connection and the TCP one below it. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
