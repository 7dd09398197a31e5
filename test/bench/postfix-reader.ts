import { closeSync, openSync, readSync } from 'node:fs';
import { keepHeapSmall } from '#shared/runtime';

/*
 * Child process of the benchmark: reads a log as the collector does, header and correlation included,
 * and takes the state's changes every 2,000 lines; with a heap as small as the collector's. Prints what it
 * saw as one JSON line.
 */

keepHeapSmall();
const { postfixAdapter } = await import('../../services/collector/postfix/index.ts');
const { createHeaderParser } = await import('../../services/collector/syslog/index.ts');

const path = process.argv[2] ?? '';
const parser = createHeaderParser({
  format: 'syslog',
  timeZone: 'Europe/Amsterdam',
  host: 'mx1',
  referenceMs: Date.UTC(2026, 11, 1),
});
const correlator = postfixAdapter.createCorrelator([]);
const counts = { lines: 0, events: 0, notUnderstood: 0, stateChanges: 0 };

function take(): void {
  counts.stateChanges += correlator.takeChanges().size;
}

function line(text: string): void {
  counts.lines++;
  const record = parser.parse(text);
  if (typeof record === 'string') {
    counts.notUnderstood++;
  } else {
    const result = correlator.process(record);
    if (result.kind === 'understood') counts.events += result.events.length;
    else if (result.kind === 'notUnderstood') counts.notUnderstood++;
  }
  if (counts.lines % 2_000 === 0) take();
}

const file = openSync(path, 'r');
const buffer = Buffer.allocUnsafeSlow(256 * 1024);
let held = 0;
for (
  let size = readSync(file, buffer);
  size > 0;
  size = readSync(file, buffer, held, buffer.length - held, null)
) {
  const filled = held + size;
  let from = 0;
  for (let end = buffer.indexOf(0x0a); end !== -1 && end < filled; end = buffer.indexOf(0x0a, from)) {
    line(buffer.toString('utf8', from, end));
    from = end + 1;
  }
  buffer.copy(buffer, 0, from, filled);
  held = filled - from;
}
closeSync(file);
take();

process.stdout.write(`${JSON.stringify(counts)}\n`);
