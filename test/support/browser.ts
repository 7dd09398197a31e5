import { existsSync } from 'node:fs';
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core';
import { audience, type TestService } from './test-service.ts';

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

/** What is missing for tests in a browser; null where nothing is. */
export const browserLack: string | null = program === undefined ? 'Chromium is not installed' : null;

export interface TestBrowser {
  readonly page: Page;
  /** Chrome's own protocol, which has the virtual authenticators. */
  readonly devtools: CDPSession;
  close(): Promise<void>;
}

/** A real browser that reaches the service under its public URL, without a network. */
export async function openBrowser({ service }: TestService): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({
    ...(program === undefined ? {} : { executablePath: program }),
    args: ['--no-sandbox', '--disable-gpu'],
  });
  const page = await browser.newPage();
  await page.route('**/*', async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    if (url.origin !== audience) return route.abort();
    const body = request.postDataBuffer();
    const answer = await service.app.inject({
      method: request.method() === 'POST' ? 'POST' : 'GET',
      url: url.pathname + url.search,
      headers: await request.allHeaders(),
      ...(body ? { payload: body } : {}),
    });
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
    );
    return route.fulfill({ status: answer.statusCode, headers, body: answer.rawPayload });
  });
  return { page, devtools: await page.context().newCDPSession(page), close: () => browser.close() };
}
