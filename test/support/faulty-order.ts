import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerOrder } from '#shared/ledger';

/** What befalls one send. */
export type SendFate =
  /** As it should be. */
  | 'pass'
  /** The records are there, and the answer was lost. */
  | 'answer_lost'
  /** The records never came. */
  | 'lost'
  /** They come twice, as a producer's retry may put them. */
  | 'twice'
  /** They come some time after the sender gave up. */
  | 'late';

/** An order over another one, whose sends meet what networks and crashes do to them. */
export function faultyOrder(inner: LedgerOrder, fate: () => SendFate, random: () => number): LedgerOrder {
  const refuse = (): never => {
    throw Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' });
  };
  return {
    ...inner,
    send: async (records) => {
      switch (fate()) {
        case 'lost':
          return refuse();
        case 'late':
          void sleep(1 + random() * 60).then(() => inner.send(records));
          return refuse();
        case 'twice':
          await inner.send(records);
          return inner.send(records);
        case 'answer_lost':
          await inner.send(records);
          return refuse();
        case 'pass':
          return inner.send(records);
      }
    },
  };
}
