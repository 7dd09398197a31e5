import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '#shared/runtime';
import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { parseStream } from '../../../../services/collector/index.ts';

const captured = join(process.env.GRIFFIE_VECTORS ?? '../shared/vectors', 'mail-logs', 'captured');
const absent = !existsSync(captured);
const why = absent ? ' (skipped: no vectors)' : '';

async function parse(software: 'postfix' | 'dovecot', name: string) {
  const parsed = parseStream(software, createReadStream(join(captured, name)), { clock: systemClock });
  const events: TrafficEvent[] = [];
  for await (const event of parsed.events) events.push(trafficEventSchema.parse(event));
  return { events, summary: parsed.summary() };
}
const linesOf = (name: string): number =>
  readFileSync(join(captured, name), 'utf8').trim().split('\n').length;

describe('parsing a log once', () => {
  for (const [software, name] of [
    ['postfix', 'postfix.log'],
    ['dovecot', 'dovecot.log'],
    ['dovecot', 'dovecot-events.ndjson'],
  ] as const) {
    it.skipIf(absent)(
      `gives the events of a real ${name} and accounts for each of its lines${why}`,
      async () => {
        const { events, summary } = await parse(software, name);
        expect(events.length).toBeGreaterThan(0);
        expect(new Set(events.map((event) => event.eventId)).size).toBe(events.length);
        expect(events.every((event) => event.software === software)).toBe(true);
        expect(summary.lines).toBe(linesOf(name));
        expect(summary.events).toBe(events.length);
        expect(summary.notUnderstood).toEqual({});
      },
    );
  }

  it('says how many lines were not understood, by reason, and where they stand', async () => {
    async function* input() {
      yield Buffer.from(
        'nothing that anyone knows\nNov 22 17:03:40 mx1 cron[1]: hello\nNov 99 17:03:40 mx1 a: b\n',
      );
    }
    const parsed = parseStream('postfix', input(), { clock: systemClock });
    for await (const event of parsed.events) expect(event).toBeUndefined();
    const { listed, ...summary } = parsed.summary();
    expect(summary).toMatchObject({
      lines: 3,
      ignored: 1,
      events: 0,
      open: 0,
      notUnderstood: { 'header.unknown': 1, 'header.bad_time': 1 },
    });
    expect(listed.map(({ reason, position }) => `${reason} ${position}`)).toEqual([
      'header.bad_time 1:61',
      'header.unknown 1:0',
    ]);
  });
});
