// Reads what Griffie signs with Go's own libraries, golang.org/x/mod/sumdb/note and .../tlog, and with
// github.com/transparency-dev/formats. Nothing of Griffie is in it.
//
//	verify note FILE VKEY...   opens a signed note and prints what it says and who signed it, as JSON
//	verify proofs              reads proofs from standard input, a JSON object a line, and prints
//	                           "ok" or "bad" for each
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/transparency-dev/formats/log"
	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 2 && args[0] == "note":
		return readNote(args[1], args[2:])
	case len(args) == 1 && args[0] == "proofs":
		return checkProofs()
	}
	return errors.New("usage: verify note FILE VKEY... | verify proofs")
}

type signature struct {
	Name string `json:"name"`
	// Seconds since the epoch, of a cosignature.
	Time int64 `json:"time,omitempty"`
}

type opened struct {
	Origin   string      `json:"origin"`
	Size     uint64      `json:"size"`
	Root     []byte      `json:"root"`
	Rest     string      `json:"rest"`
	Verified []signature `json:"verified"`
	Unknown  []string    `json:"unknown"`
}

// verifierOf makes a verifier of the library's own: of a plain Ed25519 key by x/mod, of a cosignature key
// (type 4), which x/mod does not know, by transparency-dev/formats.
func verifierOf(vkey string) (v note.Verifier, isCosigner bool, err error) {
	if v, err = note.NewVerifier(vkey); err == nil {
		return v, false, nil
	}
	v, err = f_note.NewVerifierForCosignatureV1(vkey)
	return v, true, err
}

func readNote(file string, vkeys []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var verifiers []note.Verifier
	cosigners := map[uint32]bool{}
	for _, vkey := range vkeys {
		v, isCosigner, err := verifierOf(vkey)
		if err != nil {
			return fmt.Errorf("%s: %w", vkey, err)
		}
		verifiers = append(verifiers, v)
		cosigners[v.KeyHash()] = isCosigner
	}
	n, err := note.Open(text, note.VerifierList(verifiers...))
	if err != nil {
		return err
	}
	var checkpoint log.Checkpoint
	rest, err := checkpoint.Unmarshal([]byte(n.Text))
	if err != nil {
		return err
	}
	out := opened{
		Origin: checkpoint.Origin, Size: checkpoint.Size, Root: checkpoint.Hash, Rest: string(rest),
		Verified: []signature{}, Unknown: []string{},
	}
	for _, s := range n.Sigs {
		found := signature{Name: s.Name}
		if cosigners[s.Hash] {
			at, err := f_note.CoSigV1Timestamp(s)
			if err != nil {
				return err
			}
			found.Time = at.Unix()
		}
		out.Verified = append(out.Verified, found)
	}
	for _, s := range n.UnverifiedSigs {
		out.Unknown = append(out.Unknown, s.Name)
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// proof is of inclusion where it has a leaf, of consistency where it has a first root.
type proof struct {
	Index     int64    `json:"index"`
	Leaf      []byte   `json:"leaf"`
	First     int64    `json:"first"`
	FirstRoot []byte   `json:"firstRoot"`
	Size      int64    `json:"size"`
	Root      []byte   `json:"root"`
	Proof     [][]byte `json:"proof"`
}

func checkProofs() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		var p proof
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return err
		}
		if err := p.check(); err != nil {
			fmt.Fprintln(out, "bad")
		} else {
			fmt.Fprintln(out, "ok")
		}
	}
	return lines.Err()
}

func (p proof) check() (err error) {
	// tlog panics at sizes that make no sense.
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%v", fault)
		}
	}()
	hashes := make([]tlog.Hash, len(p.Proof))
	for i, bytes := range p.Proof {
		if hashes[i], err = hashOf(bytes); err != nil {
			return err
		}
	}
	root, err := hashOf(p.Root)
	if err != nil {
		return err
	}
	if p.Leaf != nil {
		leaf, err := hashOf(p.Leaf)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(hashes, p.Size, root, p.Index, leaf)
	}
	first, err := hashOf(p.FirstRoot)
	if err != nil {
		return err
	}
	return tlog.CheckTree(hashes, p.Size, root, p.First, first)
}

func hashOf(bytes []byte) (hash tlog.Hash, err error) {
	if len(bytes) != len(hash) {
		return hash, errors.New("a hash has 32 bytes")
	}
	copy(hash[:], bytes)
	return hash, nil
}
