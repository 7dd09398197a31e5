/** Entries of the ledgers that are verified and started from; BENCH_LEDGER_ENTRIES gives another number. */
export function entriesAsked(): number {
  const asked = Number(process.env.BENCH_LEDGER_ENTRIES ?? 100_000);
  if (!Number.isSafeInteger(asked) || asked < 10_000) {
    throw new RangeError('BENCH_LEDGER_ENTRIES takes a number from 10000');
  }
  return asked;
}
