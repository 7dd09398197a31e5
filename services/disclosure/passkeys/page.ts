/*
 * A page to register a passkey and to sign requests with it. It is small on purpose: what it does for a
 * browser, a program of the operator's may do in its own pages.
 */

export const pageHtml = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Griffie: passkeys</title>
<meta name="viewport" content="width=device-width">
<h1>Passkeys</h1>
<form id="register">
  <h2>Register</h2>
  <label>Credential id, agreed with your administrators <input name="credentialId" required></label>
  <button>Make a passkey</button>
  <p>Give the result to two administrators, and tell them the thumbprint by another channel.</p>
</form>
<form id="sign">
  <h2>Ask</h2>
  <label>Public key file of your passkey <textarea name="key" rows="6" cols="60" required></textarea></label>
  <label>Method <select name="method"><option>GET</option><option>POST</option></select></label>
  <label>Path <input name="path" value="/v1/orders" required></label>
  <label>Body, JSON <textarea name="body" rows="4" cols="60"></textarea></label>
  <button>Sign and send</button>
</form>
<h2>Result</h2>
<pre id="result"></pre>
<script src="/passkeys.js"></script>
</html>
`;

export const pageScript = `'use strict';
const text = new TextEncoder();
const b64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const unb64 = (value) => Uint8Array.from(atob(value.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()));
const call = async (path, init) => {
  const response = await fetch(path, init);
  const body = await response.text();
  if (!response.ok) throw new Error(response.status + ' ' + body);
  return body;
};
// The service's clock, because this computer's may be wrong.
const nonceOf = async () => JSON.parse(await call('/v1/nonces', { method: 'POST' }));
const seconds = (now) => Math.floor(Date.parse(now) / 1000);
const audience = async () => JSON.parse(await call('/v1/service')).audience;

/** Makes a passkey for a credential id: what two administrators enrol. */
async function register(credentialId) {
  const claims = text.encode(JSON.stringify({ iss: credentialId, aud: await audience(), iat: seconds((await nonceOf()).now) }));
  const challenge = await sha256(text.encode('griffie-enrolment/v1\\n'), claims);
  const { rawId, response } = await navigator.credentials.create({ publicKey: {
    challenge,
    rp: { name: 'Griffie', id: location.hostname },
    user: { id: crypto.getRandomValues(new Uint8Array(16)), name: credentialId, displayName: credentialId },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }, { type: 'public-key', alg: -8 }],
    authenticatorSelection: { userVerification: 'required', residentKey: 'preferred' },
    attestation: 'direct',
  } });
  const algorithm = response.getPublicKeyAlgorithm() === -7 ? 'ES256' : 'EdDSA';
  const name = algorithm === 'ES256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' };
  const key = await crypto.subtle.importKey('spki', response.getPublicKey(), name, true, ['verify']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key);
  const publicKey = { kty, crv, x, ...(y === undefined ? {} : { y }) };
  // RFC 7638: the members in the order of their names.
  const thumbprint = b64(await sha256(text.encode(JSON.stringify({ crv, ...publicKey }))));
  // A registration alone need not be signed by the key: it signs for its enrolment as well.
  const { response: held } = await navigator.credentials.get({ publicKey: {
    challenge,
    rpId: location.hostname,
    allowCredentials: [{ type: 'public-key', id: rawId }],
    userVerification: 'required',
  } });
  const possession = [
    text.encode('griffie-passkey+registration'), claims, response.clientDataJSON, response.attestationObject,
    held.authenticatorData, held.clientDataJSON, held.signature,
  ];
  return { credentialId, algorithm, publicKey, thumbprint, possession: possession.map(b64).join('.') };
}

/** Signs a request with the passkey of a public key file, and sends it. */
async function ask({ credentialId, algorithm, thumbprint, possession }, method, path, body) {
  const bytes = text.encode(body);
  const { nonce, now } = await nonceOf();
  const aud = await audience();
  const claims = text.encode(JSON.stringify({
    iss: credentialId, aud, htm: method, htu: new URL(path, aud).href, iat: seconds(now),
    jti: nonce, bdh: b64(await sha256(bytes)),
  }));
  const { response } = await navigator.credentials.get({ publicKey: {
    challenge: await sha256(text.encode('griffie-request/v1\\n'), unb64(nonce), await sha256(claims)),
    rpId: location.hostname,
    allowCredentials: [{ type: 'public-key', id: idOf(possession) }],
    userVerification: 'required',
  } });
  const header = text.encode(JSON.stringify({ typ: 'griffie-passkey+request', alg: algorithm, kid: thumbprint }));
  const proof = [header, claims, response.authenticatorData, response.clientDataJSON, response.signature];
  const headers = { 'griffie-proof': proof.map(b64).join('.'), ...(body ? { 'content-type': 'application/json' } : {}) };
  return call(path, { method, headers, ...(body ? { body: bytes } : {}) });
}

/** The credential id in a registration: it stands in the authenticator data, 55 bytes after their beginning. */
function idOf(possession) {
  const object = unb64(possession.split('.')[3]);
  const name = text.encode('authData');
  const at = object.findIndex((_, i) => name.every((byte, j) => object[i + j] === byte)) + name.length;
  // CBOR: a byte string of 1 or 2 bytes of length (RFC 8949, section 3.1).
  const data = object.subarray(at + (object[at] === 0x58 ? 2 : 3));
  return data.slice(55, 55 + data[53] * 256 + data[54]);
}

const show = (value) => { document.querySelector('#result').textContent = value; };
const onSubmit = (id, run) => document.querySelector(id).addEventListener('submit', (event) => {
  event.preventDefault();
  show('');
  run(Object.fromEntries(new FormData(event.target))).then(show, (error) => show(String(error)));
});
onSubmit('#register', async ({ credentialId }) => JSON.stringify(await register(credentialId), null, 2));
onSubmit('#sign', ({ key, method, path, body }) => ask(JSON.parse(key), method, path, body));
`;
