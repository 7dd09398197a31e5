import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithMailServers } from '../../support/mail-servers/describe.ts';
import { ImapClient, Pop3Client, startMailServers } from '../../support/mail-servers/index.ts';
import { freePorts } from '../../support/mail-servers/ports.ts';
import { newFolder, startHook, until } from './webhook-support.ts';

const user = { address: 'alice@example.nl', password: 'planted-password' };
const secret = 'griffie:a-password-in-the-url';

/** As the guide for operators says, with Dovecot 2.3's words. */
const exporter = (port: number): string => `
event_exporter griffie {
  format = json
  format_args = time-rfc3339
  transport = http-post
  transport_args = http://${secret}@127.0.0.1:${port}/v1/sources/hook/events
  transport_timeout = 2 secs
}
metric griffie_login {
  exporter = griffie
  filter = event=auth_request_finished
}
metric griffie_logout {
  exporter = griffie
  filter = event=mail_user_session_finished
}
metric griffie_imap_fetch {
  exporter = griffie
  filter = event=imap_command_finished
}
metric griffie_pop3_retr {
  exporter = griffie
  filter = event=pop3_command_finished
}
`;

describeWithMailServers('a real Dovecot that posts its events', () => {
  it('has its logins, failed logins and logouts told, each once, and no content', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'secrets'));
    await writeFile(join(folder, 'secrets/url'), `${secret}\n`);
    const [port = 0] = await freePorts(1);
    const hook = await startHook(
      {
        listen: `127.0.0.1:${port}`,
        software: 'dovecot',
        format: 'dovecot-events',
        secrets: [{ scheme: 'basic', file: join(folder, 'secrets/url') }],
      },
      { folder },
    );
    const servers = await startMailServers({
      hostName: 'mx1.example.nl',
      domains: ['example.nl'],
      users: [user],
      dovecot: exporter(port),
    });
    try {
      const sessions = 10;
      for (let i = 0; i < sessions; i++) {
        const credentials = { user: user.address, password: user.password };
        if (i % 2 === 0) {
          await ImapClient.open({ port: servers.ports.imap, ...credentials, password: 'wrong' });
        }
        const imap = await ImapClient.open({ port: servers.ports.imap, ...credentials });
        await imap?.logout();
        const pop3 = await Pop3Client.open({ port: servers.ports.pop3, ...credentials });
        await pop3?.quit();
      }
      const count = (type: string) => hook.publisher.events.filter((event) => event.type === type).length;
      await until(
        () =>
          count('session.login') >= 2 * sessions &&
          count('session.logout') >= 2 * sessions &&
          count('session.login_failed') >= sessions / 2,
        40,
      ).catch(() => {});
      const told = JSON.stringify([hook.status(), hook.publisher.events.map(({ type }) => type)]);
      expect([count('session.login'), count('session.logout'), count('session.login_failed')], told).toEqual([
        2 * sessions,
        2 * sessions,
        sessions / 2,
      ]);
      expect(hook.status()).toMatchObject({ notUnderstood: {}, repeated: 0, requests: { refused: {} } });
      for (const event of hook.publisher.events) {
        expect(event).toMatchObject({ clientIp: '127.0.0.1', recipientUser: user.address });
        expect(JSON.stringify(event)).not.toContain('planted');
      }
      const logouts = hook.publisher.events.filter(({ type }) => type === 'session.logout');
      expect(logouts.every(({ correlation }) => correlation === 'complete')).toBe(true);
    } finally {
      await servers.stop();
      await hook.stop();
    }
  }, 180_000);
});
