import { eventIdFor, type TrafficEvent, trafficEventSchema } from '#shared/traffic';

let made = 0;

/** A valid event about bob writing to alice; members given replace its own. */
export function testEvent(change: Partial<TrafficEvent> = {}): TrafficEvent {
  made += 1;
  return trafficEventSchema.parse({
    schemaVersion: 1,
    eventId: eventIdFor('test', String(made), 0),
    type: 'message.delivered',
    occurredAt: '2096-11-10T10:00:00.000Z',
    collectedAt: '2096-11-10T10:00:01.000Z',
    host: 'mx1.example.nl',
    software: 'postfix',
    service: 'smtp',
    protocol: 'smtp',
    queueId: '4XyZ1234567',
    messageId: `m${made}@example.org`,
    sizeOctets: 1234,
    recipientCount: 1,
    senderIp: '192.0.2.7',
    senderAddress: 'bob@example.org',
    originHostIp: '192.0.2.7',
    originHostName: 'mail.example.org',
    recipientAddress: 'alice@example.nl',
    deliveryHostIp: '198.51.100.4',
    deliveryHostName: 'store.example.nl',
    outcome: 'sent',
    dsn: '2.0.0',
    correlation: 'complete',
    sourceId: 'test',
    sourcePosition: `0:${made}`,
    ...change,
  });
}
