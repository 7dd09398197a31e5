import { describe, expect, it } from 'vitest';
import { toStoreError } from '../../../shared/store/errors.ts';

const thrown = (members: object, message = "value 'suspect@example.nl' at row 1"): Error =>
  Object.assign(new Error(message), members);

describe('errors of the store', () => {
  it('are told apart by ClickHouse’s code', () => {
    expect(toStoreError(thrown({ code: '252' }), 'write').retriable).toBe(true);
    expect(toStoreError(thrown({ code: '27' }), 'write')).toMatchObject({
      code: 'store.refused',
      retriable: false,
      engineCode: '27',
    });
    expect(toStoreError(thrown({ cause: thrown({ clickhouseCode: 242 }) }), 'write').retriable).toBe(true);
    expect(toStoreError(thrown({}, 'Code: 159. DB::Exception: too slow'), 'read').engineCode).toBe('159');
  });

  it('let a write be repeated that ran out of time or memory, and a read not', () => {
    for (const code of ['159', '241']) {
      expect(toStoreError(thrown({ code }), 'write').code).toBe('store.unavailable');
      expect(toStoreError(thrown({ code }), 'read').code).toBe('store.limit_exceeded');
    }
  });

  it('take a network error for one that passes, and an unknown one for one that does not', () => {
    expect(toStoreError(thrown({ code: 'ECONNREFUSED' }), 'write')).toMatchObject({ retriable: true });
    expect(toStoreError(thrown({}), 'write')).toMatchObject({ code: 'store.refused', retriable: false });
    expect(toStoreError('no error at all', 'read').code).toBe('store.refused');
  });

  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificates'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificates'],
    ['201', 'cannot do this now'], // a quota, until its interval ends
    ['286', 'cannot do this now'], // the quorum of the insert before
    ['75', 'cannot do this now'], // a full disk
  ])('take %s for what may pass', (code, word) => {
    expect(toStoreError(thrown({ code }), 'write')).toMatchObject({
      code: 'store.unavailable',
      engineCode: code,
      message: expect.stringContaining(word),
    });
  });

  it('repeat nothing of the message, which may quote values', () => {
    for (const members of [{ code: '27' }, {}, { code: 'ECONNRESET' }, { code: 'suspect@example.nl' }]) {
      const error = toStoreError(thrown(members), 'write');
      expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('suspect');
      expect(error.cause).toBeUndefined();
    }
  });
});
