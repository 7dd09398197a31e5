import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFolderOf, openEncryptedDatabase } from '#shared/store';
import { bootstrapAdministrators, enrolByTwo } from '../support/administrators.ts';
import { type GriffieProcess, isBuilt, runGriffie, startGriffie } from '../support/griffie-process.ts';

/** What must never be kept anywhere, by where it was planted. */
const content = {
  subject: 'PLANTEDSUBJECT-merger-with-acme',
  body: 'PLANTEDBODY-meet-me-at-nine',
  password: 'PLANTEDPASSWORD-hunter2',
  reply: 'PLANTEDREPLY-mailbox-of-mister-x-is-full',
  helo: 'PLANTEDHELO.example',
  mailbox: 'PLANTEDMAILBOX-divorce',
  command: 'PLANTEDCOMMAND-search-text',
};
/** What may be in the store, in checkpoints and in encrypted files, and nowhere else. */
const personal = ['plantedperson@example.nl', 'plantedpartner@example.org', '198.51.100.213', 'planteduser'];

const postfixLog = [
  'postfix/smtpd[1]: connect from client.example.org[198.51.100.213]',
  'postfix/smtpd[1]: 4Z000000001z: client=client.example.org[198.51.100.213], sasl_method=PLAIN, sasl_username=planteduser',
  `postfix/cleanup[2]: 4Z000000001z: warning: header Subject: ${content.subject} from client.example.org[198.51.100.213]; from=<plantedpartner@example.org> to=<plantedperson@example.nl> proto=ESMTP helo=<${content.helo}>`,
  `postfix/cleanup[2]: 4Z000000001z: info: body ${content.body} from client.example.org[198.51.100.213]; from=<plantedpartner@example.org> to=<plantedperson@example.nl> proto=ESMTP helo=<${content.helo}>`,
  `postfix/cleanup[2]: 4Z000000001z: message-id=<{"subject":"${content.subject}","text":"${content.body.repeat(20)}"}@example.org>`,
  'postfix/qmgr[3]: 4Z000000001z: from=<plantedpartner@example.org>, size=1000, nrcpt=1 (queue active)',
  `postfix/smtp[4]: 4Z000000001z: to=<plantedperson@example.nl>, relay=mx.example.nl[192.0.2.4]:25, delay=1, delays=0/0/0/1, dsn=5.2.2, status=bounced (host mx.example.nl[192.0.2.4] said: 552 5.2.2 ${content.reply} (in reply to end of DATA command))`,
  'postfix/qmgr[3]: 4Z000000001z: removed',
  `postfix/smtpd[1]: NOQUEUE: reject: RCPT from client.example.org[198.51.100.213]: 554 5.7.1 <plantedperson@example.nl>: Recipient address rejected: ${content.reply}; from=<plantedpartner@example.org> to=<plantedperson@example.nl> proto=ESMTP helo=<${content.helo}>`,
  `postfix/cleanup[2]: 4Z000000002z: reject: header Subject: ${content.subject} from client.example.org[198.51.100.213]; from=<plantedpartner@example.org> to=<plantedperson@example.nl> proto=ESMTP helo=<${content.helo}>: 5.7.1 ${content.reply}`,
  `postfix/smtpd[1]: something ${content.body} that no version of Postfix ever wrote`,
  `postfix/smtp[4]: 4Z000000003z: to=<plantedperson@example.nl>, broken ${content.reply}`,
].map((text) => `2026-11-20T10:00:00.000000+00:00 mx1 ${text}\n`);

