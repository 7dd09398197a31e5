import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CategoryId,
  categoryIds,
  eventTypes,
  grantedFields,
  projectToCategories,
  ReleasedForm,
  type TrafficEvent,
  trafficEventSchema,
} from '#shared/traffic';
import * as arbitrary from '../../integration/store/arbitraries.ts';
import { testEvent } from '../../support/events.ts';

const someCategories = fc.subarray([...categoryIds], { minLength: 1 }) as fc.Arbitrary<CategoryId[]>;

/** Nearly all events are so: their records are recognised without parsing them. */
const plain = arbitrary.event.map((event): TrafficEvent => {
  const entries = Object.entries(event).map(([name, value]): [string, unknown] => [
    name,
    typeof value === 'string' ? value.replace(/[^ !#-[\]-~]/gu, '_') : value,
  ]);
  return trafficEventSchema.parse(Object.fromEntries(entries));
});

describe('the form of released records', () => {
  it('takes every projected event, recognised or parsed, and gives it back the same', () => {
    let recognized = 0;
    fc.assert(
      fc.property(fc.oneof(arbitrary.event, plain), someCategories, (event, categories) => {
        const projected = projectToCategories(trafficEventSchema.parse(event), categories);
        fc.pre(projected !== null);
        const line = `${JSON.stringify(projected)}\n`;
        const form = new ReleasedForm(categories);
        const bytes = Buffer.from(line).toString('latin1');
        const found = form.recognize(`xyz\n${bytes}more`, 4);
        const { type, occurredAt, collectedAt, sourceId } = event;
        if (found !== null) {
          recognized += 1;
          expect(found).toEqual({ type, occurredAt, collectedAt, sourceId, end: 4 + bytes.length });
        }
        expect(JSON.stringify(form.parse(line))).toBe(JSON.stringify(projected));
      }),
      { numRuns: 500 },
    );
    expect(recognized).toBeGreaterThan(100);
  });

  it('takes no field that was not granted, whatever its value', () => {
    fc.assert(
      fc.property(arbitrary.event, someCategories, (event, categories) => {
        const whole = trafficEventSchema.parse(event);
        const granted = grantedFields(event.type, categories);
        fc.pre(granted.size > 0 && Object.keys(whole).some((name) => !granted.has(name as never)));
        const form = new ReleasedForm(categories);
        const line = `${JSON.stringify(whole)}\n`;
        expect(form.recognize(Buffer.from(line).toString('latin1'), 0)).toBeNull();
        expect(form.parse(line)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it('takes nothing of a type that no category reaches', () => {
    const form = new ReleasedForm(['session']);
    for (const type of eventTypes.filter((each) => each.startsWith('message.'))) {
      const line = `${JSON.stringify(testEvent({ type }))}\n`;
      expect(form.recognize(line, 0)).toBeNull();
      expect(form.parse(line)).toBeNull();
    }
  });

  it.each([
    ['no line feed', (line: string) => line.trimEnd()],
    ['a member twice', (line: string) => line.replace('"host"', '"host":"a","host"')],
    [
      'members in another order',
      (line: string) => line.replace(/("type":"[^"]*"),("occurredAt":"[^"]*")/, '$2,$1'),
    ],
    ['spaces', (line: string) => line.replace('"host":', '"host": ')],
    ['an unknown member', (line: string) => line.replace('"host"', '"subject":"x","host"')],
    ['a time that is none', (line: string) => line.replace('2096-11-10T10:00:00', '2096-02-30T10:00:00')],
    ['an escape', (line: string) => line.replace('mx1', '\\u006dx1')],
  ])('does not recognise %s', (_, change) => {
    const line = `${JSON.stringify(testEvent())}\n`;
    const form = new ReleasedForm([...categoryIds]);
    expect(form.recognize(line, 0)).not.toBeNull();
    expect(change(line)).not.toBe(line);
    expect(form.recognize(change(line), 0)).toBeNull();
  });
});
