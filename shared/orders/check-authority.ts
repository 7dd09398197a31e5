import type { OrderProblem } from './check.ts';
import type { OrderDraft } from './order.ts';
import { type Regime, validatorRoles } from './regimes.ts';

/** Whether who issued and validated it could, for these data, by this legal basis. */
export function checkAuthority(draft: OrderDraft, regime: Regime): OrderProblem[] {
  const problems: OrderProblem[] = [];
  const refuse = (path: string, rule: string, source: string, sentence: string): void => {
    problems.push({ path, kind: 'inadmissible', rule, source, sentence });
  };
  if (draft.type !== undefined && draft.type !== regime.type) {
    refuse('type', 'order.type', regime.title, `this regime knows orders to ${regime.type} only`);
  }
  if (draft.dataCategory !== undefined && draft.dataCategory !== 'traffic') {
    refuse('dataCategory', 'order.data_category', 'Griffie', 'only traffic data are held here');
  }
  const basis = regime.refusedLegalBases.find(({ pattern }) =>
    new RegExp(pattern, 'i').test(draft.legalBasis ?? ''),
  );
  if (basis) refuse('legalBasis', basis.id, basis.source, 'this legal basis does not carry traffic data');
  if (draft.preservedUnder !== undefined && regime.type !== 'produce') {
    refuse('preservedUnder', 'order.preserved_under', 'Griffie', 'only an order to produce asks for records');
  }
  const role = draft.issuer?.role;
  const validator = draft.validatedBy?.role;
  if (validator !== undefined && !validatorRoles.includes(validator)) {
    refuse(
      'validatedBy.role',
      regime.issuerRule.id,
      regime.issuerRule.source,
      'only a judge or court can validate',
    );
  }
  if (role !== undefined) {
    const alone = regime.issuers.includes(role);
    const validated = regime.issuersIfValidated.includes(role);
    if (!alone && !validated) {
      refuse(
        'issuer.role',
        regime.issuerRule.id,
        regime.issuerRule.source,
        'this authority cannot issue such an order',
      );
    } else if (
      !alone &&
      validator === undefined &&
      !regime.required.some(({ path }) => path === 'validatedBy')
    ) {
      refuse(
        'validatedBy',
        regime.issuerRule.id,
        regime.issuerRule.source,
        'an order of this authority must be validated',
      );
    }
  }
  return problems;
}

/** Whether another authority was notified as the regime asks: who, and when. */
export function checkNotification({ notification }: OrderDraft, regime: Regime): OrderProblem[] {
  if (notification === undefined) return [];
  const { notification: rule } = regime;
  const { id, source } = rule ?? { id: 'order.notification', source: regime.title };
  const problem = (path: string, kind: OrderProblem['kind'], sentence: string): OrderProblem => ({
    path,
    kind,
    rule: id,
    source,
    sentence,
  });
  if (rule === undefined) {
    return [problem('notification', 'inadmissible', 'this regime knows no notification of an authority')];
  }
  const members = ['enforcingAuthority', 'notifiedAt'] as const;
  return members.flatMap((member): OrderProblem[] => {
    const path = `notification.${member}`;
    const there = notification[member] !== undefined;
    if (notification.required === true && !there) return [problem(path, 'missing', `${path} is missing`)];
    if (notification.required !== true && there) {
      return [problem(path, 'invalid', `${path} is there, and notification.required is not true`)];
    }
    return [];
  });
}
