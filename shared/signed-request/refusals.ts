/** Why a signed request is refused → what its sender can do. The names are stable; nothing is ever reused. */
export const proofRefusals = {
  'proof.missing': 'Send the header Griffie-Proof with a signed request; `griffie` does this by itself.',
  'proof.too_long': 'Shorten the URL; a signed request has at most 8,192 characters.',
  'proof.malformed':
    'Send a compact JWS: three base64url segments without padding, line breaks or repeated members.',
  'proof.header':
    'Put exactly alg, kid and typ in the protected header; keys are enrolled, never sent along.',
  'proof.type': 'Set typ to griffie-proof+jwt.',
  'proof.algorithm': 'Sign with the algorithm that the key was enrolled for.',
  'proof.key_unknown': 'Ask the administrator to enrol this key; its kid is its RFC 7638 thumbprint.',
  'proof.key_revoked': 'This key was revoked; ask the administrator to enrol a new one.',
  'proof.key_unconfirmed': 'Ask another administrator than the one who enrolled this key to confirm it.',
  'proof.key_expired': 'This key is outside its validity; ask the administrator to enrol a new one.',
  'proof.certificate':
    'The certificate of this key leads to an authority that this service trusts no more; ask the administrators.',
  'proof.certificate_held':
    'The authority has put the certificate of this key on hold; ask it, or the administrators.',
  'proof.revocation_unknown':
    'This service has no current revocation list for the certificate of this key; ask its operator for one.',
  'proof.signature': 'The signature does not verify with the enrolled key; sign the request again with it.',
  'proof.claims': 'Put exactly iss, aud, htm, htu, iat, jti and bdh in the claims, each in its own form.',
  'proof.credential': 'Set iss to the id of the credential that the key belongs to.',
  'proof.audience': "Set aud to this service's public URL, exactly as its operator configured it.",
  'proof.method': 'Set htm to the method of the request, in capitals.',
  'proof.url':
    'Set htu to the full URL of the request with its query, without fragment, as a URL parser writes it.',
  'proof.stale':
    'Sign anew and send at once; a signed request lives 60 seconds. Check this computer’s clock.',
  'proof.future': 'The request is signed in the future; set this computer’s clock.',
  'proof.body':
    'Set bdh to the base64url SHA-256 of the exact body bytes; the body was altered after signing.',
  'proof.nonce':
    'Fetch a nonce with POST /v1/nonces and sign with it as jti at once; it is good for two minutes.',
  'proof.replayed': 'This signed request was used before; sign each request anew, with a jti of its own.',
} as const satisfies Record<string, string>;

export type ProofRefusalCode = keyof typeof proofRefusals;