const dovecotLog = [
  `dovecot: auth: passwd-file(planteduser,198.51.100.213): unknown user (given password: ${content.password})`,
  `dovecot: auth: passwd-file(planteduser,198.51.100.213,<plantedsession>): Password mismatch (given password: ${content.password})`,
  'dovecot: imap-login: Info: Login: user=<planteduser>, method=PLAIN, rip=198.51.100.213, lip=192.0.2.1, mpid=7, TLS, session=<plantedsession>',
  `dovecot: imap(planteduser)<7><plantedsession>: Info: delete: box=${content.mailbox}, uid=1, msgid=<x@y>, size=10, subject=${content.subject}`,
  `dovecot: lmtp(plantedperson@example.nl)<8><s2>: Info: sieve: msgid=<a@b>: stored mail into mailbox '${content.mailbox}'`,
  `dovecot: imap(planteduser)<7><plantedsession>: Error: unknown line with ${content.subject}`,
]
  .map((text) => `2026-11-20T10:00:01.000000+00:00 mx1 ${text}\n`)
  .concat(
    `{"event":"imap_command_finished","hostname":"mx1","start_time":"2026-11-20T10:00:01.000000Z","end_time":"2026-11-20T10:00:01.000000Z","categories":["imap"],"fields":{"user":"planteduser","session":"plantedsession","cmd_name":"SEARCH","cmd_args":"TEXT ${content.command}","message_subject":"${content.subject}","mailbox":"${content.mailbox}","tagged_reply":"NO ${content.reply}"}}\n`,
    `{"event":"mail_delivery_finished","hostname":"mx1","end_time":"2026-11-20T10:00:01.000000Z","categories":["lmtp"],"fields":{"user":"plantedperson@example.nl","message_id":"<c@d>","message_subject":"${content.subject}","message_from":"plantedpartner@example.org","reason":"${content.reply}"}}\n`,
  );

