import { describe, expect, it } from 'vitest';
import { decideRetention, noRetention, type RetentionDraft, type RetentionState } from '#shared/control';
import { believedTime } from '../../../shared/control/retention.ts';

const at = '2026-11-23T00:00:05.000Z';
const runId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
const otherId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9f';
const day = { place: 'traffic', day: '2026-05-22', rows: 5, bytes: 50 };
const configured = (version: number, period = 'P6M'): RetentionDraft => ({
  kind: 'retention.configured',
  details: { version, period, legalBasis: 'our own policy' },
});
const started = (policyVersion = 1): RetentionDraft => ({
  kind: 'retention.started',
  subject: runId,
  details: { policyVersion, through: '2026-05-22', days: [day] },
});
const certified = (
  change: { subject?: string; days?: (typeof day)[]; through?: string; policyVersion?: number } = {},
): RetentionDraft => {
  const { subject = runId, ...details } = change;
  return {
    kind: 'retention.certified',
    subject,
    details: {
      policyVersion: 1,
      through: '2026-05-22',
      days: [day],
      goneAt: at,
      places: [{ place: 'traffic', outcome: 'gone' }],
      next: [],
      ...details,
    },
  };
};

function stateAfter(...drafts: readonly RetentionDraft[]): RetentionState {
  return drafts.reduce((state, draft) => {
    const decision = decideRetention(state, draft, at, []);
    if (!decision.ok) throw new Error(decision.code);
    return decision.state;
  }, noRetention);
}
const codeOf = (state: RetentionState, draft: RetentionDraft): string | null => {
  const decision = decideRetention(state, draft, at, []);
  return decision.ok ? null : decision.code;
};

describe('entries about expiry', () => {
  it('begin with the period, then say what goes, then that it is gone', () => {
    const state = stateAfter(configured(1), started(), certified());
    expect(state).toMatchObject({ openRun: null, lastCertificate: { id: runId, through: '2026-05-22' } });
  });

  it.each<[string, RetentionState, RetentionDraft]>([
    ['retention.no_policy', noRetention, started()],
    ['retention.policy_version', noRetention, configured(2)],
    ['retention.policy_version', stateAfter(configured(1)), configured(1)],
    ['retention.policy_version', stateAfter(configured(1)), started(2)],
    ['retention.run_open', stateAfter(configured(1), started()), started()],
    ['retention.run_open', stateAfter(configured(1), started()), configured(2)],
    ['retention.run_unknown', stateAfter(configured(1)), certified()],
    ['retention.run_unknown', stateAfter(configured(1), started()), certified({ subject: otherId })],
    ['retention.run_differs', stateAfter(configured(1), started()), certified({ days: [] })],
    [
      'retention.run_differs',
      stateAfter(configured(1), started()),
      certified({ days: [{ ...day, rows: 6 }] }),
    ],
    [
      'retention.backwards',
      stateAfter(configured(1), certified({ days: [] })),
      certified({ subject: otherId, days: [], through: '2026-05-21' }),
    ],
  ])('%s', (code, state, draft) => {
    expect(codeOf(state, draft)).toBe(code);
  });

  it('may certify less far back once the period was lengthened', () => {
    const state = stateAfter(configured(1), certified({ days: [] }), configured(2, 'P12M'));
    const longer = { subject: otherId, days: [], through: '2025-11-22', policyVersion: 2 };
    expect(codeOf(state, certified(longer))).toBeNull();
  });
});

describe('the time that the ledger bears out', () => {
  const before = '2026-11-22T00:00:00.000Z';
  it.each([
    ['an entry of the service within a day', '2026-11-23T01:59:00.000Z', false, true],
    ['no entry of the service later than that', '2026-11-23T03:00:00.000Z', false, false],
    ['an entry that a person signed for, whenever', '2027-11-23T03:00:00.000Z', true, true],
    ['never an earlier time', '2026-11-21T03:00:00.000Z', true, false],
  ])('follows %s', (_, time, signed, follows) => {
    expect(believedTime(before, { at: time, signed })).toBe(follows ? time : before);
  });
});
