import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { AnchorFileError, checkDocumentSignature, mediaTypeOf, readAnchors } from '#shared/order-document';
import { makeDocumentSigning, plainPdf } from '../../support/signed-documents.ts';
import { makeFolder } from '../cli/support.ts';

/* Documents signed by OpenSSL, as they come and changed. */

const signing = makeDocumentSigning();
const folder = makeFolder();
afterAll(() => {
  signing.remove();
  folder.remove();
});
const prosecutor = signing.signer('prosecutor');
const anchors = { certificates: [signing.der(signing.authority)] };
const none = { certificates: [] };
const order = Buffer.from('the order\n');
const pdf = plainPdf();
const signedPdf = signing.signPdf(pdf, prosecutor);

const judge = (bytes: Uint8Array, trusted = anchors, at = Date.now()) => {
  const type = mediaTypeOf(bytes);
  if (type === null) throw new Error('no document');
  return checkDocumentSignature(type, bytes, trusted, at);
};

describe('what a document is, is told by its content', () => {
  const cms = signing.cms(order, prosecutor);
  it.each<[string, Uint8Array, string | null]>([
    ['a PDF', pdf, 'application/pdf'],
    ['a signed PDF', signedPdf, 'application/pdf'],
    ['a CMS', cms, 'application/pkcs7-mime'],
    ['XML', Buffer.from('<?xml version="1.0"?>\n<order/>\n'), 'application/xml'],
    ['XML without a declaration', Buffer.from('\ufeff<order>€</order>'), 'application/xml'],
    ['a PDF that was cut off', pdf.subarray(0, -8), null],
    ['a PDF without its beginning', pdf.subarray(1), null],
    ['a PDF of another version', Buffer.from(pdf.toString('latin1').replace('1.7', '9.7'), 'latin1'), null],
    ['a script that says it is a PDF', Buffer.from('%PDF-1.7\nalert(1)\n'), null],
    ['a CMS that was cut off', cms.subarray(0, -1), null],
    ['a CMS with something after it', Buffer.concat([cms, Buffer.from('x')]), null],
    ['a certificate', Buffer.from(signing.der(prosecutor)), null],
    ['XML with entities', Buffer.from('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), null],
    ['XML in another encoding', Buffer.from([0x3c, 0x61, 0xff, 0x3e]), null],
    ['an HTML page', Buffer.from('<!doctype html><p>'), null],
    ['a ZIP file', Buffer.from('PK\u0003\u0004'), null],
    ['nothing', Buffer.alloc(0), null],
  ])('%s', (_name, bytes, type) => expect(mediaTypeOf(bytes)).toBe(type));

  it('property: whatever the bytes, there is an answer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 64 }),
          fc.tuple(fc.nat({ max: signedPdf.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
            const changed = Buffer.from(signedPdf);
            changed[at] = byte;
            return changed;
          }),
        ),
        async (bytes) => {
          const type = mediaTypeOf(bytes);
          if (type === null) return;
          const { state } = await checkDocumentSignature(type, bytes, anchors, Date.now());
          if (state === 'valid') expect(Buffer.from(bytes).equals(signedPdf)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a CMS', () => {
  it.each<[string, () => Buffer]>([
    ['ECDSA', () => signing.cms(order, prosecutor)],
    ['RSA', () => signing.cms(order, signing.signer('rsa', { rsa: true }))],
    [
      'RSA-PSS',
      () =>
        signing.cms(order, signing.signer('pss', { rsa: true }), {
          args: ['-keyopt', 'rsa_padding_mode:pss'],
        }),
    ],
    ['SHA-512', () => signing.cms(order, prosecutor, { args: ['-md', 'sha512'] })],
    ['no signed attributes', () => signing.cms(order, prosecutor, { args: ['-noattr'] })],
  ])('by %s is valid, where it leads to an anchor', async (_name, make) => {
    const bytes = make();
    expect(await judge(bytes)).toMatchObject({ state: 'valid', signers: [expect.any(String)] });
    expect(await judge(bytes, none)).toMatchObject({
      state: 'indeterminate',
      reason: 'signature.no_anchors',
    });
  });

  it('of which the content was changed is invalid', async () => {
    const bytes = signing.cms(order, prosecutor);
    const changed = Buffer.from(bytes);
    changed.write('the 0rder', bytes.indexOf('the order'), 'latin1');
    for (const trusted of [anchors, none]) {
      expect(await judge(changed, trusted)).toEqual({ state: 'invalid', reason: 'signature.wrong' });
    }
  });

  it.each<[string, () => Buffer, number]>([
    ['of another authority', () => signing.cms(order, makeOther().signer('stranger')), 0],
    [
      'by a certificate that a person issued',
      () =>
        signing.cms(order, signing.signer('by-person', { by: prosecutor }), {
          args: ['-certfile', prosecutor.cert],
        }),
      0,
    ],
    [
      'by a key for encryption only',
      () =>
        signing.cms(order, signing.signer('encryption', { extensions: 'keyUsage=critical,keyEncipherment' })),
      0,
    ],
    ['after its certificate had ended', () => signing.cms(order, prosecutor), 400 * 86_400_000],
    ['before its certificate began', () => signing.cms(order, prosecutor), -86_400_000],
  ])('%s leads to no anchor', async (_name, make, later) => {
    const bytes = make();
    expect(await judge(bytes, anchors, Date.now() + later)).toMatchObject({
      state: 'indeterminate',
      reason: 'signature.not_trusted',
    });
  });
  const others: ReturnType<typeof makeDocumentSigning>[] = [];
  const makeOther = () => {
    const other = makeDocumentSigning();
    others.push(other);
    return other;
  };
  afterAll(() => {
    for (const other of others) other.remove();
  });

  it('of which the digest is too weak, or the content is not there, cannot be judged', async () => {
    const weak = signing.cms(order, prosecutor, { args: ['-md', 'sha1'] });
    expect(await judge(weak)).toEqual({ state: 'indeterminate', reason: 'signature.unsupported' });
    const empty = signing.cms(order, prosecutor, { detached: true });
    expect(await judge(empty)).toEqual({ state: 'indeterminate', reason: 'signature.no_content' });
  });
});

describe('a PDF', () => {
  it('that nobody signed is unsigned', async () => {
    expect(await judge(pdf)).toEqual({ state: 'unsigned' });
  });

  it('that is signed whole is valid; with a second signature, too', async () => {
    expect(await judge(signedPdf)).toEqual({ state: 'valid', signers: ['prosecutor'] });
    const twice = signing.signPdf(signedPdf, signing.signer('examining judge'));
    expect(await judge(twice)).toEqual({ state: 'valid', signers: ['prosecutor', 'examining judge'] });
    const adobe = signing.signPdf(pdf, prosecutor, { filter: 'adbe.pkcs7.detached' });
    expect((await judge(adobe)).state).toBe('valid');
  });

  it('with any byte changed that was signed is not valid', async () => {
    const begin = signedPdf.indexOf('/Contents <');
    for (let at = 10; at < begin; at += 37) {
      const changed = Buffer.from(signedPdf);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect((await judge(changed)).state, `byte ${at}`).not.toBe('valid');
    }
  });

  it('to which something was added after the signature is not valid', async () => {
    const added = Buffer.concat([signedPdf, pdf]);
    expect(await judge(added)).toEqual({ state: 'indeterminate', reason: 'signature.changed_after' });
  });

  it('of which the signature leaves bytes out beside itself is invalid', async () => {
    const text = signedPdf.toString('latin1');
    const [range = ''] = /\/ByteRange \[[^\]]+\]/.exec(text) ?? [];
    const [, length, after, rest] = /\[0 (\d+) (\d+) (\d+)\]/.exec(range) ?? [];
    const write = (a: number, b: number, c: number): Buffer => {
      const numbers = [a, b, c].map((n) => String(n).padStart(10, '0')).join(' ');
      return Buffer.from(text.replace(range, `/ByteRange [0 ${numbers}]`), 'latin1');
    };
    const [l, a, r] = [Number(length), Number(after), Number(rest)];
    for (const wrapped of [
      write(l - 10, a, r),
      write(l, a + 10, r - 10),
      write(l, a, r + 1),
      write(a, l, r),
    ]) {
      expect((await judge(wrapped)).state).toBe('invalid');
    }
    const hidden = Buffer.from(text.replace('/ByteRange [', '/ByteRange 9 0 R ['), 'latin1');
    expect(await judge(hidden)).toEqual({ state: 'invalid', reason: 'signature.malformed' });
  });

  it('of which the signature is about content of its own is invalid', async () => {
    const own = signing.signPdf(pdf, prosecutor, { withContent: true });
    expect(await judge(own)).toEqual({ state: 'invalid', reason: 'signature.malformed' });
  });

  it('with a signature of another kind cannot be judged', async () => {
    const other = signing.signPdf(pdf, prosecutor, { filter: 'adbe.pkcs7.sha1' });
    expect(await judge(other)).toEqual({ state: 'indeterminate', reason: 'signature.unsupported' });
  });
});

it('XML is judged as far as it is: signed or not', async () => {
  expect(await judge(Buffer.from('<order/>'))).toEqual({ state: 'unsigned' });
  const signed = '<order><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></order>';
  expect(await judge(Buffer.from(signed))).toEqual({ state: 'indeterminate', reason: 'signature.xml' });
});

it('anchors are certificates in PEM, at least one, all readable', async () => {
  expect((await readAnchors(signing.authority.cert)).certificates).toHaveLength(1);
  const file = folder.path('anchors.pem');
  for (const content of ['', 'none', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
    writeFileSync(file, content);
    await expect(readAnchors(file)).rejects.toThrow(AnchorFileError);
  }
  await expect(readAnchors(folder.path('absent.pem'))).rejects.toThrow(AnchorFileError);
});
