import type { OrderEntry } from './fold-order.ts';

/**
 * The bodies that a signed request about an order can have had, in the spelling of Griffie's own clients, as
 * far as the entry tells them. None where they are in a case file.
 */
export function orderBodies(entry: OrderEntry): readonly object[] {
  switch (entry.kind) {
    case 'order.approved':
    case 'order.rejected': {
      const { version, ...said } = entry.details;
      // The first version need not be named.
      return version === 1 ? [said, { version, ...said }] : [{ version, ...said }];
    }
    case 'order.suspended':
    case 'order.revoked':
    case 'order.resumed':
    case 'order.clarification_answered':
    case 'order.notification_answered':
    case 'order.followed_up':
      return [entry.details];
    case 'order.clarification_asked': {
      const { version, grounds } = entry.details;
      return [{ version, grounds }];
    }
    default:
      return [];
  }
}
