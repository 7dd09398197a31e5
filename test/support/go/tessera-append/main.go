// Appends to a log with Tessera's POSIX driver and prints how fast, for the bench beside Griffie's own ledger.
//
//	tessera-append -folder F -origin O -entries N -bytes B -callers C -batch S -age D -await
//
// Each caller adds an entry, waits until the log answers for it, and adds the next: with -await once a
// published checkpoint has it, as Griffie's append does; without once it is integrated.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	folder := flag.String("folder", "", "empty folder for the log")
	origin := flag.String("origin", "log.example/tessera", "name of the log and its key")
	entries := flag.Int64("entries", 1000, "entries to append")
	size := flag.Int("bytes", 700, "bytes of an entry")
	callers := flag.Int("callers", 1, "callers at the same time")
	batch := flag.Uint("batch", 256, "entries of a batch at most")
	age := flag.Duration("age", time.Millisecond, "how long a batch waits for company")
	interval := flag.Duration("interval", 100*time.Millisecond, "time between checkpoints; 100ms is the least")
	await := flag.Bool("await", false, "wait until a published checkpoint has the entry")
	flag.Parse()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	private, _, err := note.GenerateKey(rand.Reader, *origin)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: *folder})
	if err != nil {
		return err
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(*interval).
		WithBatching(*batch, *age))
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, time.Millisecond)

	var next atomic.Int64
	var failed atomic.Value
	var all sync.WaitGroup
	started := time.Now()
	for range *callers {
		all.Add(1)
		go func() {
			defer all.Done()
			for next.Add(1) <= *entries {
				entry := make([]byte, *size)
				if _, err := rand.Read(entry); err != nil {
					failed.Store(err)
					return
				}
				future := appender.Add(ctx, tessera.NewEntry(entry))
				var err error
				if *await {
					_, _, err = awaiter.Await(ctx, future)
				} else {
					_, err = future()
				}
				if err != nil {
					failed.Store(err)
					return
				}
			}
		}()
	}
	all.Wait()
	seconds := time.Since(started).Seconds()
	if err, _ := failed.Load().(error); err != nil {
		return err
	}
	if err := shutdown(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"entries": *entries, "seconds": seconds})
}
