import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orderSteps, outcomeOf, replayed } from '../support/order-steps.ts';
import { makeDocumentSigning, plainPdf } from '../support/signed-documents.ts';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

/* The document that comes with an order, as the service takes it. */

const signing = makeDocumentSigning();
const days = 36_000;
const prosecutor = signing.signer('prosecutor-by-name', { days });
const signedPdf = signing.signPdf(plainPdf(), prosecutor);
const p7m = signing.cms(Buffer.from('the order\n'), prosecutor);

let t: TestService;
let registrar: Person;
beforeAll(async () => {
  t = await startTestService({ documentAnchors: { certificates: [signing.der(signing.authority)] } });
  registrar = await t.enrol('registrar');
});
afterAll(async () => {
  signing.remove();
  await t.stop();
});

const record = (mediaType: string, bytes: Buffer) =>
  registrar.call('POST', '/v1/orders', {
    body: { order: t.orderDraft(), document: { mediaType, content: bytes.toString('base64') } },
  });

describe('the document of an order', () => {
  const altered = Buffer.from(signedPdf);
  altered.write('/MediaBox [0 0 595 843]', signedPdf.indexOf('/MediaBox'), 'latin1');

  it.each<[string, string, Buffer, object]>([
    ['a signed PDF', 'application/pdf', signedPdf, { state: 'valid' }],
    [
      'a signed PDF that was altered',
      'application/pdf',
      altered,
      { state: 'invalid', reason: 'signature.wrong' },
    ],
    ['a PDF', 'application/pdf', plainPdf(), { state: 'unsigned' }],
    ['a signed CMS', 'application/pkcs7-mime', p7m, { state: 'valid' }],
    ['XML', 'application/xml', Buffer.from('<order/>'), { state: 'unsigned' }],
  ])(
    '%s is kept as it came, with what its signature is worth',
    async (_name, mediaType, bytes, signature) => {
      const answer = await record(mediaType, bytes);
      expect(answer.status).toBe(201);
      expect(answer.body.documentSignature).toEqual(signature);
      const path = `/v1/orders/${answer.body.orderId}`;
      const kept = await registrar.call('GET', `${path}/document`);
      expect([kept.headers['content-type'], kept.bytes.equals(bytes)]).toEqual([mediaType, true]);
      // It is recorded, not a gate: the reviewer decides.
      const reviewer = await t.enrol('reviewer');
      expect(outcomeOf(await orderSteps(answer.body.orderId).take(reviewer, 'approval'))).toBe('Approved');
    },
  );

  it.each<[string, string, Buffer]>([
    ['a CMS under the name of a PDF', 'application/pdf', p7m],
    ['a PDF under the name of a CMS', 'application/pkcs7-mime', signedPdf],
    ['a PDF under the name of XML', 'application/xml', signedPdf],
    ['a PDF that was cut off', 'application/pdf', signedPdf.subarray(0, -20)],
    ['a program', 'application/pdf', Buffer.from('\u007fELF')],
    ['XML with a DTD', 'application/xml', Buffer.from('<!DOCTYPE a><a/>')],
    [
      'more than eight MiB',
      'application/pdf',
      Buffer.concat([Buffer.alloc(8 * 1024 * 1024, 0x20), plainPdf()]),
    ],
  ])('%s is refused', async (_name, mediaType, bytes) => {
    const answer = await record(mediaType, bytes);
    expect(answer.status).toBe(422);
    expect(['order.document', 'request.invalid']).toContain(answer.body.code);
  });
});

it('the ledger names no signer, and its decisions follow', async () => {
  const text = JSON.stringify(await t.entries());
  expect(text).toContain('"documentSignature":{"state":"valid"}');
  expect(text).not.toContain('prosecutor-by-name');
  expect((await replayed(t)).problems).toEqual([]);
});