async function filesUnder(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe.skipIf(!isBuilt)(
  'content and persons stay out of where they must not be (needs npm run build)',
  () => {
    let folder: string;
    let griffie: GriffieProcess;
    const answers: string[] = [];
    const data = (): string => join(folder, 'data');

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'griffie-planted-'));
      const at = (name: string): string => join(folder, name);
      await writeFile(at('postfix.log'), postfixLog.join(''));
      await writeFile(at('dovecot.log'), dovecotLog.join(''));
      const sources = ['--source', at('postfix.log'), '--source', at('dovecot.log')];
      const run = async (...args: string[]) => {
        const result = await runGriffie(args);
        answers.push(result.stderr, args.includes('--json') || result.code !== 0 ? result.stdout : '');
        return result;
      };
      const mustRun = async (...args: string[]): Promise<void> => {
        expect((await run(...args)).code).toBe(0);
      };
      const url = 'http://127.0.0.1:18429';
      const administrators = await bootstrapAdministrators(mustRun, url, at, ['--data', data()]);
      griffie = startGriffie(['start', '--data', data(), ...sources, '--listen', '127.0.0.1:18429']);
      await griffie.says('Griffie is listening');
      for (const role of ['registrar', 'reviewer', 'officer']) {
        await run('key', 'new', '--credential', role, '--service', url, '--out', at(`${role}.json`));
        await run('key', 'public', '--as', at(`${role}.json`), '--out', at(`${role}.pub`));
        await enrolByTwo(mustRun, administrators, { half: at(`${role}.pub`), person: role, role });
      }
      const { stdout: recipient } = await runGriffie(['key', 'recipient', '--out', at('identity.txt')]);
      const order = {
        regime: 'NL_DOMESTIC',
        type: 'produce',
        legalBasis: 'Sv 126n',
        dataCategory: 'traffic',
        issuingState: 'NL',
        issuer: { authority: 'Parket', role: 'public_prosecutor', fileReference: '1/2' },
        validatedBy: { name: 'RC', role: 'examining_judge' },
        addressee: 'Example',
        scope: {
          targets: [
            { kind: 'address', value: 'plantedperson@example.nl' },
            { kind: 'ip', value: '198.51.100.213' },
          ],
          from: '2026-11-01T00:00:00Z',
          to: '2026-12-01T00:00:00Z',
          categories: [
            'sender',
            'recipient',
            'session',
            'retrievalIp',
            'service',
            'originHost',
            'deliveryHost',
          ],
        },
        recipients: [{ name: 'Parket', encryptionKey: recipient.trim() }],
        issuedAt: '2026-11-20T00:00:00Z',
        receivedAt: new Date().toISOString(),
        validUntil: '2100-01-01T00:00:00Z',
      };
      await writeFile(at('order.json'), JSON.stringify(order));
      await writeFile(
        at('bad-order.json'),
        JSON.stringify({ ...order, validatedBy: undefined, legalBasis: undefined }),
      );
      await writeFile(at('order.pdf'), '%PDF-1.4\n% plantedperson@example.nl\nstartxref\n0\n%%EOF\n');
      const record = (file: string) =>
        run(
          'order',
          'record',
          '--as',
          at('registrar.json'),
          '--order',
          at(file),
          '--document',
          at('order.pdf'),
          '--json',
        );
      expect((await record('bad-order.json')).code).toBe(1);
      const { orderId } = JSON.parse((await record('order.json')).stdout);
      const officer = ['--as', at('officer.json'), '--order', orderId];
      expect((await run('disclosure', 'request', ...officer)).code).toBe(1);
      expect((await run('order', 'approve', orderId, '--as', at('reviewer.json'))).code).toBe(0);
      expect(
        (await run('disclosure', 'request', ...officer, '--target', 'address=plantedpartner@example.org'))
          .code,
      ).toBe(1);
      expect((await run('disclosure', 'request', ...officer, '--wait', '--json')).code).toBe(0);
      for (const command of ['status', 'sources']) await run(command, '--data', data(), '--json');
      for (const id of ['postfix-log', 'dovecot-log'])
        await run('sources', '--data', data(), '--not-understood', id, '--json');
      expect(await griffie.end('SIGTERM')).toBe(0);
    }, 120_000);
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('the lines were read: persons are in the store, and the refusals were recorded', async () => {
      const text = await storeAsText(join(data(), 'engine'));
      for (const person of personal) expect(text).toContain(person);
      expect(text).toContain('sha256:');
      expect(answers.join('')).toContain('postfix-log');
    });

    it('no content in the store, in any table', async () => {
      const text = await storeAsText(join(data(), 'engine'));
      for (const [where, planted] of Object.entries(content))
        expect(text.includes(planted), where).toBe(false);
    });

    it('no content in any file that Griffie wrote', async () => {
      for (const file of await filesUnder(data())) {
        const bytes = await readFile(file);
        for (const planted of Object.values(content)) expect(bytes.includes(planted), file).toBe(false);
      }
    });

    it('no person in any file but the collector’s', async () => {
      const files = (await filesUnder(data())).filter((file) => !file.includes('/data/collector/'));
      expect(files.some((file) => file.includes('/engine/encrypted/store/'))).toBe(true);
      expect(files.some((file) => file.includes('/ledger/tile/entries/'))).toBe(true);
      expect(files.some((file) => file.includes('/cases/'))).toBe(true);
      expect(files.some((file) => file.endsWith('/manifest.tlog-proof'))).toBe(true);
      for (const file of files) {
        const bytes = await readFile(file);
        for (const person of personal) expect(bytes.includes(person), file).toBe(false);
      }
    });

    it('neither in the log, in the status, nor in what the service answered', () => {
      const said = `${griffie.output()}${answers.join('')}`;
      for (const planted of [...Object.values(content), ...personal]) expect(said).not.toContain(planted);
    });

    async function storeAsText(engine: string): Promise<string> {
      const { database } = await openEncryptedDatabase({
        folder: engine,
        keyFolder: keyFolderOf(data()),
        now: Date.now(),
      });
      let text = '';
      try {
        for (const table of ['traffic', 'rejected']) {
          for await (const rows of database.rows({
            text: `SELECT * FROM ${table} FORMAT JSONEachRow`,
            parameters: {},
          })) {
            text += JSON.stringify(rows);
          }
        }
      } finally {
        await database.close();
      }
      return text;
    }
  },
);
