import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a broker that can lose what the broker answers. */
export interface KafkaProxy {
  readonly port: number;
  /** From now on requests reach the broker, their connection breaks before the answer, and no other opens. */
  loseAnswers(): void;
  /** Passes everything again. */
  pass(): void;
  /** Answers lost so far. */
  lost(): number;
  close(): Promise<void>;
}

/** @param brokerPort asked for with each connection: the broker may start after the proxy */
export async function startKafkaProxy(brokerPort: () => number): Promise<KafkaProxy> {
  const sockets = new Set<Socket>();
  let losing = false;
  let lost = 0;
  const server = createServer((client) => {
    if (losing) {
      client.destroy();
      return;
    }
    const broker = connect(brokerPort(), '127.0.0.1');
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(broker);
    broker.on('data', (answer) => {
      if (losing) {
        lost += 1;
        client.destroy();
      } else client.write(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswers() {
      losing = true;
    },
    pass() {
      losing = false;
    },
    lost: () => lost,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
