import { packageLimits as limits } from './limits.ts';

/**
 * The text of VERIFY.txt. The same for every package with so many parts; its digest is in the manifest. A
 * test runs its commands as they stand here.
 */
export function verifyText(recordParts: number): string {
  return `How to check this package without Griffie
==========================================

You need: tar, age (age-encryption.org), openssl 3, jq, sha256sum, awk; and
  key.txt   the age identity of a recipient that the order named (AGE-SECRET-KEY-1...)
  X         member "x" of the operator's public disclosure key (a JWK, Ed25519)
Get the disclosure key from the operator or from the ledger, never from whoever
brought you the package. The commands are for a POSIX shell, in an empty folder.

1. Unpack. ${recordParts === 0 ? 'This package has no part with records.' : `Records are in parts/0001.ndjson.age ... parts/${String(recordParts).padStart(4, '0')}.ndjson.age.`}

  tar -xf package.tar

2. Decrypt. age proves that a file is whole, not who wrote it: go on with step 3
   before you rely on anything in it.

  age -d -i key.txt -o manifest.jws manifest.jws.age
  for f in parts/*.age; do age -d -i key.txt -o "\${f%.age}" "$f"; done

3. Check who signed the manifest (a compact JWS, RFC 7515, EdDSA, RFC 8037).
   The answer must be "Signature Verified Successfully", and the header must be
   {"typ":"griffie-manifest+jws","alg":"EdDSA","kid":"..."} with the disclosure
   key's kid (RFC 7638) in it.

  b64url() { tr -d '\\n' | awk '{ gsub(/-/, "+"); gsub(/_/, "/"); while (length($0) % 4) $0 = $0 "="; print }' | base64 -d; }
  { printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'; printf %s "$X" | b64url; } > disclosure-key.der
  openssl pkey -pubin -inform DER -in disclosure-key.der -out disclosure-key.pem
  cut -d. -f1,2 manifest.jws | tr -d '\\n' > signed
  cut -d. -f3 manifest.jws | b64url > signature
  openssl pkeyutl -verify -pubin -inkey disclosure-key.pem -rawin -in signed -sigfile signature
  cut -d. -f1 manifest.jws | b64url

4. Check every part, encrypted and decrypted, and this text. Each line must end
   in "OK". Then compare the two numbers of records.

  cut -d. -f2 manifest.jws | b64url > manifest.json
  jq -r '.parts[] | .encryptedSha256 + "  " + .name' manifest.json | sha256sum -c
  jq -r '.parts[] | .sha256 + "  " + (.name | rtrimstr(".age"))' manifest.json | sha256sum -c
  jq -r '.verifyTextSha256 + "  VERIFY.txt"' manifest.json | sha256sum -c
  jq .records manifest.json; cat parts/*.ndjson 2>/dev/null | wc -l

   In manifest.json, "completeness" says whether anything is missing and why, and
   "query" what was searched for. A part of records has at most ${limits.partBytes} bytes.

5. Check that the release was entered in the ledger before the package left.
   manifest.tlog-proof (c2sp.org/tlog-proof) holds the entry, as its "extra"
   line, and proves that this entry is in the tree that the log's checkpoint
   signs. The entry must name the digest of manifest.jws.age: the third command
   must print 1. The last one is a Go program (below, as receipt.go, in a module
   that requires golang.org/x/mod) over the packages that Go itself checks
   modules with. VKEY is the log's verifier key, obtained like X.

  sed -n 's/^extra //p' manifest.tlog-proof | base64 -d > entry.json
  cat entry.json; echo
  grep -c "$(sha256sum < manifest.jws.age | cut -d' ' -f1)" entry.json
  go run receipt.go "$VKEY" manifest.tlog-proof entry.json

----- receipt.go -----
package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println("NOT VERIFIED:", err)
		os.Exit(1)
	}
	return value
}

func hash(text string) (h tlog.Hash) {
	copy(h[:], must(base64.StdEncoding.DecodeString(text)))
	return h
}

func main() {
	verifier := must(note.NewVerifier(os.Args[1]))
	head, signed, _ := strings.Cut(string(must(os.ReadFile(os.Args[2]))), "\\n\\n")
	checkpoint := must(note.Open([]byte(signed), note.VerifierList(verifier)))
	fields := strings.Split(checkpoint.Text, "\\n")
	size := must(strconv.ParseInt(fields[1], 10, 64))
	var proof tlog.RecordProof
	index := int64(-1)
	for _, line := range strings.Split(head, "\\n")[1:] {
		if number, found := strings.CutPrefix(line, "index "); found {
			index = must(strconv.ParseInt(number, 10, 64))
		} else if !strings.HasPrefix(line, "extra ") {
			proof = append(proof, hash(line))
		}
	}
	leaf := tlog.RecordHash(must(os.ReadFile(os.Args[3])))
	must(0, tlog.CheckRecord(proof, size, hash(fields[2]), index, leaf))
	fmt.Printf("verified: entry %d of %d, log %s\\n", index, size, fields[0])
}
`;
}
