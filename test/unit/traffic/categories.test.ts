import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import {
  categoryIds,
  commonFields,
  projectToCategories,
  trafficCategories,
  trafficEventSchema,
  typesOfCategories,
} from '#shared/traffic';
import { testEvent } from '../../support/events.ts';

const fields = Object.keys(trafficEventSchema.shape);

describe('the seven categories', () => {
  it('are seven, numbered, each answered by fields that events have', () => {
    expect(trafficCategories.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(trafficCategories.map(({ id }) => id)).toEqual([...categoryIds]);
    for (const category of trafficCategories) {
      expect(category.fields.filter((field) => !fields.includes(field))).toEqual([]);
    }
  });

  it('with the common fields cover every field, so that none is withheld or let out by oversight', () => {
    const covered = new Set<string>([...commonFields, ...trafficCategories.flatMap((c) => c.fields)]);
    expect(fields.filter((field) => !covered.has(field))).toEqual([]);
  });

  it('stand in the operations guide with the same fields', () => {
    const guide = readFileSync(join(packageRoot, 'docs', 'events.md'), 'utf8');
    for (const { number, title, fields: names } of trafficCategories) {
      expect(guide).toContain(
        `| ${number} | ${title.en} | ${names.map((name) => `\`${name}\``).join(', ')} |`,
      );
    }
  });

  it('a projection gives only what was granted', () => {
    const event = testEvent();
    const projected = projectToCategories(event, ['recipient']);
    expect(projected).toMatchObject({ recipientAddress: event.recipientAddress, eventId: event.eventId });
    expect(projected).not.toHaveProperty('senderAddress');
    expect(projected).not.toHaveProperty('senderIp');
    expect(projected).not.toHaveProperty('deliveryHostIp');
    expect(projectToCategories(event, ['session'])).toBeNull();
    expect(typesOfCategories(['session'])).not.toContain('message.delivered');
  });

  it('nothing in the common fields names a person or an address', () => {
    expect(commonFields.filter((field) => /address|user|ip$|name$/i.test(field))).toEqual([]);
  });
});

describe('the event schema', () => {
  it('has no field for content', () => {
    expect(
      fields.filter((field) => /subject|body|reply(?!Code)|text|attachment|password|helo/i.test(field)),
    ).toEqual([]);
  });

  it.each([
    ['an unknown field', { subject: 'secret' }],
    ['another version', { schemaVersion: 2 }],
    ['a time without zone', { occurredAt: '2026-11-10T10:00:00.000' }],
    ['a control character', { senderUser: 'a\u0000b' }],
    ['an overlong address', { senderAddress: `${'x'.repeat(600)}@example.nl` }],
    ['an empty text', { queueId: '' }],
    ['an event id that is none', { eventId: 'x' }],
  ])('refuses %s', (_name, change) => {
    expect(trafficEventSchema.safeParse({ ...testEvent(), ...change }).success).toBe(false);
  });
});
